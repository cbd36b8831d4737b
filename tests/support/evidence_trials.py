"""What probes would bring back from the server of `evidence_documents`."""

from __future__ import annotations

import ipaddress
from typing import Any

from pytest_lxdsec.checks.routed_nics import probe_packets
from pytest_lxdsec.firewall.spoofing import frame_kinds
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY, FilteredNic
from pytest_lxdsec.probe import run

from . import evidence_api, firewall_table

Json = dict[str, Any]

MAC, IPV4, IPV6 = "02:5e:00:00:00:01", "10.10.10.254", "2001:db8:10::1"
SETTINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mac": (("mac",), ()),
    "ipv4": (("ipv4", "mac"), ()),
    "ipv6": (("ipv6", "mac"), ()),
    "all": (("ipv4", "ipv6", "mac"), ()),
    "v4none": (("ipv4", "mac"), ("ipv4",)),
    "v6none": (("ipv6", "mac"), ("ipv6",)),
    "bothnone": (("ipv4", "ipv6", "mac"), ("ipv4", "ipv6")),
    "v4+v6none": (("ipv4", "ipv6", "mac"), ("ipv6",)),
}


def trials() -> Json:
    """Return one setting of bridged NICs, names on two bridges, one parent of routed NICs."""
    return {
        "bridged": [bridged("v4+v6none")],
        "names": [names("lxdbr0"), names("lxdbr1")],
        "routed": [routed()],
    }


def bridged(setting: str, *, measured: str = "", network: str = "lxdbr0") -> Json:
    """Return what a NIC with a setting could send, as measured for this setting or another."""
    filters, without = SETTINGS[setting]
    addresses = {"ipv4": IPV4, "ipv6": IPV6} | dict.fromkeys(without, "")
    return {
        "network": network,
        "filters": [f"security.{name}_filtering" for name in filters],
        "without": list(without),
        "error": "",
        "mac": MAC,
        **addresses,
        "frames": "".join(lines(setting, measured or setting)),
    }


def lines(setting: str, measured: str) -> list[str]:
    """Return the lines of the kinds, with the cells of the measured table."""
    _, without = SETTINGS[setting]
    nic = FilteredNic(
        interface="",
        mac=MAC,
        ipv4=() if "ipv4" in without else (ipaddress.IPv4Network(IPV4),),
        ipv6=() if "ipv6" in without else (ipaddress.IPv6Network(IPV6),),
    )
    made = run.harmless(frame_kinds.every(nic, NOBODY))
    return [
        f"{kind} L{firewall_table.MEASURED[kind][measured].replace('-', '')} {octets.hex()}\n"
        for kind, octets in made.items()
    ]


def names(network: str, *, foreign: str = "", claimed: str = "", mode: str = "") -> Json:
    """Return what the DNS of a bridge answered.

    `foreign` and `claimed` are addresses, "" for none.
    """
    lease = "10.10.10.200"
    return {
        "network": network,
        "mode": mode,
        "error": "",
        "lease": lease,
        "legitimate": answer("" if claimed else lease),
        "claimed": answer(claimed),
        "foreign": answer(foreign),
    }


def answer(address: str) -> Json:
    """NOERROR with an address, or NXDOMAIN."""
    return {"code": "NOERROR" if address else "NXDOMAIN", "address": address}


def routed(*through: str) -> Json:
    """Return what got through of a routed NIC: its own, and these roles."""
    return {
        "parent": evidence_api.ROUTED["parent"],
        "vlan": "",
        "families": ["ipv4"],
        "error": "",
        "packets": [
            {
                "role": f"{role} ipv4",
                "source": f"203.0.113.{number}",
                "left": True,
                "arrived": role == "own" or role in through,
            }
            for number, role in enumerate(probe_packets.ROLES, 1)
        ],
    }
