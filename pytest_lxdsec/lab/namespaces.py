"""The lab's view of the machine: all of its files, with changes that are lost at the end.

The root is an overlay: this machine below, memory on top. Kernel settings that belong to the whole
machine (those in /proc/sys without a namespace, and /sys/kernel) are read-only in the lab, so that
a test that breaks such a setting cannot break the machine. The view separates tests from the
machine; it is not a security boundary: root in a lab is root on the machine.
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
_STATE = ("/var/lib/lxd", "/var/log/lxd", "/var/cache/lxd")  # LXD's own, if it is not a snap
_ETC = {  # The lab cannot reach the machine's name servers, and dnsmasq may fail on them.
    "/etc/hostname": f"{HOST_NAME}\n",
    "/etc/resolv.conf": "# A lab has no outside network, so no name server.\n",
}
_FRESH = ("/proc", "/sys", "/dev", "/run", *_ETC)  # created for the lab, not the machine's
_MACHINE_WIDE = ("/sys/kernel", "/sys/module", "/sys/power", "/sys/firmware")
_SLAB = "/sys/kernel/slab"  # A control checks its mode, so the lab may change it in its view.
_REMOTE = {"autofs", "nfs", "nfs4", "cifs", "smb3", "fuse"}  # Access to them may hang.
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
_IN_MEMORY = "mode=755,nr_inodes=0"  # A thousand busybox containers need half a million inodes.


def enter() -> None:
    """Move this process, PID 1 of a new PID namespace, into a view of its own.

    Raises:
        LabUnavailable: An overlay cannot be mounted over the machine's root.
        OSError: Any other step fails; the error names the path.
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
    """Yield the machine's mount points to show besides its root, outermost first.

    Mounts that a lab creates itself and remote file systems are left out.

    Args:
        mounts: The text of /proc/self/mountinfo.
    """
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        # The kernel writes a space in a path as \040.
        point = before.split()[4].encode().decode("unicode_escape").encode("latin-1")
        text, kind = os.fsdecode(point), after.split()[0].partition(".")[0]
        is_fresh = any(text == path or text.startswith(path + "/") for path in _FRESH)
        if text != "/" and not is_fresh and kind not in _REMOTE:
            yield pathlib.Path(text)


def _view() -> pathlib.Path:
    """Build the lab's file tree on a tmpfs that only this mount namespace sees."""
    base = records.DIRECTORY  # It exists: the lab's record is in it.
    mounts = tuple(to_show(pathlib.Path("/proc/self/mountinfo").read_text()))
    syscalls.mount("lxdsec", str(base), "tmpfs", options=_IN_MEMORY)
    root = base / "root"
    root.mkdir()
    _overlay_root(base / "top", root)
    for number, point in enumerate(mounts):
        _show(point, base / str(number), root)
    _kernel_file_systems(root)
    _protect_machine(root, base / "slab")
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
                f"cannot mount an overlay over this machine's root ({error.strerror}): "
                "use a machine whose root is a plain file system, such as ext4"
            )
        raise lab_errors.LabUnavailable(f"lab: {reason}") from error


def _overlay(lower: pathlib.Path, layer: pathlib.Path, target: pathlib.Path) -> None:
    """Mount an overlay of `lower` at `target`; writes go to `layer`."""
    upper, work = layer / "upper", layer / "work"
    for directory in (layer, upper, work):
        directory.mkdir()
    _copy_owner_and_mode(lower.stat(), upper)
    options = f"lowerdir={_escaped(lower)},upperdir={upper},workdir={work}"
    syscalls.mount("lxdsec", str(target), "overlay", options=options)


def _copy_owner_and_mode(status: os.stat_result, path: pathlib.Path) -> None:
    os.chown(path, status.st_uid, status.st_gid)
    path.chmod(stat.S_IMODE(status.st_mode))


def _escaped(path: pathlib.Path) -> str:
    return str(path).replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:")


def _show(point: pathlib.Path, layer: pathlib.Path, root: pathlib.Path) -> None:
    """Show another file system of the machine: as an overlay if possible, else read-only."""
    target = _below(root, point)
    if point.is_dir() and target.is_dir():
        try:
            _overlay(point, layer, target)
        except OSError:  # vfat, for example, cannot be a lower layer.
            syscalls.bind(str(point), str(target), is_read_only=True)
    elif point.is_file() and target.is_file():
        syscalls.bind(str(point), str(target), is_read_only=True)


def _kernel_file_systems(root: pathlib.Path) -> None:
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    for name in ("proc", "sys", "run", "dev"):
        (root / name).mkdir(exist_ok=True)
    syscalls.mount("proc", f"{root}/proc", "proc", flags)
    syscalls.mount("sysfs", f"{root}/sys", "sysfs", flags)
    syscalls.mount("cgroup2", f"{root}/sys/fs/cgroup", "cgroup2", flags)
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
    # AppArmor profiles belong to the whole machine: those that a lab loads would remain.
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
            _copy_owner_and_mode(status, directory / name)
    for name, target in _DEVICE_LINKS.items():
        (directory / name).symlink_to(target)
    options = "newinstance,ptmxmode=666,mode=620,gid=5"  # gid 5 is tty on every Debian
    syscalls.mount("devpts", f"{directory}/pts", "devpts", options=options)
    syscalls.mount(
        "tmpfs", f"{directory}/shm", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=1777"
    )
    syscalls.mount("mqueue", f"{directory}/mqueue", "mqueue")
    # The kernel lets a container's user namespace mount its own /proc and /sys only if a complete
    # one is visible, without mounts on top. LXD itself puts them at these paths.
    syscalls.mount("proc", f"{directory}/.lxc/proc", "proc")
    syscalls.mount("sysfs", f"{directory}/.lxc/sys", "sysfs")


def _be_a_machine_of_its_own() -> None:
    """Hide the state of this machine's LXD and client; write the lab's files in /etc.

    Call it after the root was entered: a symlink in these paths must not lead out of the lab.
    """
    for path in _STATE:
        _empty(pathlib.Path(path))
    for name, text in _ETC.items():
        pathlib.Path(name).unlink(missing_ok=True)  # It may be a dangling link.
        pathlib.Path(name).write_text(text)
    config = pathlib.Path("/root/.config/lxc")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(config)
    config.mkdir(parents=True)
    # Without this file the client prints a greeting into the output of a test.
    (config / "config.yml").write_text(_CLIENT_CONFIG)


def _empty(path: pathlib.Path) -> None:
    """Cover a directory of the machine's LXD with an empty one of the same owner and mode."""
    path.mkdir(mode=0o711, parents=True, exist_ok=True)
    status = path.stat()
    syscalls.mount("lxdsec", str(path), "tmpfs", options=_IN_MEMORY)
    _copy_owner_and_mode(status, path)
