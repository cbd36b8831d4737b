"""What the sweep brings back of the operating system: packages, kernels, what is done at boot.

Types as in `host_facts`; imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSystem:
    """os-release, the running kernel and the host's name.

    Attributes:
        release: Fields of os-release.
        kernel: As `uname -r` has it.
        hostname: The host's own name.
        build: As `uname -v` has it: which build of that kernel; None where it was not looked at.
        has_pro: Whether the host is attached to Ubuntu Pro; None where it was not looked at.
    """

    release: Mapping[str, str]
    kernel: str
    hostname: str
    build: str | None = None
    has_pro: bool | None = None

    @property
    def title(self) -> str:
        """The name for people: Debian GNU/Linux 12 (bookworm)."""
        return self.release.get("PRETTY_NAME") or self.release.get("ID") or "unknown system"

    @property
    def is_ubuntu(self) -> bool:
        """True if it is Ubuntu itself, in any of its editions; what is made of it is not."""
        return self.release.get("ID") in ("ubuntu", "ubuntu-core")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """An installed package of which a newer version is to be had, on hold or not.

    `is_security` where a version newer than the installed one is in a security archive: not only
    the candidate, which may be a later one that holds the fix without saying so.
    """

    name: str
    installed: str
    candidate: str
    origin: str
    is_security: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AptPackages:
    """What apt says.

    Attributes:
        upgrades: What is pending, `held` and `kept_back` ones too.
        kept_back: Those of the upgrades that apt leaves out by itself: pinned away, or still being
            phased in.
        held: Packages on hold, whether or not there is an upgrade.
        index_time: When every source (of security updates, where there is one) had been brought
            up to date; never later than the truth. 0 where one never was, or it is not known.
        has_security_source: Whether an index of a distribution's security archive is there.
    """

    upgrades: tuple[Upgrade, ...]
    kept_back: tuple[str, ...]
    held: tuple[str, ...]
    index_time: int
    has_security_source: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """A security advisory that a repository brings: `EX-2026:1`, `Important`.

    `package` is the one that closes the hole (name-version-release.arch), "" where the tool names
    none.
    """

    name: str
    severity: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisories:
    """What dnf or zypper says of security.

    Attributes:
        pending: What concerns an installed package and is not installed.
        is_any_known: Whether a repository brings security advisories at all, of whatever is or
            was installed; CentOS Stream's, for one, bring none.
        index_time: As of `AptPackages`.
    """

    pending: tuple[Advisory, ...]
    is_any_known: bool
    index_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The host's package manager ("" where none is known to us), and LXD's package by it."""

    manager: str
    lxd: str
    apt: AptPackages | None
    advisories: Advisories | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfilesLine:
    """A line of tmpfiles.d about one of the kernel's files, its words apart by single blanks."""

    file: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BootUnit:
    """A service of systemd whose commands name one of the kernel's files; those commands only."""

    file: str
    commands: tuple[str, ...]
    before: tuple[str, ...]
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBoot:
    """What closes the kernel's files at boot; `has_tmpfiles` where a program reads tmpfiles.d."""

    has_tmpfiles: bool
    tmpfiles: tuple[TmpfilesLine, ...]
    units: tuple[BootUnit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """What waits for a reboot, and the kernels in /boot.

    Attributes:
        reboot_reasons: Packages, or tools that say so; none where nobody asks for a reboot.
        asked: Which files and tools were looked at.
        kernels: Versions, as `uname -r` has them.
        running_image: What the image in /boot that has the running kernel's name calls itself:
            its `uname -r`, who has built it, and its `uname -v`; "" where it does not say.
        snap_revision: The installed revision of LXD's snap; "" where there is none.

    Both are None where they were not looked at.
    """

    reboot_reasons: tuple[str, ...]
    asked: tuple[str, ...]
    kernels: tuple[str, ...]
    running_image: str | None = None
    snap_revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The host's table of its distribution's releases, as CSV; "" for none."""

    table: str
