"""Records the example: the evidence of a complete host, from an audit over ssh.

`make example` runs it. The file ships with the package; `make audit` replays it if no LXD can run,
and the fast tests read it.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

from tests.lab import audits

from . import clients, host_errors, ready, vm

# A name reserved by RFC 2606. The port and the paths of this machine stay out of the file.
ADDRESS = "lxd.example.net"
# They show nothing new, and each makes the file longer by a twentieth.
_LESS = """\
lxc delete --force frozen isolated twin
lxc delete --force --project tenants twin
"""
PROBE_SECONDS = 600.0  # an instance takes a quarter of a minute to start here
_WITH_FINDINGS = 1  # pytest's exit status: the scenario has findings


def main(path: pathlib.Path) -> str:
    """Record to `path`; return one line with the audited host, or the reason of a failure."""
    with tempfile.TemporaryDirectory(prefix="lxdsec-") as work:
        directory = pathlib.Path(work)
        try:
            with ready.running(directory) as host:
                host.shell(_LESS)
                clients.trusted(host, directory)
                return _record(host, directory / "audit", path.resolve())
        except (host_errors.HostBroken, host_errors.HostUnavailable) as reason:
            raise SystemExit(str(reason)) from reason


def _record(host: vm.Vm, directory: pathlib.Path, path: pathlib.Path) -> str:
    path.unlink(missing_ok=True)  # an old file must not look like the result of this run
    target = host.ssh(address=ADDRESS)
    options = ("--lxd-probe", f"--lxd-save-evidence={path}")
    audit = audits.run(directory, f"--lxd-host={target}", *options, seconds=PROBE_SECONDS)
    if audit.status != _WITH_FINDINGS or not path.exists():
        raise SystemExit(audit.output)
    path.chmod(0o644)  # the host does not exist any more: no secrets
    return next(line for line in audit.output.splitlines() if line.startswith("lxd: "))


if __name__ == "__main__":
    print(main(pathlib.Path(sys.argv[1])))  # noqa: T201 - a command
