"""The sections of LXD's Security guide, in the guide's order; pure data.

The order is what reports follow, the anchor is what findings link to.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE_URL = "https://documentation.ubuntu.com/lxd/latest/explanation/security/"
GUIDE = "LXD security guide"
EDITION = "2025-09-08"  # the day of the page that the controls were written from


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading of the guide; `path` leads to it from the page's title."""

    anchor: str
    path: tuple[str, ...]

    @property
    def title(self) -> str:
        """The heading."""
        return self.path[-1]

    @property
    def url(self) -> str:
        """Where to read it."""
        return f"{BASE_URL}#{self.anchor}"


_ACCESS = "Access to the LXD daemon"
_CONTAINERS = "Container security"
_NETWORK = "Network security"

SECTIONS = (
    Section(anchor="security", path=("Security",)),
    Section(anchor="supported-versions", path=("Supported versions",)),
    Section(
        anchor="local-access-to-the-lxd-daemon", path=(_ACCESS, "Local access to the LXD daemon")
    ),
    Section(anchor="access-to-the-remote-api", path=(_ACCESS, "Access to the remote API")),
    Section(anchor="unprivileged-containers", path=(_CONTAINERS, "Unprivileged containers")),
    Section(anchor="privileged-containers", path=(_CONTAINERS, "Privileged containers")),
    Section(anchor="container-name-leakage", path=(_CONTAINERS, "Container name leakage")),
    Section(anchor="bridged-nic-security", path=(_NETWORK, "Bridged NIC security")),
    Section(anchor="routed-nic-security", path=(_NETWORK, "Routed NIC security")),
)
BY_ANCHOR = {section.anchor: section for section in SECTIONS}


def place(anchor: str) -> int:
    """The section's place in the guide; a site's own sections come after it."""
    anchors = [section.anchor for section in SECTIONS]
    return anchors.index(anchor) if anchor in anchors else len(anchors)
