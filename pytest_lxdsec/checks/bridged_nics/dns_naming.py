"""Who names the instances in a bridge's DNS: LXD or its clients; pure.

lxd/dnsmasq/dnsmasq.go, UpdateStaticEntry: with `dns.mode` unset or `managed` LXD writes a name
for each NIC, which dnsmasq takes over whatever the client says; with `none` there is no DNS
domain at all (driver_bridge.go, setup). From 5.0.2 to 6.9 alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...evidence.objects import Network
from ...lxd import config_values
from ...verdict import CannotTell

MODE = "dns.mode"
RAW = "raw.dnsmasq"
BY_LXD = ("", "managed", "none")
NO_ADDRESS = ("", "none")

# Options of dnsmasq that make names, or say where more options or names are read from.
NAMING = frozenset(
    {
        "addn-hosts",
        "address",
        "alias",
        "auth-server",
        "auth-zone",
        "caa-record",
        "cname",
        "conf-dir",
        "conf-file",
        "conf-script",
        "dhcp-fqdn",
        "dhcp-generate-names",
        "dhcp-host",
        "dhcp-hostsdir",
        "dhcp-hostsfile",
        "dns-rr",
        "domain",
        "dynamic-host",
        "expand-hosts",
        "host-record",
        "hostsdir",
        "interface-name",
        "mx-host",
        "naptr-record",
        "ptr-record",
        "read-ethers",
        "servers-file",
        "srv-host",
        "synth-domain",
        "txt-record",
    }
)
# Options that make none: forwarding, caching, logging, leases' length, limits, start by network.
HARMLESS = frozenset(
    {
        "all-servers",
        "bogus-nxdomain",
        "bogus-priv",
        "bootp-dynamic",
        "cache-size",
        "dhcp-authoritative",
        "dhcp-boot",
        "dhcp-broadcast",
        "dhcp-ignore",
        "dhcp-ignore-clid",
        "dhcp-ignore-names",
        "dhcp-lease-max",
        "dhcp-mac",
        "dhcp-match",
        "dhcp-name-match",
        "dhcp-option",
        "dhcp-option-force",
        "dhcp-range",
        "dhcp-rapid-commit",
        "dhcp-reply-delay",
        "dhcp-sequential-ip",
        "dhcp-ttl",
        "dhcp-userclass",
        "dhcp-vendorclass",
        "dns-forward-max",
        "dns-loop-detect",
        "dnssec",
        "dnssec-check-unsigned",
        "domain-needed",
        "edns-packet-max",
        "enable-ra",
        "enable-tftp",
        "filter-A",
        "filter-AAAA",
        "filterwin2k",
        "group",
        "localise-queries",
        "local-ttl",
        "log-async",
        "log-dhcp",
        "log-facility",
        "log-queries",
        "max-cache-ttl",
        "max-ttl",
        "min-cache-ttl",
        "neg-ttl",
        "no-hosts",
        "no-negcache",
        "no-poll",
        "no-resolv",
        "no-round-robin",
        "port",
        "proxy-dnssec",
        "pxe-prompt",
        "pxe-service",
        "quiet-dhcp",
        "quiet-dhcp6",
        "quiet-ra",
        "quiet-tftp",
        "ra-param",
        "rebind-domain-ok",
        "rebind-localhost-ok",
        "resolv-file",
        "rev-server",
        "stop-dns-rebind",
        "strict-order",
        "tag-if",
        "tftp-lowercase",
        "tftp-max",
        "tftp-no-blocksize",
        "tftp-no-fail",
        "tftp-port-range",
        "tftp-root",
        "tftp-secure",
        "tftp-unique-root",
        "trust-anchor",
        "user",
    }
)


def has_server(network: Network) -> bool:
    """Return whether LXD runs dnsmasq for a bridge of its own: driver_bridge.go, UsesDNSMasq."""
    config = network.config
    if config_values.string(config, "bridge.mode") == "fan":
        return True
    addresses = [config_values.string(config, f"{family}.address") for family in ("ipv4", "ipv6")]
    return any(address not in NO_ADDRESS for address in addresses)


def options(raw: str) -> Iterator[tuple[str, str]]:
    """Yield the options in a configuration of dnsmasq, each with its value; "" for none.

    As dnsmasq's option.c, read_file: a line begins with the option's name, without dashes; `#`
    begins a comment at the start or after white space.
    """
    for line in raw.split("\n"):
        told = _uncommented(line).strip()
        if told:
            name, _, value = told.partition("=")
            yield name.strip(), value.strip()


def _uncommented(line: str) -> str:
    for index, letter in enumerate(line):
        if letter == "#" and (index == 0 or line[index - 1].isspace()):
            return line[:index]
    return line


def is_naming(name: str, value: str, domain: str) -> bool | None:
    """Return whether an option makes names in a domain or reads them from elsewhere.

    None: not known.
    """
    if name in NAMING:
        return True
    if name in ("server", "local"):
        return any(_is_within(each, domain) for each in _sent_away(value))
    return False if name in HARMLESS else None


def _sent_away(value: str) -> tuple[str, ...]:
    """Return the domains that `server=/DOMAIN/.../ADDRESS` forwards; () for all others.

    Without an address nobody is asked, as LXD has it of its own domain (`-S /lxd/`).
    """
    if not value.startswith("/"):
        return ()
    _, *domains, address = value.split("/")
    return tuple(domains) if address else ()


def _is_within(asked: str, domain: str) -> bool:
    """Return whether a domain is LXD's; dnsmasq prefers the longer of two rules.

    An empty one stands for names without a dot, `#` for every name.
    """
    name = asked.lower().removeprefix("*").strip(".")
    return name in {"", "#", domain.lower()} or name.endswith(f".{domain.lower()}")


def domain(network: Network) -> str:
    """Return the bridge's DNS domain; LXD's default is `lxd`."""
    return config_values.string(network.config, "dns.domain") or "lxd"


def faults(network: Network) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what lets somebody else name the instances, and the keys that say so.

    Raises:
        CannotTell: `raw.dnsmasq` has an option that we do not know.
    """
    mode = config_values.string(network.config, MODE)
    by_mode = [] if mode in BY_LXD else [f"{MODE} is {mode!r}: clients name themselves"]
    naming = _naming(network)
    by_raw = [f"{RAW} has {' and '.join(naming)}, from which names come"] if naming else []
    keys = [MODE] * bool(by_mode) + [RAW] * bool(by_raw)
    return (*by_mode, *by_raw), tuple(keys)


def _naming(network: Network) -> tuple[str, ...]:
    found, unknown = [], []
    for name, value in options(config_values.string(network.config, RAW)):
        makes_names = is_naming(name, value, domain(network))
        if makes_names:
            found.append(f"{name}={value}" if value else name)
        if makes_names is None:
            unknown.append(name)
    if unknown and not found:
        raise CannotTell(f"{RAW} of {network.key} has {unknown[0]!r}, which we do not know")
    return tuple(found)


def seen(network: Network) -> tuple[str, ...]:
    """Return what is said of names, for a verdict that passes."""
    mode = config_values.string(network.config, MODE)
    told = f"{MODE} is {mode!r}" if mode else f"{MODE} is not set: LXD's default is managed"
    others = [name for name, _ in options(config_values.string(network.config, RAW))]
    # driver_bridge.go, setup: a profile would not fit whatever stands there.
    without = "LXD then runs dnsmasq without AppArmor"
    return (told, f"{RAW} has only {', '.join(others)}; {without}") if others else (told,)
