"""The sweep in a lab, run like an audit's, and LXD's own reports of the containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import guest_script, host_sweep
from pytest_lxdsec.lab import lxd_client
from pytest_lxdsec.lxd import api_endpoints
from pytest_lxdsec.transport import Output


def parts(lab: labs.Lab, *paths: str) -> Mapping[str, Mapping[str, Any]]:
    """Run the sweep; return all parts of the host's evidence, present or missing."""
    server = lxd_client.Client(lab.socket).get("/1.0")
    question = host_sweep.Question(
        server_pid=server["environment"]["server_pid"],
        socket="/var/lib/lxd/unix.socket",
        endpoints=(api_endpoints.OPEN, *api_endpoints.protected(server["api_extensions"])),
        paths=paths,
        probe=guest_script.SCRIPT,
    )
    done = lab.run("sh", "-c", host_sweep.command(question), timeout=150)
    return host_sweep.read(
        Output(exit_status=done.returncode, stdout=done.stdout, stderr=done.stderr)
    )


def containers(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the containers of the parts, by liblxc's name."""
    return {one["lxc_name"]: one for one in found["host.containers"]["value"]}


def states(lab: labs.Lab) -> dict[str, Any]:
    """Return LXD's document of each running container, by liblxc's name."""
    found = lxd_client.Client(lab.socket).get("/1.0/instances?recursion=2&all-projects=true")
    return {
        _internal(entry["project"], entry["name"]): entry
        for entry in found
        if entry["state"]["pid"] > 0
    }


def _internal(project: str, name: str) -> str:
    return name if project == "default" else f"{project}_{name}"
