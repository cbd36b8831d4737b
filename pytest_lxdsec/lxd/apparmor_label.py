"""The security label of a container's init, as the host reads it, against LXD's own profile; pure.

Inside, a container that AppArmor confines may well read `unconfined`: it then reads the namespace
that LXD has stacked for it. And from outside the word stands in the label of a confined one, for
the stack names what is loaded inside. So a label is taken apart, never searched for a word.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

# AppArmor prints `PROFILE (MODE)`; a stack is `OUTER//&:NAMESPACE:INNER (MODE)`, on some kernels
# with `//` before what is inside.
_LABEL = re.compile(
    r"(?P<profile>.+?)(?://&:(?P<namespace>[^:]+):(?://)?(?P<inner>.+))? \((?P<mode>[a-z]+)\)"
)
ENFORCE = "enforce"
# lxd/apparmor/apparmor.go, profileName: what would be longer is hashed.
LONGEST = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label of AppArmor's.

    Attributes:
        profile: The outer profile, LXD's own where LXD confines the container.
        mode: Of the whole stack: `enforce`, `complain`, `mixed`, `kill`, ...
        namespace: What is stacked for the container's own profiles; "" for none.
    """

    profile: str
    mode: str
    namespace: str = ""


def parse(text: str) -> Label | None:
    """Read a label; None where it is none of a profile's (`unconfined`, another module's)."""
    found = _LABEL.fullmatch(text.strip("\0\n "))
    if found is None:
        return None
    return Label(profile=found["profile"], mode=found["mode"], namespace=found["namespace"] or "")


def is_stacked(text: str) -> bool:
    """Return whether profiles of the container's own may be loaded below LXD's."""
    label = parse(text)
    return label is not None and bool(label.namespace)


def profile_of(internal_name: str, directory: str) -> str:
    """Return the profile that LXD makes for a container.

    Args:
        internal_name: As liblxc knows it: `PROJECT_NAME` outside of the default project.
        directory: The daemon's data directory.
    """
    name = f"{internal_name}_<{directory}>"
    if len(name.encode()) + 4 >= LONGEST:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"lxd-{name}"


def fault(text: str, internal_name: str, directory: str) -> str:
    """Return what is wrong with a container's label, as a clause.

    "" where LXD's profile confines it.
    """
    if not text:
        return "the kernel gives its init no label: no mandatory access control is in force"
    label = parse(text)
    if label is None:
        return f"its init's label is {text!r}, which is no profile's"
    wanted = profile_of(internal_name, directory)
    if label.profile != wanted:
        return f"its init's label is {text!r}: the profile is not {wanted}"
    if label.mode != ENFORCE:
        return f"its init's label is {text!r}: LXD's profile is there in mode {label.mode}"
    return ""
