"""Which images anybody may have; pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from ...evidence.objects import Image
from ...lxd import lxc_commands
from ...verdict import Remedy

# As many digits of a fingerprint as LXD shows: less might be an alias by chance.
_FINGERPRINT = re.compile(r"[0-9a-f]{12,64}", re.IGNORECASE)


def is_named(image: Image, names: Collection[str]) -> bool:
    """Return whether one of these is the image's fingerprint, its prefix or an alias."""
    aliases = {alias.name for alias in image.aliases or ()}
    return any(
        name in aliases
        or (_FINGERPRINT.fullmatch(name) and image.fingerprint.startswith(name.lower()))
        for name in names
    )


def title(image: Image) -> str:
    """Return its aliases, or the beginning of its fingerprint."""
    names = [alias.name for alias in image.aliases or ()]
    return ", ".join(sorted(names)) or image.fingerprint[:12]


def make_private(image: Image) -> Remedy:
    """Return what takes an image away from everybody; `lxc image edit` would ask an editor."""
    path = f"/1.0/images/{image.fingerprint}?project={image.project}"
    return Remedy(
        command=lxc_commands.query("PATCH", path, {"public": False}),
        note="copies that were downloaded remain",
    )
