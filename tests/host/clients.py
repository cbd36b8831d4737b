"""Certificates of clients, for options like `--lxd-cert`, and for LXD's trust store."""

from __future__ import annotations

import pathlib
import subprocess

from . import vm

UNRESTRICTED, RESTRICTED = "client", "restricted"


def trusted(host: vm.Vm, directory: pathlib.Path) -> pathlib.Path:
    """Make two clients that the host trusts, each in another way; return `directory`."""
    for name, options in ((UNRESTRICTED, ""), (RESTRICTED, "--restricted --projects tenants")):
        _make(directory, name)
        content = (directory / f"{name}.crt").read_bytes()
        host.shell(f"cat > /root/{name}.crt", input=content)
        host.shell(f"lxc config trust add /root/{name}.crt --name {name} {options}")
    (directory / "server.crt").write_text(host.shell("cat /var/lib/lxd/server.crt"))
    return directory


def forgotten(host: vm.Vm) -> None:
    """Undo `trusted`."""
    for name in (UNRESTRICTED, RESTRICTED):
        listed = "lxc config trust list --format csv"  # type, name, common name, fingerprint
        fingerprint = f"{listed} | awk -F, '$2 == \"{name}\" {{print $4}}'"
        host.shell(f"lxc config trust remove $({fingerprint})")


def options(directory: pathlib.Path, name: str) -> list[str]:
    """Return the options of an audit with this client's certificate."""
    files = {"cert": f"{name}.crt", "key": f"{name}.key", "server-cert": "server.crt"}
    return [f"--lxd-{option}={directory / file}" for option, file in files.items()]


def _make(directory: pathlib.Path, name: str) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]
    command += ["-sha384", "-nodes", "-days", "30", "-subj", f"/CN={name}"]
    command += ["-keyout", str(directory / f"{name}.key"), "-out", str(directory / f"{name}.crt")]
    subprocess.run(command, check=True, capture_output=True)
