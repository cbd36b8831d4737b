"""Router advertisements: whether the kernel takes them on an interface; pure.

net/ipv6/ndisc.c, ndisc_router_discovery, and Documentation/networking/ip-sysctl.rst: accept_ra 0
never, 1 where the interface does not forward, 2 always. `conf.all.accept_ra` is not consulted.
"""

from __future__ import annotations

import shlex

from ..evidence.model import Evidence
from ..evidence.network_facts import Interface, LearntRoute, NetworkStack
from ..verdict import CannotTell, Remedy

BY_ADVERTISEMENT = 9  # linux/rtnetlink.h, RTPROT_RA


def interface(stack: NetworkStack, name: str) -> Interface:
    """Return an interface of the host by name.

    Raises:
        CannotTell: the host has none of this name, so nothing was seen of it.
    """
    for found in stack.interfaces:
        if found.name == name:
            return found
    raise CannotTell(f"the host shows no interface {name}")


def setting(found: Interface, key: str) -> int:
    """Return one of an interface's IPv6 settings.

    Raises:
        CannotTell: the kernel does not show it.
    """
    value = found.ipv6.get(key)
    if value is None:
        raise CannotTell(f"the kernel does not show {key} of {found.name}")
    return value


def accepts(found: Interface) -> tuple[bool, str]:
    """Return whether advertisements are taken, and the settings that decide it.

    Raises:
        CannotTell: one of them is not known.
    """
    if setting(found, "disable_ipv6") == 1:
        return False, "disable_ipv6 is 1"
    accept_ra, forwarding = setting(found, "accept_ra"), setting(found, "forwarding")
    why = f"accept_ra is {accept_ra}, forwarding is {forwarding}"
    return accept_ra >= 2 or (accept_ra == 1 and forwarding == 0), why  # noqa: PLR2004 - as above


def learnt(evidence: Evidence, name: str) -> tuple[LearntRoute, ...]:
    """Return the routes that anybody on the host took from advertisements on an interface.

    The kernel marks its own. Programs that listen for themselves (systemd-networkd,
    NetworkManager, dhcpcd) say so by the route's protocol.
    """
    kernels = [r for r in evidence.network.learnt_routes if r.interface == name]
    programs = [
        LearntRoute(to=r.to, via=r.via or "::", interface=name)
        for r in evidence.routes
        if r.interface == name and r.protocol == BY_ADVERTISEMENT
    ]
    return tuple(dict.fromkeys((*kernels, *programs)))


def remedy(name: str, *, routes: tuple[LearntRoute, ...] = (), settings: bool = True) -> Remedy:
    """Take no more of them, and forget the routes that were learnt.

    Args:
        name: The interface.
        routes: Those that were learnt by it.
        settings: Whether it is the kernel that takes them.
    """
    device = shlex.quote(name)
    # With slashes, since an interface's name may hold dots.
    steps = [f"sysctl -w net/ipv6/conf/{device}/accept_ra=0"] * settings
    if routes:
        steps.append(f"ip -6 route flush table all dev {device} proto ra")
    # Of a prefix that an advertisement brought, the kernel calls itself the protocol.
    for route in routes:
        via = "" if route.via == "::" else f" via {route.via}"
        gone = f"ip -6 route del {route.to}{via} dev {device}"
        steps.append(f"{{ {gone} 2> /dev/null || true; }}")
    kernel = "write the same into /etc/sysctl.d, or the next start undoes it"
    program = "a program on the host listens for them: tell it to leave the interface alone"
    return Remedy(command=" && ".join(steps), note=kernel if settings else program)
