"""The operating system of the host."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import socket
from collections.abc import Mapping

from ..common import commands, context

# os-release(5): the second is read if there is no first.
OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
# `pro attach` makes them and `pro detach` removes them; clients before 27 have the first only.
PRO_TOKENS = (
    "/var/lib/ubuntu-advantage/private/machine-token.json",
    "/var/lib/ubuntu-advantage/machine-token.json",
)
FIELDS = (
    "ID",
    "ID_LIKE",
    "NAME",
    "PRETTY_NAME",
    "VERSION_ID",
    "VERSION_CODENAME",
    "SUPPORT_END",
)


@dataclasses.dataclass(frozen=True)
class OperatingSystem:
    """Decoded as `evidence.system_facts.OperatingSystem`."""

    release: Mapping[str, str]
    kernel: str
    hostname: str
    build: str
    has_pro: bool


def operating_system(_: context.Context) -> OperatingSystem:
    """Section: read the distribution, the kernel and the host's name."""
    texts = (commands.read_if_there(path) for path in OS_RELEASE)
    found = next((text for text in texts if text is not None), "")
    return OperatingSystem(
        release=os_release(found),
        kernel=os.uname().release,
        hostname=socket.gethostname(),
        build=os.uname().version,
        has_pro=any(map(os.path.exists, PRO_TOKENS)),
    )


def os_release(text: str) -> dict[str, str]:
    """Return the needed fields of os-release, which are shell assignments."""
    pairs = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    return {field: _unquoted(pairs[field]) for field in FIELDS if field in pairs}


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:  # an unclosed quote
        return value
