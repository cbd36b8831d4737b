"""The lab's view of the machine: everything is there, and nothing that is changed stays.

The root is an overlay: this machine below, memory on top. What the kernel shares with the whole
machine and keeps in files (the settings in /proc/sys that no namespace owns, /sys/kernel) is
read-only in it, so that a test that breaks such a setting cannot break the machine. It keeps
honest work apart; it is no prison: root in a lab is root. Imports this package only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import stat
from collections.abc import Iterator

from . import lab_errors, records, syscalls

HOST_NAME = "lab"
_STATE = ("/var/lib/lxd", "/var/log/lxd", "/var/cache/lxd")  # LXD's own, where it is no snap
_ETC = {  # A name server's address of the machine would be no use, and dnsmasq may stumble on it.
    "/etc/hostname": f"{HOST_NAME}\n",
    "/etc/resolv.conf": "# A lab has no outside network, so no name server.\n",
}
_FRESH = ("/proc", "/sys", "/dev", "/run", *_ETC)  # made anew, never taken from the machine
_MACHINE_WIDE = ("/sys/kernel", "/sys/module", "/sys/power", "/sys/firmware")
_SLAB = "/sys/kernel/slab"  # Its mode is a control's subject, so it may be changed in the view.
_FAR_AWAY = {"autofs", "nfs", "nfs4", "cifs", "smb3", "fuse"}  # A look at them may hang.
_CLIENT_CONFIG = "default-remote: local\nremotes: {}\naliases: {}\n"
_DEVICE_NODES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun")
_DEVICE_DIRECTORIES = ("net", "pts", "shm", "mqueue", ".lxc", ".lxc/proc", ".lxc/sys")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_IN_MEMORY = "mode=755,nr_inodes=0"  # A thousand busybox containers are half a million inodes.


def enter() -> None:
    """Move this process, PID 1 of a new PID namespace, into a view of its own.

    Raises:
        LabUnavailable: no overlay can be laid over the machine's root.
        OSError: any other step fails; it names the path.
    """
    syscalls.unshare(
        syscalls.CLONE_NEWNS
        | syscalls.CLONE_NEWNET
        | syscalls.CLONE_NEWIPC
        | syscalls.CLONE_NEWUTS
        | syscalls.CLONE_NEWCGROUP
    )
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.enter_root(str(_view()))
    _be_a_machine_of_its_own()


def to_show(mounts: str) -> Iterator[pathlib.Path]:
    """Yield the mount points of the machine to show besides its root, outermost first.

    Left out is what a lab makes anew, and what is far away.

    Args:
        mounts: the text of /proc/self/mountinfo.
    """
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        # The kernel writes a space in a path as \040.
        point = before.split()[4].encode().decode("unicode_escape").encode("latin-1")
        text, kind = os.fsdecode(point), after.split()[0].partition(".")[0]
        is_fresh = any(text == path or text.startswith(path + "/") for path in _FRESH)
        if text != "/" and not is_fresh and kind not in _FAR_AWAY:
            yield pathlib.Path(text)


def _view() -> pathlib.Path:
    """Build the whole tree on a tmpfs that only this mount namespace sees."""
    stage = records.DIRECTORY  # It exists: the lab's record is in it.
    mounts = tuple(to_show(pathlib.Path("/proc/self/mountinfo").read_text()))
    syscalls.mount("lxdsec", str(stage), "tmpfs", options=_IN_MEMORY)
    root = stage / "root"
    root.mkdir()
    _overlay_root(stage / "top", root)
    for number, point in enumerate(mounts):
        _show(point, stage / str(number), root)
    _kernel_file_systems(root)
    _protect_machine(root, stage / "slab")
    _devices(root / "dev")
    return root


def _below(root: pathlib.Path, path: str | pathlib.Path) -> pathlib.Path:
    return root / str(path).lstrip("/")


def _overlay_root(layer: pathlib.Path, root: pathlib.Path) -> None:
    try:
        _overlay(pathlib.Path("/"), layer, root)
    except OSError as error:
        if error.errno == errno.ENODEV:
            reason = "this kernel has no overlay file system: modprobe overlay"
        else:
            reason = (
                f"no overlay can be laid over this machine's root ({error.strerror}): "
                "use a machine whose root is a plain file system, such as ext4"
            )
        raise lab_errors.LabUnavailable(f"lab: {reason}") from error


def _overlay(lower: pathlib.Path, layer: pathlib.Path, target: pathlib.Path) -> None:
    """Show `lower` at `target`, writable; what is written goes to `layer`."""
    upper, work = layer / "upper", layer / "work"
    for directory in (layer, upper, work):
        directory.mkdir()
    _like(lower.stat(), upper)
    options = f"lowerdir={_escaped(lower)},upperdir={upper},workdir={work}"
    syscalls.mount("lxdsec", str(target), "overlay", options=options)


def _like(status: os.stat_result, path: pathlib.Path) -> None:
    os.chown(path, status.st_uid, status.st_gid)
    path.chmod(stat.S_IMODE(status.st_mode))


def _escaped(path: pathlib.Path) -> str:
    return str(path).replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:")


def _show(point: pathlib.Path, layer: pathlib.Path, root: pathlib.Path) -> None:
    """Show one more of the machine's file systems: writable in the view only, else read-only."""
    target = _below(root, point)
    if point.is_dir() and target.is_dir():
        try:
            _overlay(point, layer, target)
        except OSError:  # vfat and the like cannot be a lower layer.
            syscalls.bind(str(point), str(target), is_read_only=True)
    elif point.is_file() and target.is_file():
        syscalls.bind(str(point), str(target), is_read_only=True)


def _kernel_file_systems(root: pathlib.Path) -> None:
    quiet = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    for name in ("proc", "sys", "run", "dev"):
        (root / name).mkdir(exist_ok=True)
    syscalls.mount("proc", f"{root}/proc", "proc", quiet)
    syscalls.mount("sysfs", f"{root}/sys", "sysfs", quiet)
    syscalls.mount("cgroup2", f"{root}/sys/fs/cgroup", "cgroup2", quiet)
    syscalls.mount(
        "tmpfs", f"{root}/run", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755"
    )
    (root / "run/lock").mkdir()


def _protect_machine(root: pathlib.Path, layer: pathlib.Path) -> None:
    settings = (path for path in (root / "proc/sys").iterdir() if path.name != "net")
    others = (_below(root, path) for path in ("/proc/sysrq-trigger", *_MACHINE_WIDE))
    for path in (*sorted(settings), *others):
        if path.exists():
            syscalls.bind(str(path), str(path), is_read_only=True)
    slab = _below(root, _SLAB)
    if slab.is_dir():
        _overlay(slab, layer, slab)
    # AppArmor profiles are the whole machine's: a lab that loaded some would leave them behind.
    apparmor = root / "sys/module/apparmor"
    if apparmor.is_dir():
        syscalls.mount("none", str(apparmor), "tmpfs", syscalls.MS_RDONLY)


def _devices(directory: pathlib.Path) -> None:
    syscalls.mount("tmpfs", str(directory), "tmpfs", syscalls.MS_NOSUID, "mode=755")
    for name in _DEVICE_DIRECTORIES:
        (directory / name).mkdir()
    for name in _DEVICE_NODES:
        machine = pathlib.Path("/dev", name)
        if machine.exists():
            status = machine.stat()
            os.mknod(directory / name, status.st_mode, status.st_rdev)
            _like(status, directory / name)
    for name, target in _DEVICE_LINKS.items():
        (directory / name).symlink_to(target)
    options = "newinstance,ptmxmode=666,mode=620,gid=5"  # gid 5: tty, as on every Debian
    syscalls.mount("devpts", f"{directory}/pts", "devpts", options=options)
    syscalls.mount(
        "tmpfs", f"{directory}/shm", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=1777"
    )
    syscalls.mount("mqueue", f"{directory}/mqueue", "mqueue")
    # The kernel lets a container's user namespace mount a /proc and a /sys of its own only
    # where it can see one of which nothing is covered; these are where LXD itself puts such.
    syscalls.mount("proc", f"{directory}/.lxc/proc", "proc")
    syscalls.mount("sysfs", f"{directory}/.lxc/sys", "sysfs")


def _be_a_machine_of_its_own() -> None:
    """Forget what this machine's LXD and its client hold; take another name.

    After the root was entered: a symlink in these paths shall lead nowhere else.
    """
    for path in _STATE:
        _empty(pathlib.Path(path))
    for name, text in _ETC.items():
        pathlib.Path(name).unlink(missing_ok=True)  # It may be a link to what is not here.
        pathlib.Path(name).write_text(text)
    config = pathlib.Path("/root/.config/lxc")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(config)
    config.mkdir(parents=True)
    # With no file at all, the client greets its new user between the lines of a test.
    (config / "config.yml").write_text(_CLIENT_CONFIG)


def _empty(path: pathlib.Path) -> None:
    """Cover a directory of the machine's own LXD, keeping its owner and mode."""
    path.mkdir(mode=0o711, parents=True, exist_ok=True)
    status = path.stat()
    syscalls.mount("lxdsec", str(path), "tmpfs", options=_IN_MEMORY)
    _like(status, path)
