"""Helpers for tests of probes: a run of all probes, and the probe's objects on a lab's host."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from typing import Any

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import gather, model, probe_project
from pytest_lxdsec.probe import run as probes
from pytest_lxdsec.probe import senders

from . import both_ways, kernel_agreement

LEFT = f"""
lxc project list -f csv -c n 2>/dev/null | grep {probe_project.PROJECT}
lxc list --all-projects -f csv -c n | grep -e {probe_project.SENDER} -e {probe_project.PEER}
ip -o link | grep -e {senders.SENDER_PORT} -e {senders.PEER_PORT}
nft list ruleset | grep {probe_project.PROJECT}
ls /var/lib/lxd/networks/*/dnsmasq.hosts | grep {probe_project.PROJECT}
ls /var/lib/lxd/containers | grep {probe_project.PROJECT}
cat /var/lib/lxd/networks/*/dnsmasq.leases | grep lxdsec
ps -e -o args | grep 'import base64,sys,[z]lib'
"""


def probed(lab: labs.Lab) -> model.Evidence:
    """Gather the lab's evidence, with probes."""
    return both_ways.see(lab, probing=True)


def tried(lab: labs.Lab) -> Mapping[str, Any]:
    """Run the probes; return the entry of the part `trials`."""
    connection = both_ways.connect(lab)
    try:
        api, shell = connection.api(), connection.shell()
        seen = gather.gather("lab", api, shell)
        return probes.run(seen, api, shell, interrupted=threading.Event())
    finally:
        connection.close()


def left(lab: labs.Lab) -> str:
    """Return the probe's objects on the host, one on each line; "" if there are none."""
    return lab.shell(LEFT).stdout.decode()


def stopped(settings: Mapping[str, Mapping[str, str]]) -> labs.scenarios.Scenario:
    """Return a scenario with a stopped instance for each setting of a NIC."""
    nic = {"type": "nic", "name": "eth0", "network": labs.scenarios.BRIDGE}
    instances = tuple(
        labs.scenarios.Instance(
            name=f"has-{name.replace('+', '-')}",
            devices={"eth0": {**nic, **setting}},
            state=labs.scenarios.State.STOPPED,
        )
        for name, setting in settings.items()
    )
    return dataclasses.replace(labs.scenarios.BARE, name="settings", instances=instances)


SETTINGS = {
    name: setting
    for name, setting in kernel_agreement.SETTINGS.items()
    if name not in ("none", "routes", "site")
}
