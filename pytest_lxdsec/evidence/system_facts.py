"""Types of the sweep: packages, kernels, and services that run at boot.

See `host_facts` for units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSystem:
    """The distribution, the running kernel and the host's name.

    Attributes:
        release: Fields of os-release(5).
        kernel: The output of `uname -r`.
        hostname: The host's own name.
        build: The output of `uname -v`, which tells builds of that kernel apart; None in evidence
            that did not look for it.
        has_pro: Whether the host is attached to Ubuntu Pro; None in evidence that did not look
            for it.
    """

    release: Mapping[str, str]
    kernel: str
    hostname: str
    build: str | None = None
    has_pro: bool | None = None

    @property
    def title(self) -> str:
        """The system's name for people: Debian GNU/Linux 12 (bookworm)."""
        return self.release.get("PRETTY_NAME") or self.release.get("ID") or "unknown system"

    @property
    def is_ubuntu(self) -> bool:
        """True for Ubuntu itself in any edition, not for distributions derived from it."""
        return self.release.get("ID") in ("ubuntu", "ubuntu-core")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """An installed package that has a newer version, on hold or not.

    `is_security` is true if any version newer than the installed one is in a security archive:
    the candidate may be a later one that includes the fix and is not in that archive.
    """

    name: str
    installed: str
    candidate: str
    origin: str
    is_security: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AptPackages:
    """The pending upgrades of apt.

    Attributes:
        upgrades: All pending upgrades, including `held` and `kept_back`.
        kept_back: The upgrades that apt itself leaves out: pinned away, or still phased in.
        held: Packages on hold, with or without an upgrade.
        index_time: When the last of the sources was updated (of security updates, if there is
            one); never later than the truth. 0 if one never was, or it is not known.
        has_security_source: Whether there is an index of a distribution's security archive.
    """

    upgrades: tuple[Upgrade, ...]
    kept_back: tuple[str, ...]
    held: tuple[str, ...]
    index_time: int
    has_security_source: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """A security advisory of a repository: `EX-2026:1`, `Important`.

    `package` has the fix (name-version-release.arch); "" if the tool does not name it.
    """

    name: str
    severity: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisories:
    """The security advisories of dnf or zypper.

    Attributes:
        pending: Advisories for installed packages whose fix is not installed.
        is_any_known: Whether a repository has any security advisory, pending or not; CentOS
            Stream's repositories have none.
        index_time: See `AptPackages`.
    """

    pending: tuple[Advisory, ...]
    is_any_known: bool
    index_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The host's package manager, and the pending upgrades.

    Attributes:
        manager: `apt`, `dnf` or `zypper`; "" for any other.
        lxd: The version of apt's package of LXD, "" if there is none.
    """

    manager: str
    lxd: str
    apt: AptPackages | None
    advisories: Advisories | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfilesLine:
    """A line of tmpfiles.d about one of the kernel's files; single blanks separate its words."""

    file: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BootUnit:
    """A systemd service whose commands name one of the kernel's files; only those commands."""

    file: str
    commands: tuple[str, ...]
    before: tuple[str, ...]
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBoot:
    """Settings that restrict the kernel's files at boot.

    `has_tmpfiles` is true if a program reads tmpfiles.d.
    """

    has_tmpfiles: bool
    tmpfiles: tuple[TmpfilesLine, ...]
    units: tuple[BootUnit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """Reasons to reboot, and the kernels in /boot.

    Attributes:
        reboot_reasons: Packages or tools that ask for a reboot; empty if none does.
        asked: The files and tools that were looked at.
        kernels: Versions in the form of `uname -r`.
        running_image: The version string in the image in /boot that has the running kernel's
            name: its `uname -r`, its builder and its `uname -v`; "" if it has none.
        snap_revision: The installed revision of LXD's snap; "" if there is none.

    The last two are None in evidence that did not look for them.
    """

    reboot_reasons: tuple[str, ...]
    asked: tuple[str, ...]
    kernels: tuple[str, ...]
    running_image: str | None = None
    snap_revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The host's table of its distribution's releases as CSV, "" if it has none.

    Its source is /usr/share/distro-info/ID.csv.
    """

    table: str
