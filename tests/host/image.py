"""A disk image of a Debian host, built with the machine's own apt and kept in the cache."""

from __future__ import annotations

import datetime
import os
import pathlib
import platform
import shutil
import subprocess

from tests.host.host_errors import HostBroken, HostUnavailable

from . import cache, machine, recipe

SCRIPT = pathlib.Path(__file__).with_name("image.sh")
ALIAS = "lxdsec-host"  # ssh's name for every host of this image, for any port
LOG = "build.log"
_SECONDS = 900
_TOOLS = (  # the program and its Debian package
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-img", "qemu-utils"),
    ("debootstrap", "debootstrap"),
    ("mke2fs", "e2fsprogs"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
)


def check() -> None:
    """Raise an error with all missing requirements, unless this machine can build an image.

    Raises:
        HostUnavailable: A program is missing; the text names the command that installs it.
    """
    if platform.machine() != "x86_64":
        raise HostUnavailable(f"host: the image is for x86_64, not {platform.machine()}")
    if os.geteuid() != 0:
        raise HostUnavailable("host: needs root, to build the image: run it as root (sudo)")
    missing = [package for tool, package in _TOOLS if shutil.which(tool, path=_path()) is None]
    if missing:
        packages = " ".join(dict.fromkeys(missing))
        raise HostUnavailable(f"host: tools are missing: apt-get install {packages}")


def get(apt: machine.Apt) -> pathlib.Path:
    """Return the directory of the image: `disk.raw`, `vmlinuz`, `initrd.img`, `key`, `config`.

    The image's package index is as old as the image, so every week has an image of its own.

    Args:
        apt: The source of the packages, which also determines the release.

    Raises:
        HostUnavailable: This machine cannot build an image.
        HostBroken: The build failed; the text is the end of its log.
    """
    check()
    files = [SCRIPT, pathlib.Path(__file__), pathlib.Path(cache.__file__)]
    data = (recipe.PACKAGES, recipe.UNITS, recipe.MASKED, recipe.OPERATOR, recipe.FILES)
    year, week, _ = datetime.datetime.now(datetime.UTC).isocalendar()
    versions = "\n".join(apt.versions())
    parts = (cache.sources(files), repr(data), apt.codename, versions, f"{year} {week}")
    return cache.entry(f"image-{cache.key(*parts)}", lambda place: build(apt, place))


def build(apt: machine.Apt, directory: pathlib.Path) -> None:
    """Make an image in `directory`; see `get` for the errors."""
    _make_key(directory)
    _lay_out(apt, directory)
    main = apt.main_archive()
    # It dies with this process, and so do its children: a killed run leaves no builder behind.
    command = ["setpriv", "--pdeathsig", "KILL"]
    command += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--"]
    arguments = [main.codename, main.uri, str(machine.KEYRING), recipe.OPERATOR]
    with (directory / LOG).open("wb") as log:
        done = subprocess.run(
            [*command, "sh", str(SCRIPT), *arguments],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode:
        raise HostBroken(f"host: the image was not built: {_end(directory / LOG)}")
    _write_client_files(directory)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _make_key(directory: pathlib.Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", ALIAS]
    subprocess.run([*command, "-f", str(directory / "key")], check=True)
    shutil.copy(directory / "key.pub", directory / "authorized_keys")


def _lay_out(apt: machine.Apt, directory: pathlib.Path) -> None:
    """Write the files that the script reads."""
    lists = {
        "packages": recipe.PACKAGES,
        "units": recipe.UNITS,
        "masked": recipe.MASKED,
        "apt/debian.list": tuple(source.line for source in apt.sources()),
        "apt/machine.conf": (machine.configuration(),),
    }
    (directory / "apt").mkdir()
    for name, lines in lists.items():
        (directory / name).write_text("".join(f"{line}\n" for line in lines))
    for name, (content, mode) in recipe.FILES.items():
        path = directory / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)


def _write_client_files(directory: pathlib.Path) -> None:
    public = (directory / "host_key.pub").read_text()
    (directory / "known_hosts").write_text(f"{ALIAS} {public}")


def _end(log: pathlib.Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return " / ".join(line.strip() for line in lines[-3:]) or "no error message"
