"""Keeping secrets out of the evidence; imports nothing of ours.

Not a list of what is secret, which would be one release behind for ever, but of what is needed:
a field that is not named here does not enter the evidence, and a configuration value whose key
is not named here is replaced by a marker. Its key stays, because that something is set is often
all a control asks. `config_values` refuses to read the marker, so what is hidden is never judged.
Null stands for what is of another type than LXD's: nothing decodes it, so it is never judged
either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

MARKER = "(redacted)"
ERROR = "error"  # in place of an object that could not be asked for

Document = Any  # JSON

SERVER_FIELDS = (
    "api_extensions",
    "auth",
    "auth_user_method",
    "config",
    "environment",
    "name",
    ERROR,
)
ENVIRONMENT_FIELDS = (
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
)
# Objects within objects; of a token's metadata, never the secret.
INNER_FIELDS: Mapping[str, tuple[str, ...]] = {
    "aliases": ("name",),
    "permissions": ("entity_type", "url", "entitlement"),
    "metadata": ("expiresAt", "serverName", "request"),
    "request": ("name", "type", "restricted", "projects"),
    "resources": ("images",),
}
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
NO_KEYS = re.compile("(?!)")  # matches nothing
PROJECT_KEYS = re.compile(r"(features|restricted|limits|backups|images)\..*")


def each(value: Document, clean: Callable[[Document], Document]) -> Document:
    """Return a list with each entry cleaned; None for anything but a list."""
    return [clean(entry) for entry in value] if isinstance(value, list | tuple) else None


def server(value: Document) -> Document:
    """Return a server's description without secrets; done twice it changes nothing more."""
    if not isinstance(value, Mapping):
        return None
    kept = _fields(value, SERVER_FIELDS)
    if "environment" in value:
        kept["environment"] = _environment(value["environment"])
    if "config" in value:
        kept["config"] = _config(value["config"], SERVER_KEYS)
    return kept


def _environment(value: Document) -> Document:
    return _fields(value, ENVIRONMENT_FIELDS) if isinstance(value, Mapping) else None


def _fields(value: Mapping[str, Document], names: tuple[str, ...]) -> dict[str, Document]:
    return {name: _plain(value[name]) for name in names if name in value}


def _plain(value: Document) -> Document:
    """Return a simple value, or a list of them; in anything deeper there may be anything."""
    return [_simple(one) for one in value] if isinstance(value, list | tuple) else _simple(value)


def _simple(value: Document) -> Document:
    return value if isinstance(value, str | int | float) else None


def named(value: Document, fields: tuple[str, ...], keys: re.Pattern[str]) -> Document:
    """Return an object of a listing with these fields, and the values of these keys."""
    if not isinstance(value, Mapping):
        return None
    kept = _fields(value, fields)
    for field in ("config", "expanded_config"):
        if field in kept:
            kept[field] = _config(value[field], keys)
    for field in ("devices", "expanded_devices"):
        if field in kept:
            kept[field] = _devices(value[field])
    return kept | _inner(value, kept)


def _inner(value: Mapping[str, Document], kept: Mapping[str, Document]) -> dict[str, Document]:
    """Return the kept fields that are objects of their own, or lists of such."""
    return {
        name: _within(value[name], fields) for name, fields in INNER_FIELDS.items() if name in kept
    }


def _within(value: Document, fields: tuple[str, ...]) -> Document:
    if isinstance(value, list | tuple):
        return [_within(one, fields) for one in value]
    if not isinstance(value, Mapping):
        return None
    kept = _fields(value, fields)
    return kept | _inner(value, kept)


def _devices(value: Document) -> Document:
    if not isinstance(value, Mapping):
        return None
    return {name: _config(device, DEVICE_KEYS) for name, device in value.items()}


def _config(value: Document, keys: re.Pattern[str]) -> Document:
    if not isinstance(value, Mapping):
        return None
    return {key: _setting(key, setting, keys) for key, setting in value.items()}


def _setting(key: str, value: Document, keys: re.Pattern[str]) -> Document:
    if value is True and keys is SERVER_KEYS:
        return MARKER  # LXD itself shows hidden values as `true`: lxd/config/map.go
    if isinstance(value, str) and not keys.fullmatch(key):
        return MARKER
    if key == "raw.lxc" and isinstance(value, str):
        return re.sub(r"(?mi)^(\s*lxc\.environment(?:\.\w+)?\s*=).*$", rf"\1 {MARKER}", value)
    return value if isinstance(value, str) else None
