"""Allow lists that keep secrets out of the evidence. Pure.

A list of secret keys would always be one release behind, so the lists name what is needed: a field
that is not listed does not enter the evidence, and the value of a configuration key that is not
listed is replaced by `MARKER`. The key stays, because often a control only asks whether it is set.
`config_values` refuses to read the marker, so a hidden value is never judged. `WRONG_TYPE` stands
for a value of another type than LXD's; no type decodes it, so it is never judged either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

MARKER = "(redacted)"
ERROR = "error"  # the reason, in place of an object that LXD failed to return
# Not null, which is LXD's own empty list and decodes as one.
WRONG_TYPE = [None]

Document = Any  # JSON
Redaction = Callable[[Document], Document]

# Patterns of whole keys. A proxy's URL may carry a password, so core.proxy_* is not among them.
SERVER_KEYS = re.compile(
    r"(core|cluster)\.[a-z_]*address|core\.(https_(allowed_(credentials|headers|methods|origin)"
    r"|trusted_proxy)|metrics_authentication|remote_token_expiry|trust_ca_certificates"
    r"|auth_secret_expiry|shutdown_timeout|syslog_socket|bgp_asn|bgp_routerid)"
    r"|cluster\.(join_token_expiry|images_minimal_replica|healing_threshold|max_.*|offline_.*)"
    r"|loki\.(types|loglevel)|oidc\.(issuer|audience|groups\.claim|session\.expiry)"
    r"|images\.(auto|compression|default|remote)_.*|instances\.nic\.host_name"
)
INSTANCE_KEYS = re.compile(
    r"(security|limits|linux|boot|migration|nvidia|snapshots|volatile)\..*"
    r"|raw\.(idmap|lxc|apparmor|seccomp)|image\.(os|release|version|architecture|type)"
    r"|cluster\.evacuate"
)
DEVICE_KEYS = re.compile(
    r"(security|limits|ipv4|ipv6|boot|initial|io|source)\..*"
    r"|type|path|source|pool|name|nictype|network|parent|hwaddr|host_name|mtu|vlan(\.tagged)?"
    r"|readonly|recursive|propagation|required|shift|size(\.state)?|ceph\.cluster_name"
    r"|listen|connect|bind|proxy_protocol|nat|mode|uid|gid|major|minor|vendorid|productid"
    r"|gputype|id|pci|mdev|address|acceleration|queue\.tx\.length|gvrp|maas\.subnet\..*"
)
NETWORK_KEYS = re.compile(
    r"(ipv4|ipv6|dns|bridge|security|fan|ovn|volatile|tunnel)\..*"
    r"|raw\.dnsmasq|parent|mtu|vlan|gvrp|network"
)
PROJECT_KEYS = re.compile(r"(features|restricted|limits|backups|images)\..*")


def unchanged(value: Document) -> Document:
    """Return facts that were chosen where they were read: by the sweep, or by a probe of ours."""
    return value


def fields(*names: str, **inner: Redaction) -> Redaction:
    """Make a redaction of an object, or of a list of objects.

    Args:
        names: Fields that hold a simple value or a list of them.
        inner: Fields that hold objects, each with its own redaction.
    """

    def redaction(value: Document) -> Document:
        if isinstance(value, list | tuple):
            return [redaction(entry) for entry in value]
        if not isinstance(value, Mapping):
            return _unless_null(value)
        kept = {name: _plain(value[name]) for name in names if name in value}
        return kept | {name: clean(value[name]) for name, clean in inner.items() if name in value}

    return redaction


def listed(redaction: Redaction) -> Redaction:
    """Make a redaction that refuses anything but a list as a whole."""
    return lambda value: redaction(value) if isinstance(value, list | tuple) else None


def config(keys: re.Pattern[str]) -> Redaction:
    """Make a redaction of a configuration: every key, and the values of those that match."""

    def redaction(value: Document) -> Document:
        if not isinstance(value, Mapping):
            return _unless_null(value)
        return {key: _setting(key, setting, keys) for key, setting in value.items()}

    return redaction


def devices(value: Document) -> Document:
    """Redact the configuration of each device."""
    if not isinstance(value, Mapping):
        return _unless_null(value)
    return {name: _device(device) for name, device in value.items()}


def _plain(value: Document) -> Document:
    """Return a simple value, or a list of them: anything may be in a deeper one."""
    return [_simple(one) for one in value] if isinstance(value, list | tuple) else _simple(value)


def _simple(value: Document) -> Document:
    return value if isinstance(value, str | int | float) else _unless_null(value)


def _unless_null(value: Document) -> Document:
    return None if value is None else WRONG_TYPE


def _setting(key: str, value: Document, keys: re.Pattern[str]) -> Document:
    if value is True and keys is SERVER_KEYS:
        return MARKER  # LXD itself shows hidden values as `true`: lxd/config/map.go
    if isinstance(value, str) and not keys.fullmatch(key):
        return MARKER
    if key == "raw.lxc" and isinstance(value, str):
        return re.sub(r"(?mi)^(\s*lxc\.environment(?:\.\w+)?\s*=).*$", rf"\1 {MARKER}", value)
    return value if isinstance(value, str) else _unless_null(value)


_device = config(DEVICE_KEYS)
instance_config = config(INSTANCE_KEYS)
# `GET /1.0`; a cluster member that does not answer has only a name and an error.
server = fields(
    "api_extensions",
    "auth",
    "auth_user_method",
    "name",
    ERROR,
    config=config(SERVER_KEYS),
    environment=fields(
        "addresses",
        "certificate",
        "certificate_fingerprint",
        "firewall",
        "kernel_version",
        "os_name",
        "os_version",
        "server_clustered",
        "server_lts",
        "server_name",
        "server_pid",
        "server_version",
    ),
)
