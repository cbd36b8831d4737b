"""Which dnsmasq serves a bridge of LXD, and whether it is the one that LXD started; pure.

lxd/network/driver_bridge.go, setup: one process per bridge, with `--interface=` of that bridge,
started as root and told to become somebody else (`-u`); its id is kept in LXD's directory, as
YAML (shared/subprocess/proc.go), by 5.0.2 and 6.9 alike.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterator

from ...evidence.network_facts import NameServer, NameServers
from ...evidence.objects import Network
from ...lxd import config_values, lxc_commands
from ...verdict import CannotTell, Remedy
from . import dns_naming

INTERFACE = ("--interface", "-i")
# From 5.0 to 5.21 the one, in 6.x the other; of either the value is LXD's own directory.
HOSTS = ("--dhcp-hostsfile", "--dhcp-hostsdir")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what is looked for
EXPIRY = "ipv4.dhcp.expiry"
DEFAULT_EXPIRY = "1h"


def recorded(facts: NameServers, network: Network) -> int | None:
    """Return the process ID that LXD recorded for a network, in its own namespace, or None.

    Raises:
        CannotTell: its file does not have the form of any version.
    """
    for found in facts.recorded:
        if found.network == network.name:
            match = re.search(r"^(?:pid: *)?([1-9]\d*)$", found.text, re.MULTILINE | re.ASCII)
            if match is None:
                raise CannotTell(
                    f"LXD's record of the dnsmasq of {network.name} has no process id"
                )
            return int(match[1])
    return None


def values(arguments: tuple[str, ...], names: tuple[str, ...]) -> Iterator[str]:
    """Yield the values of an option, written `--name=value`, `--name value` or `-n value`."""
    words = iter(arguments)
    for word in words:
        name, is_joined, value = word.partition("=")
        if name in names:
            yield value if is_joined else next(words, "")


def serving(facts: NameServers, network: Network) -> tuple[NameServer, ...]:
    """Return every dnsmasq that serves a bridge: by its command line or by its sockets.

    Raises:
        CannotTell: one listens everywhere and may serve it, by a file that was not read.
    """
    found = []
    for server in facts.servers:
        if _names(server, network.name) or _is_bound(server, network):
            found.append(server)
        elif any(s.address in EVERYWHERE and not s.interface for s in server.sockets):
            raise CannotTell(
                f"dnsmasq (process {server.pid}) listens on every interface: whether it serves "
                f"{network.name} too was not seen; bind it to its own (bind-interfaces)"
            )
    return tuple(found)


def _names(server: NameServer, name: str) -> bool:
    told = ",".join(values(server.arguments, INTERFACE)).split(",")
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in told if pattern)


def _is_bound(server: NameServer, network: Network) -> bool:
    addresses = set(_addresses(network))
    return any(s.interface == network.name or s.address in addresses for s in server.sockets)


def _addresses(network: Network) -> Iterator[str]:
    for family in ("ipv4", "ipv6"):
        text = config_values.string(network.config, f"{family}.address")
        if text not in dns_naming.NO_ADDRESS:
            try:
                yield str(ipaddress.ip_interface(text).ip)
            except ValueError as error:
                raise CannotTell(f"{family}.address of {network.name}: {error}") from error


def is_recorded(server: NameServer, pid: int | None) -> bool:
    """Return whether a process is the one that LXD keeps.

    Ids count in the daemon's namespace only.
    """
    return server.is_with_daemon and server.own_pid == pid


def faults(facts: NameServers, network: Network) -> Iterator[str]:
    """Yield what is wrong with who serves a bridge.

    Raises:
        CannotTell: as `serving` and `recorded`.
    """
    found, pid = serving(facts, network), recorded(facts, network)
    own = [server for server in found if is_recorded(server, pid)]
    if not own:
        kept = (
            "LXD has recorded none" if pid is None else f"process {pid}, LXD's own, is not there"
        )
        yield f"no dnsmasq of LXD serves {network.name}: {kept}"
    for server in found:
        if server not in own:
            yield f"a dnsmasq that LXD did not start serves {network.name}: process {server.pid}"
        if not server.uids:
            raise CannotTell(f"as whom process {server.pid} runs was not seen")
        if 0 in server.uids:
            yield f"the dnsmasq of {network.name} is root (process {server.pid})"
    for server in own:
        if _gives_addresses(network) and not _reads_names(server, network):
            yield f"the dnsmasq of {network.name} does not read LXD's names ({HOSTS[0]})"


def _gives_addresses(network: Network) -> bool:
    return any(
        config_values.string(network.config, f"{family}.address") not in dns_naming.NO_ADDRESS
        and config_values.boolean(network.config, f"{family}.dhcp", default=True)
        for family in ("ipv4", "ipv6")
    )


def _reads_names(server: NameServer, network: Network) -> bool:
    own = f"/networks/{network.name}/dnsmasq.hosts"
    return any(value.endswith(own) for value in values(server.arguments, HOSTS))


def seen(facts: NameServers, network: Network) -> str:
    """Return what is said of a bridge that is served as it should be."""
    (server,) = serving(facts, network)
    uids = ", ".join(map(str, server.uids))
    return f"{network.name} is served by LXD's dnsmasq alone: process {server.pid}, uid {uids}"


def remedy(facts: NameServers, network: Network) -> Remedy:
    """End whom LXD did not start, and have LXD start its own again as its settings say."""
    found, pid = serving(facts, network), recorded(facts, network)
    strange = [str(server.pid) for server in found if not is_recorded(server, pid)]
    steps = []
    if strange:
        steps.append(f"kill {' '.join(strange)}")
        steps += [f"timeout 10 tail --pid={one} -f /dev/null" for one in strange]
    if not any(is_recorded(s, pid) and 0 not in s.uids and _is_whole(s, network) for s in found):
        steps.append(_restart(network))
    note = "what starts the other one will start it again: stop its service" if strange else ""
    return Remedy(command=" && ".join(steps), note=note)


def _is_whole(server: NameServer, network: Network) -> bool:
    return not _gives_addresses(network) or _reads_names(server, network)


def _restart(network: Network) -> str:
    """Return the commands that make LXD restart dnsmasq: change a key, and change it back."""
    own = lxc_commands.network(network.name, project=network.project)
    if any(option == "user" for option, _ in dns_naming.options(_raw(network))):
        return own.unset(dns_naming.RAW)
    was = config_values.string(network.config, EXPIRY)
    if not was:
        return f"{own.set({EXPIRY: DEFAULT_EXPIRY})} && {own.unset(EXPIRY)}"
    other = "2h" if was != "2h" else DEFAULT_EXPIRY
    return f"{own.set({EXPIRY: other})} && {own.set({EXPIRY: was})}"


def _raw(network: Network) -> str:
    return config_values.string(network.config, dns_naming.RAW)
