"""The check that a machine can run labs."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

from . import handle, image, lab_errors

_TOOLS = (  # the program and its Debian package
    ("lxd", "lxd"),
    ("lxc", "lxd-client"),
    ("dnsmasq", "dnsmasq-base"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
)
# The containers of most CI systems may not create these namespaces, not even as root.
_KINDS = ("--mount", "--net", "--ipc", "--uts", "--cgroup", "--pid", "--fork")
_MOUNT = ("mount", "-t", "tmpfs", "lxdsec", "/tmp")  # noqa: S108  # in a private mount namespace
_PT_INTERP = 3


def check() -> None:
    """Raise an error with all missing requirements, unless this machine can run a lab.

    Raises:
        LabUnavailable: Root, a program or a privilege is missing; the text names the remedy.
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
        reason = (done.stderr.strip() or "no error message").splitlines()[-1]
        raise lab_errors.LabUnavailable(
            f"lab: root may not create namespaces here ({reason}): "
            "use a physical or virtual machine, or a privileged container"
        )


def is_static(program: pathlib.Path) -> bool:
    """Return True if this is an ELF program without a dynamic loader (PT_INTERP, elf(5))."""
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
    # The LXD of a snap runs under snapd only; it cannot be started in the lab's namespaces.
    return path is not None and not os.path.realpath(path).startswith("/snap/")
