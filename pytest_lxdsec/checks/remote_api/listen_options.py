"""What LXD is told to listen on, against what it listens on; pure.

An option's text says what is wanted; only the sockets say what is open. The options are those of
lxd/node/config.go at 5.0.2, 5.21.7 and 6.9, with LXD's own default ports (lxd/util/net.go and
shared/const.go).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from ...evidence.objects import Server
from ...evidence.remote_facts import Listener, ResolvedName
from ...lxd import config_values, listen_address, lxc_commands
from ...verdict import CannotTell, Remedy

DEFAULT_PORTS: Mapping[str, int] = {
    "core.https_address": 8443,
    "cluster.https_address": 8443,
    "core.metrics_address": 9100,
    "core.debug_address": 8080,
    "core.dns_address": 53,
    "core.bgp_address": 179,
    "core.storage_buckets_address": 9000,
}
# On these LXD speaks TLS and its REST API; the others speak protocols of their own.
API_OPTIONS = ("core.https_address", "cluster.https_address", "core.metrics_address")
SUFFIX = "_address"


def options(server: Server) -> Mapping[str, listen_address.ListenAddress]:
    """Return every listen address that is set, read; also those of options that are newer than us.

    Raises:
        CannotTell: a value is hidden.
    """
    found = {}
    for key in sorted(server.config):
        if key.endswith(SUFFIX) and key.partition(".")[0] in ("core", "cluster"):
            raw = config_values.string(server.config, key)
            parsed = listen_address.parse(raw, DEFAULT_PORTS.get(key, 0))
            if parsed.kind is not listen_address.Kind.UNSET:
                found[key] = parsed
    return found


def wildcards(listeners: Iterable[Listener]) -> tuple[Listener, ...]:
    """Return the sockets that take connections on every address of the host."""
    return tuple(one for one in listeners if address(one).is_unspecified)


def address(listener: Listener) -> listen_address.IpAddress:
    """Return the address that a socket is bound to; an IPv4-mapped one as IPv4."""
    found = ipaddress.ip_address(listener.address)
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped if mapped is not None else found


def unnamed(
    listeners: Iterable[Listener], named: Mapping[str, listen_address.ListenAddress]
) -> tuple[Listener, ...]:
    """Return the sockets that no option names; a name of a host may stand for any address."""
    return tuple(
        one for one in listeners if not any(_is_named(one, option) for option in named.values())
    )


def _is_named(listener: Listener, option: listen_address.ListenAddress) -> bool:
    if option.port is not None and option.port != listener.port:
        return False
    return option.ip is None or option.ip == address(listener)


def describe(listener: Listener) -> str:
    """Return a socket as findings name it.

    `::` is both families unless it is bound to IPv6 only.
    """
    if listener.family == "tcp6" and address(listener).is_unspecified:
        return f"{listener.text} (every IPv6 address, and every IPv4 address with it)"
    if address(listener).is_unspecified:
        return f"{listener.text} (every IPv4 address)"
    return listener.text


def own_settings(server: Server) -> lxc_commands.Configured:
    """Return the settings that each cluster member has for itself, such as listen addresses."""
    environment = server.environment
    member = environment.server_name if environment.server_clustered else ""
    return lxc_commands.server(target=member)


def close(server: Server, options_to_set: Iterable[str]) -> Remedy:
    """Bind these options to the loopback address, the one address that every host has."""
    settings = {key: f"127.0.0.1:{DEFAULT_PORTS.get(key, 8443)}" for key in options_to_set}
    return lxc_commands.remedy(
        own_settings(server).set(settings),
        note="use the host's management address instead if remote clients need the API",
    )


def resolved(
    option: listen_address.ListenAddress, names: Iterable[ResolvedName]
) -> tuple[listen_address.Kind, str]:
    """Return what an option lets in, and its text; of a name, by what the host resolves it to.

    Raises:
        CannotTell: the host was not asked for the name, or did not find out.
    """
    if option.kind is not listen_address.Kind.NAME:
        return option.kind, option.raw
    found = [one for one in names if one.name == option.host]
    if len(found) != 1 or found[0].error:
        why = found[0].error if found else "the host was not asked"
        raise CannotTell(f"the addresses of {option.host!r} are not known: {why}")
    try:
        kind = listen_address.judge_name(option.host, found[0].addresses)
    except ValueError as error:
        raise CannotTell(str(error)) from error
    return kind, f"{option.raw}, which is {', '.join(found[0].addresses) or 'no address'}"
