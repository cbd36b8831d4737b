"""The image of the lab's containers, built from the machine's static busybox.

The image has two megabytes and needs no download: it holds the program, a link for each applet,
and an init that starts and stops at once.
"""

from __future__ import annotations

import io
import pathlib
import subprocess
import tarfile
from collections.abc import Iterator

BUSYBOX = "/bin/busybox"
ALIAS = "busybox"
DESCRIPTION = "busybox, built by lxdsec"

_DIRECTORIES = {
    **dict.fromkeys(("bin", "sbin", "etc", "root", "usr", "usr/bin", "usr/sbin"), 0o755),
    **dict.fromkeys(("dev", "proc", "sys", "run", "var", "var/log", "mnt", "home"), 0o755),
    "tmp": 0o1777,
}

# LXC sends SIGPWR to stop a container. The shell reaps every child while it waits for one.
_INIT = """\
#!/bin/sh
trap 'exit 0' PWR TERM INT
export PATH=/sbin:/bin
ip link set lo up
for nic in /sys/class/net/eth*; do
    [ -e "$nic" ] || continue
    nic=${nic##*/}
    ip link set "$nic" up
    # A routed NIC has its addresses already and no DHCP server behind it.
    ip -4 addr show dev "$nic" | grep -q inet ||
        udhcpc -i "$nic" -q -t 3 -T 1 -n -s /etc/udhcpc.script >/dev/null 2>&1 &
done
while :; do
    sleep 86400 &
    wait $!
done
"""
_DHCP = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "$router" dev "$interface"
"""
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/os-release": 'ID=busybox\nNAME="Busybox"\n',
}
_SCRIPTS = {"sbin/init": _INIT, "etc/udhcpc.script": _DHCP}


def build(architecture: str) -> bytes:
    """Return the image as LXD's unified tarball.

    Args:
        architecture: The server's architecture in LXD's naming, such as `x86_64`.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        _add_file(archive, "metadata.yaml", _metadata(architecture).encode(), 0o644)
        _add_directory(archive, "rootfs", 0o755)
        for name, mode in _DIRECTORIES.items():
            _add_directory(archive, f"rootfs/{name}", mode)
        _add_file(archive, "rootfs/bin/busybox", pathlib.Path(BUSYBOX).read_bytes(), 0o755)
        for name in applets():
            _add_link(archive, f"rootfs/bin/{name}", "busybox")
        for name, text in _FILES.items():
            _add_file(archive, f"rootfs/{name}", text.encode(), 0o644)
        for name, text in _SCRIPTS.items():
            _add_file(archive, f"rootfs/{name}", text.encode(), 0o755)
    return buffer.getvalue()


def applets() -> Iterator[str]:
    """Yield the applets of this busybox, without busybox itself and init, which is our own."""
    done = subprocess.run([BUSYBOX, "--list"], stdout=subprocess.PIPE, text=True, check=True)
    return (name for name in done.stdout.split() if name not in ("busybox", "init", "linuxrc"))


def _metadata(architecture: str) -> str:
    return (
        f"architecture: {architecture}\n"
        "creation_date: 1\n"
        f"properties:\n  description: {DESCRIPTION}\n  os: busybox\n"
    )


def _add_directory(archive: tarfile.TarFile, name: str, mode: int) -> None:
    entry = _entry(name, mode)
    entry.type = tarfile.DIRTYPE
    archive.addfile(entry)


def _add_file(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = _entry(name, mode)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    entry = _entry(name, 0o777)
    entry.type = tarfile.SYMTYPE
    entry.linkname = target
    archive.addfile(entry)


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    return entry
