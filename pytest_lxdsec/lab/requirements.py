"""What a machine must have to carry a lab; imports this package's faults only."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

from . import handle, image, lab_errors

_TOOLS = (  # the program, the Debian package that brings it
    ("lxd", "lxd"),
    ("lxc", "lxd-client"),
    ("dnsmasq", "dnsmasq-base"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
)
# What a container of a CI system is mostly without, root or not.
_KINDS = ("--mount", "--net", "--ipc", "--uts", "--cgroup", "--pid", "--fork")
_MOUNT = ("mount", "-t", "tmpfs", "lxdsec", "/tmp")  # noqa: S108  # seen by nobody, gone at once
_PT_INTERP = 3


def check() -> None:
    """Say what is missing, all at once.

    Raises:
        LabUnavailable: with the command that brings it.
    """
    if os.geteuid() != 0:
        raise lab_errors.LabUnavailable("lab: needs root: run it as root (sudo)")
    missing = [(tool, package) for tool, package in _TOOLS if not _has(tool)]
    if not is_static(pathlib.Path(image.BUSYBOX)):
        missing.append(("a static busybox", "busybox-static"))
    if missing:
        tools = ", ".join(tool for tool, _ in missing)
        packages = " ".join(package for _, package in missing)
        raise lab_errors.LabUnavailable(f"lab: no {tools}: apt-get install {packages}")
    _check_namespaces()


def _check_namespaces() -> None:
    done = subprocess.run(
        ["unshare", *_KINDS, *_MOUNT],
        env={**os.environ, "PATH": handle.PATH, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = (done.stderr.strip() or "without a word").splitlines()[-1]
        raise lab_errors.LabUnavailable(
            f"lab: root here may make no namespaces of its own ({words}): "
            "use a machine or a virtual one, or give the container its privileges"
        )


def is_static(program: pathlib.Path) -> bool:
    """Whether this is an ELF program that runs where no library is: it asks for no loader."""
    try:
        content = program.read_bytes()
    except FileNotFoundError:
        return False
    if content[:4] != b"\x7fELF":
        return False
    is_wide, order = content[4] == 2, "little" if content[5] == 1 else "big"  # noqa: PLR2004  # ELFCLASS64
    offset_at, size_at, count_at = (32, 54, 56) if is_wide else (28, 42, 44)

    def number(at: int, width: int) -> int:
        return int.from_bytes(content[at : at + width], order)  # type: ignore[arg-type]  # one of two literals

    table, size = number(offset_at, 8 if is_wide else 4), number(size_at, 2)
    headers = range(table, table + size * number(count_at, 2), size or 1)
    return all(number(at, 4) != _PT_INTERP for at in headers)


def _has(tool: str) -> bool:
    path = shutil.which(tool, path=handle.PATH)
    # A snap's LXD runs under snapd only; it cannot be started in namespaces of our own.
    return path is not None and not os.path.realpath(path).startswith("/snap/")
