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
    """A section of the guide.

    Attributes:
        anchor: The fragment of its URL.
        path: The headings that lead to it, without the page's title.
        suites: The names of the packaged suites that test it, in the order they are run.
    """

    anchor: str
    path: tuple[str, ...]
    suites: tuple[str, ...]

    @property
    def title(self) -> str:
        """The heading."""
        return self.path[-1]

    @property
    def url(self) -> str:
        """The section's URL."""
        return f"{BASE_URL}#{self.anchor}"


_ACCESS = "Access to the LXD daemon"
_CONTAINERS = "Container security"
_NETWORK = "Network security"

SECTIONS = (
    Section(
        anchor="security",
        path=("Security",),
        suites=("test_security.py",),
    ),
    Section(
        anchor="supported-versions",
        path=("Supported versions",),
        suites=("test_supported_versions.py",),
    ),
    Section(
        anchor="local-access-to-the-lxd-daemon",
        path=(_ACCESS, "Local access to the LXD daemon"),
        suites=("test_local_access.py",),
    ),
    Section(
        anchor="access-to-the-remote-api",
        path=(_ACCESS, "Access to the remote API"),
        suites=("test_remote_api.py",),
    ),
    Section(
        anchor="unprivileged-containers",
        path=(_CONTAINERS, "Unprivileged containers"),
        suites=("test_unprivileged_containers.py",),
    ),
    Section(
        anchor="privileged-containers",
        path=(_CONTAINERS, "Privileged containers"),
        suites=("test_privileged_containers.py",),
    ),
    Section(
        anchor="container-name-leakage",
        path=(_CONTAINERS, "Container name leakage"),
        suites=("test_container_name_leakage.py",),
    ),
    Section(
        anchor="bridged-nic-security",
        path=(_NETWORK, "Bridged NIC security"),
        suites=(
            "test_bridged_nics.py",
            "test_bridged_nics_rules.py",
            "test_bridged_nics_probed.py",
        ),
    ),
    Section(
        anchor="routed-nic-security",
        path=(_NETWORK, "Routed NIC security"),
        suites=("test_routed_nics.py",),
    ),
)
BY_ANCHOR = {section.anchor: section for section in SECTIONS}
SUITES = tuple(name for section in SECTIONS for name in section.suites)


def place(anchor: str) -> int:
    """Return the section's place in the guide; a site's own sections come after it."""
    anchors = [section.anchor for section in SECTIONS]
    return anchors.index(anchor) if anchor in anchors else len(anchors)
