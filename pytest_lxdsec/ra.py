"""Router advertisements: whether the kernel takes them on an interface; pure.

net/ipv6/ndisc.c, ndisc_router_discovery, and Documentation/networking/ip-sysctl.rst: accept_ra 0
never, 1 where the interface does not forward, 2 always. `conf.all.accept_ra` is not consulted.
"""

from __future__ import annotations

import shlex

from .evidence.hostfacts import Interface, NetworkStack
from .verdict import CannotTell, Remedy


def interface(stack: NetworkStack, name: str) -> Interface:
    """An interface of the host by name.

    Raises:
        CannotTell: the host has none of this name, so nothing was seen of it.
    """
    for found in stack.interfaces:
        if found.name == name:
            return found
    raise CannotTell(f"the host shows no interface {name}")


def setting(found: Interface, key: str) -> int:
    """One of an interface's IPv6 settings.

    Raises:
        CannotTell: the kernel does not show it.
    """
    value = found.ipv6.get(key)
    if value is None:
        raise CannotTell(f"the kernel does not show {key} of {found.name}")
    return value


def accepts(found: Interface) -> tuple[bool, str]:
    """Whether advertisements are taken, and the settings that decide it.

    Raises:
        CannotTell: one of them is not known.
    """
    if setting(found, "disable_ipv6") == 1:
        return False, "disable_ipv6 is 1"
    accept_ra, forwarding = setting(found, "accept_ra"), setting(found, "forwarding")
    why = f"accept_ra is {accept_ra}, forwarding is {forwarding}"
    return accept_ra >= 2 or (accept_ra == 1 and forwarding == 0), why  # noqa: PLR2004 - as above


def remedy(name: str, *, flush: bool) -> Remedy:
    """Take no more of them, and forget the routes that were learnt."""
    # With slashes, since an interface's name may hold dots.
    command = f"sysctl -w net/ipv6/conf/{shlex.quote(name)}/accept_ra=0"
    if flush:
        command += f" && ip -6 route flush dev {shlex.quote(name)} proto ra"
    return Remedy(
        command=command, note="write the same into /etc/sysctl.d, or the next start undoes it"
    )
