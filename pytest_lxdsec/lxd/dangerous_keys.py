"""The keys of an instance that take down what LXD puts between a container and its host; pure.

Data, one table with a reason each: which wall a key weakens, and from which release to which it
does. LXD's own list of low-level keys (lxd/project/permissions.go) is part of it, and so are keys
that list has never named. `raw.lxc` has a table of its own, for it holds a whole configuration:
it is loaded after everything else, so whatever it says wins (driver_lxc.go, initLXC).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from . import config_values, versions

RAW_LXC = "raw.lxc"


class Boundary(enum.Enum):
    """What a key weakens."""

    IDS = "the user namespace"  # what an unprivileged container is safe by
    CONFINEMENT = "the confinement"  # what a privileged one has left


IDS_ONLY = frozenset({Boundary.IDS})
CONFINEMENT_ONLY = frozenset({Boundary.CONFINEMENT})
BOTH = frozenset(Boundary)


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """A key that an instance should not have, and why.

    Attributes:
        key: A pattern of whole keys.
        boundaries: What it weakens.
        reason: As a clause after the key.
        is_on: Whether a value, read as LXD reads it, does harm.
        since: The first release that has the key.
        until: The first release that has it no more.
    """

    key: str
    boundaries: frozenset[Boundary]
    reason: str
    is_on: Callable[[str], bool]
    since: tuple[int, ...] = ()
    until: tuple[int, ...] = ()

    def concerns(self, key: str, version: versions.Version) -> bool:
        """Return whether this release of LXD takes the key for this one."""
        if re.fullmatch(self.key, key) is None:
            return False
        is_gone = bool(self.until) and version.numbers >= self.until
        return version.numbers >= self.since and not is_gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A dangerous key of an instance; `text` says what is set and why it is dangerous."""

    key: str
    text: str


def _anything(value: str) -> bool:
    return bool(value.strip())


def _off(value: str) -> bool:
    """Return whether `deny_default` is off: LXD takes unset for on, and else words for true."""
    return not config_values.is_true(value)


def _on_demand(value: str) -> bool:
    return value == "ondemand"


def _several_lines(value: str) -> bool:
    return "\n" in value


# Settings that each network, IPC or UTS namespace has for itself, and so each container.
_NAMESPACED = r"net\.|kernel\.(shm|msg|sem|hostname$|domainname$)|fs\.mqueue\."
_SYSCALLS = r"security\.syscalls\."
_INTERCEPT = rf"{_SYSCALLS}intercept\."
DANGERS: tuple[Danger, ...] = (
    Danger(
        key=r"raw\.apparmor",
        boundaries=CONFINEMENT_ONLY,
        reason="is added to the AppArmor profile, and may allow what LXD's rules deny",
        is_on=_anything,
    ),
    Danger(
        key=r"raw\.seccomp",
        boundaries=CONFINEMENT_ONLY,
        reason="replaces LXD's seccomp policy as a whole",
        is_on=_anything,
    ),
    Danger(
        key=rf"{_SYSCALLS}deny_default",
        boundaries=CONFINEMENT_ONLY,
        reason="leaves LXD's seccomp policy out",
        is_on=_off,
    ),
    Danger(
        key=rf"{_SYSCALLS}blacklist_default",
        boundaries=CONFINEMENT_ONLY,
        reason="leaves LXD's seccomp policy out (the older name, still honoured)",
        is_on=_off,
        until=(5, 21),
    ),
    Danger(
        key=rf"{_SYSCALLS}allow",
        boundaries=CONFINEMENT_ONLY,
        reason="takes the place of LXD's seccomp policy",
        is_on=_anything,
    ),
    Danger(
        key=rf"{_SYSCALLS}whitelist",
        boundaries=CONFINEMENT_ONLY,
        reason="takes the place of LXD's seccomp policy (the older name, still honoured)",
        is_on=_anything,
        until=(5, 21),
    ),
    Danger(
        key=r"security\.nesting",
        boundaries=CONFINEMENT_ONLY,
        reason="lets root mount and pivot, and with privileges is root on the host",
        is_on=config_values.is_true,
    ),
    Danger(
        key=rf"{_INTERCEPT}mount",
        boundaries=IDS_ONLY,
        reason="has the host mount file systems for the container's root",
        is_on=config_values.is_true,
    ),
    Danger(
        key=rf"{_INTERCEPT}mount\.allowed",
        boundaries=IDS_ONLY,
        reason="has the host's kernel read file systems of the container's making",
        is_on=_anything,
    ),
    Danger(
        key=rf"{_INTERCEPT}mount\.fuse",
        boundaries=IDS_ONLY,
        reason="has the host start FUSE programs for the container's mounts",
        is_on=_anything,
    ),
    Danger(
        key=rf"{_INTERCEPT}(bpf|bpf\.devices|mknod|sched_setscheduler|setxattr)",
        boundaries=IDS_ONLY,
        reason="has LXD do as root what the kernel refuses the container",
        is_on=config_values.is_true,
    ),
    # Not of environment.*: its validator refuses line breaks (shared/instance.go; 5.0.2 measured).
    Danger(
        key=r"(limits\.kernel|linux\.sysctl|nvidia)\..*",
        boundaries=BOTH,
        reason="has several lines, and what follows the first may be read as liblxc's own keys",
        is_on=_several_lines,
    ),
    Danger(
        key=rf"linux\.sysctl\.(?!{_NAMESPACED}).*",
        boundaries=CONFINEMENT_ONLY,
        reason="is a setting of the whole host's, which root of the host writes at the start: "
        "only that /proc/sys is closed before then keeps it from it",
        is_on=_anything,
    ),
    Danger(
        key=r"security\.delegate_bpf",
        boundaries=IDS_ONLY,
        reason="gives the container's root the kernel's BPF",
        is_on=config_values.is_true,
        since=(5, 21),
    ),
    Danger(
        key=r"linux\.kernel_modules\.load",
        boundaries=BOTH,
        reason="loads modules into the host's kernel when the container's root asks",
        is_on=_on_demand,
        since=(5, 21),
    ),
)

# Neither safe nor dangerous by itself: whether the host should do so is for a person to say.
MODULES = "linux.kernel_modules"

# A directive of liblxc's (5.0.2), or the beginning of several, with the walls and the reason.
# Those that only an empty value makes dangerous, or a value of 0, stand with it.
_EMPTY = frozenset({""})
_ZERO = frozenset({"0"})
_ANY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A line of `raw.lxc` that weakens a wall.

    `values` are those that do, none for all; `harmless` those that do not.
    """

    pattern: str
    boundaries: frozenset[Boundary]
    reason: str
    values: frozenset[str] = _ANY
    harmless: frozenset[str] = _ANY

    def is_in(self, key: str, value: str) -> bool:
        """Return whether a line is this one."""
        if re.fullmatch(self.pattern, key) is None:
            return False
        return value not in self.harmless and (not self.values or value in self.values)


DIRECTIVES: tuple[Directive, ...] = (
    Directive(
        pattern=r"lxc\.id_?map",
        boundaries=BOTH,
        reason="is an id map of its own making",
    ),
    Directive(
        pattern=r"lxc\.include",
        boundaries=BOTH,
        reason="loads whatever a file of the host says",
    ),
    Directive(
        pattern=r"lxc\.namespace\..*",
        boundaries=BOTH,
        reason="shares namespaces, or leaves them out",
    ),
    Directive(
        pattern=r"lxc\.(hook\..*|init\.cmd|execute\.cmd|monitor\.unshare)",
        boundaries=BOTH,
        reason="runs commands of its own as root of the host, or as the container's first",
    ),
    Directive(
        pattern=r"lxc\.(mount|mount\.(auto|entry|fstab)|rootfs\..*|rootfs|autodev)",
        boundaries=BOTH,
        reason="mounts what LXD does not know of",
    ),
    Directive(
        pattern=r"lxc\.(apparmor\..*|aa_.*|selinux\..*|se_context)",
        boundaries=CONFINEMENT_ONLY,
        reason="decides about mandatory access control in LXD's place",
    ),
    Directive(
        pattern=r"lxc\.seccomp(\..*)?",
        boundaries=CONFINEMENT_ONLY,
        reason="decides about the seccomp policy in LXD's place",
    ),
    Directive(
        pattern=r"lxc\.cap\.drop",
        boundaries=CONFINEMENT_ONLY,
        reason="with no value keeps every capability",
        values=_EMPTY,
    ),
    Directive(
        pattern=r"lxc\.cap\.keep",
        boundaries=CONFINEMENT_ONLY,
        reason="decides about capabilities in LXD's place",
    ),
    Directive(
        pattern=r"lxc\.cgroup2?\.(devices\..*|dir.*|relative)",
        boundaries=CONFINEMENT_ONLY,
        reason="decides about devices or control groups in LXD's place",
    ),
    Directive(
        pattern=r"lxc\.net(work)?(\..*)?",
        boundaries=BOTH,
        reason="gives it interfaces of the host, or the host's network itself",
    ),
    Directive(
        pattern=r"lxc\.proc\..*",
        boundaries=BOTH,
        reason="writes to /proc as root of the host",
    ),
    Directive(
        pattern=r"lxc\.sysctl\..*",
        boundaries=CONFINEMENT_ONLY,
        reason="writes settings of the kernel as root of the host",
    ),
    # liblxc's monitor, root of the host, opens it: src/lxc/terminal.c, lxc_terminal_create.
    Directive(
        pattern=r"lxc\.console\.(path|(buffer\.)?logfile)",
        boundaries=BOTH,
        reason="names a file or device of the host that root of the host writes to",
        harmless=frozenset({"", "none"}),
    ),
    Directive(
        pattern=r"lxc\.(no_new_privs|keyring\.session)",
        boundaries=CONFINEMENT_ONLY,
        reason="takes a protection away",
        values=_ZERO,
    ),
)
# What weakens nothing; every other line is for a person to judge.
HARMLESS = re.compile(
    r"lxc\.(environment(\..*)?|log\..*|console\.(path|rotate|(buffer\.)?(logfile|size))|tty\..*"
    r"|pty\..*|signal\..*|start\..*|group|uts\.name|arch|ephemeral|time\..*|cap\.drop|no_new_privs|keyring\.session"
    r"|cgroup2?\.(?!devices|dir|relative).*)"
)


def of(config: Mapping[str, str], wall: Boundary, version: versions.Version) -> Iterator[Found]:
    """Yield the keys of an expanded configuration that weaken a wall, in their order.

    Raises:
        CannotTell: a value is hidden.
    """
    for key in sorted(config):
        for danger in DANGERS:
            if wall not in danger.boundaries or not danger.concerns(key, version):
                continue
            if danger.is_on(config_values.string(config, key)):
                yield Found(key=key, text=f"{key}={_shown(config[key])} {danger.reason}")
                break
    for line in raw_lxc(config, wall):
        yield Found(key=RAW_LXC, text=line)


def raw_lxc(config: Mapping[str, str], wall: Boundary) -> Iterator[str]:
    """Yield the lines of `raw.lxc` that weaken a wall, each with the reason."""
    for key, value in directives(config_values.string(config, RAW_LXC)):
        for directive in DIRECTIVES:
            if wall in directive.boundaries and directive.is_in(key, value):
                yield f"raw.lxc has {key}={_shown(value)}, which {directive.reason}"
                break


def to_judge(config: Mapping[str, str]) -> str:
    """Return what of a configuration is for a person to judge, as a clause; "" for nothing."""
    modules = config_values.string(config, MODULES).strip()
    if not modules:
        return ""
    return f"{MODULES} has the host's kernel load {_shown(modules)}: say whether it should"


def unknown(config: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines of `raw.lxc` that no table here knows, by their keys."""
    found = {
        key
        for key, value in directives(config_values.string(config, RAW_LXC))
        if not any(directive.is_in(key, value) for directive in DIRECTIVES)
        and HARMLESS.fullmatch(key) is None
    }
    return tuple(sorted(found))


def directives(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values of `raw.lxc`, as LXD reads it: lxd/instance/instance_utils.go."""
    for line in text.split("\n"):
        content = line.strip("\t \r")
        if content and not content.startswith("#"):
            key, _, value = content.partition("=")
            yield key.strip("\t ").lower(), value.strip("\t ")


def _shown(value: str) -> str:
    first = value.split("\n", 1)[0]
    return repr(first if first == value else f"{first} ...")
