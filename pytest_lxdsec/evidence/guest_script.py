"""What somebody inside a container tries, as one script of /bin/sh; and its answers read; pure.

The same script runs inside each container, by LXD's own exec, and once on the host as a control:
what is refused inside tells something only where the host was not refused. Nothing in it can do
harm where it succeeds: files are opened for writing and nothing is written, what is mounted is no
disk and what is unmounted does not exist, the clock is given a tick that the kernel takes from
nobody, and a node is made in memory, opened for reading and removed.

The tools of a container answer in words of their own, so that words are what is compared. They
are the container's: one that means ill may have a shell that lies about what was refused. What
the kernel enforces is seen from the host by the other controls; this shows that it works.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

END = "end"
NAMES = "name"  # how lines begin that hold names of control groups
MOST_NAMES = 100
# Opened for writing. Without a module loader, a kernel has not all of them.
SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/printk",
    "/proc/sys/vm/overcommit_memory",
)
MODULES = ("/proc/sys/kernel/modprobe", "/proc/sys/kernel/modules_disabled")
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
SLAB = "/sys/kernel/slab"
SCHEDULER = ("/proc/sched_debug", "/sys/kernel/debug/sched/debug")
# Mounted as a disk, which nobody can. It is there: AppArmor looks for the device before it refuses
# (security/apparmor/mount.c, aa_new_mount), so one that is not there looks like a way through.
NO_DISK = "/dev/null"
LOG = ("c", "1", "11")  # the kernel's log: reading it is harmless, and no container's to do

SCRIPT = rf"""
export LC_ALL=C LANGUAGE=C
dir=${{1:-/dev}}
# Of this process only: two audits of one host may be in one container at once.
node=$dir/.lxdsec-node-$$
nowhere=$dir/.lxdsec-nowhere
say() {{
    what=$1
    shift
    if said=$( ("$@") 2>&1 ); then
        echo "$what: ok"
    else
        said=${{said%%
*}}
        echo "$what: no: ${{said##*: }}"
    fi
}}
has() {{ command -v "$1" >/dev/null 2>&1; }}
open_write() {{ : 3>>"$1"; }}
open_read() {{ : 3<"$1"; }}
writes() {{
    if [ -e "$2" ]; then say "write $1" open_write "$2"; else echo "write $1: absent"; fi
}}
reads() {{
    if [ -e "$1" ]; then say "read $1" open_read "$1"; else echo "read $1: absent"; fi
}}
for file in {" ".join((*SETTINGS, *MODULES, CLOCK))}; do writes "$file" "$file"; done
for queue in /sys/block/*/queue/nr_requests; do break; done
writes disk "$queue"
makes() {{
    if has mknod && has rm && ! [ -e "$node" ]; then
        say "mknod $1" mknod "$node" $2 $3 $4
        if [ -e "$node" ]; then
            say "open $1" open_read "$node"
            rm -f "$node"
        else
            echo "open $1: untried"
        fi
    else
        echo "mknod $1: untried"
        echo "open $1: untried"
    fi
}}
makes log {" ".join(LOG)}
major=
while read -r major minor rest; do
    case $major in [0-9]*) break ;; esac
    major=
done 2>/dev/null </proc/partitions
if [ -n "$major" ]; then
    makes disk b "$major" "$minor"
else
    echo "mknod disk: absent"
    echo "open disk: absent"
fi
kind=
while read -r kind rest; do
    [ "$kind" = nodev ] || break
    kind=
done 2>/dev/null </proc/filesystems
if has mount && [ -n "$kind" ] && [ -c {NO_DISK} ]; then
    say "mount" mount -t "$kind" {NO_DISK} "$dir"
else
    echo "mount: untried"
fi
if has umount; then say "umount" umount -f "$nowhere"; else echo "umount: untried"; fi
if has adjtimex; then say "clock" adjtimex -t 0; else echo "clock: untried"; fi
set -- {SLAB}/*
if [ -e "$1" ]; then
    echo "read {SLAB}: ok"
elif [ -e {SLAB} ]; then
    echo "read {SLAB}: no: not listed"
else
    echo "read {SLAB}: absent"
fi
for file in {" ".join(SCHEDULER)}; do reads "$file"; done
count=0
named() {{
    [ $count -lt {MOST_NAMES} ] || return
    count=$((count + 1))
    echo "{NAMES} $1"
}}
for entry in {SLAB}/*/cgroup/*; do case $entry in *lxc*) named "$entry" ;; esac; done
for file in {" ".join(SCHEDULER)}; do
    [ -r "$file" ] || continue
    while read -r line; do
        case $line in *lxc.payload*) named "$line" ;; esac
        [ $count -lt {MOST_NAMES} ] || break
    done 2>/dev/null <"$file"
done
echo {END}
"""

_ANSWER = re.compile(r"(?P<what>[^:]+): (?P<result>ok|absent|untried|no)(?:: ?(?P<words>.*))?")
# What the kernel's refusals are called by C libraries, busybox and util-linux.
_REFUSED = re.compile(
    r"permission denied|not permitted|read-only file system|superuser|are you root"
    r"|not listed|write-protected|read-only",
    re.IGNORECASE,
)
# What is said where the kernel did not refuse, but found nothing to do it to.
_PASSED = re.compile(
    r"no such file|does not exist|no mount point|invalid argument|not mounted|no such device"
    r"|block device required|not a block device",
    re.IGNORECASE,
)


class Answer(enum.Enum):
    """What came of one attempt."""

    ALLOWED = "allowed"  # it was done, or would have been
    REFUSED = "refused"
    ABSENT = "absent"  # there is nothing to try it on
    UNCLEAR = "unclear"  # not tried, or in words that nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt; `words` are what the tool said, "" for nothing."""

    what: str
    answer: Answer
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """All attempts of one run of the script, and the names of control groups that it read."""

    by_name: Mapping[str, Attempt]
    names: tuple[str, ...]


def parse(output: str) -> Attempts:
    """Read what the script printed.

    Raises:
        ValueError: its end is missing, or a line is none of its.
    """
    lines = output.split("\n")
    if lines[-2:] != [END, ""]:
        raise ValueError("the probe did not come to its end")
    names = tuple(line for line in lines[:-2] if line.startswith(f"{NAMES} "))
    found = [_attempt(line) for line in lines[:-2] if not line.startswith(f"{NAMES} ")]
    return Attempts(by_name={attempt.what: attempt for attempt in found}, names=names)


def _attempt(line: str) -> Attempt:
    match = _ANSWER.fullmatch(line)
    if match is None:
        raise ValueError(f"the probe said {line[:80]!r}")
    words = (match["words"] or "").strip()
    return Attempt(what=match["what"], answer=_answer(match["result"], words), words=words)


def _answer(result: str, words: str) -> Answer:
    if result == "ok":
        return Answer.ALLOWED
    if result == "absent":
        return Answer.ABSENT
    if result == "untried":
        return Answer.UNCLEAR
    if _REFUSED.search(words):
        return Answer.REFUSED
    return Answer.ALLOWED if _PASSED.search(words) else Answer.UNCLEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Attempts at one thing; one of them that tells is enough.

    Attributes:
        what: As findings name it, after "container root can".
        attempts: Their names.
    """

    what: str
    attempts: tuple[str, ...]


UNPRIVILEGED = (
    Group(
        what="change settings of the host's kernel",
        attempts=tuple(f"write {path}" for path in (*SETTINGS, CLOCK)),
    ),
    Group(what="make a device node", attempts=("mknod log", "mknod disk")),
    Group(what="govern kernel modules", attempts=tuple(f"write {path}" for path in MODULES)),
    Group(what="mount a disk", attempts=("mount", "write disk")),
)
PRIVILEGED = (
    Group(what="open devices of the host", attempts=("open disk", "open log")),
    Group(what="set the clock", attempts=("clock", f"write {CLOCK}")),
    Group(what="unmount by force", attempts=("umount",)),
    Group(
        what="write to /proc/sys",
        attempts=tuple(f"write {path}" for path in (*SETTINGS, *MODULES)),
    ),
)


NAMES_TOLD = tuple(
    Group(what=f"read {path}", attempts=(f"read {path}",)) for path in (SLAB, *SCHEDULER)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A group: what was seen of it, each as a clause; else why nothing can be told.

    `is_empty` where there is nothing to do it with, neither inside nor on the host: then nothing
    has been refused.
    """

    group: Group
    shown: tuple[str, ...] = ()
    unclear: str = ""
    is_empty: bool = False


def done(groups: Iterable[Group], inside: Attempts) -> tuple[Judged, ...]:
    """Return the groups of which something was done inside."""
    found = []
    for group in groups:
        mine = [_of(inside, what) for what in group.attempts]
        allowed = tuple(_clause(one) for one in mine if one.answer is Answer.ALLOWED)
        if allowed:
            found.append(Judged(group=group, shown=allowed))
    return tuple(found)


def judge(groups: Iterable[Group], inside: Attempts, control: Attempts) -> tuple[Judged, ...]:
    """Groups of which nothing was done inside, each held against what the host's root could do."""
    return tuple(_judge(group, inside, control) for group in groups)


def _judge(group: Group, inside: Attempts, control: Attempts) -> Judged:
    mine = [_of(inside, what) for what in group.attempts]
    theirs = [_of(control, what) for what in group.attempts]
    both = list(zip(mine, theirs, strict=True))
    shown = tuple(
        _clause(one)
        for one, other in both
        if one.answer is Answer.REFUSED and other.answer is Answer.ALLOWED
    )
    if shown:
        return Judged(group=group, shown=shown)
    if all(one.answer is Answer.ABSENT for one in (*mine, *theirs)):
        return Judged(group=group, shown=("this kernel has nothing to do it with",), is_empty=True)
    told = [f"{one.what}: {_told(one)} inside, {_told(other)} on the host" for one, other in both]
    return Judged(group=group, unclear="; ".join(told))


def absent(group: Group, inside: Attempts) -> tuple[str, ...]:
    """Return the attempts of a group for which there was nothing inside to try them on."""
    return tuple(w for w in group.attempts if _of(inside, w).answer is Answer.ABSENT)


def _clause(attempt: Attempt) -> str:
    return f"{attempt.what}: {attempt.words or 'done'}"


def _of(attempts: Attempts, what: str) -> Attempt:
    return attempts.by_name.get(what, Attempt(what=what, answer=Answer.UNCLEAR))


def _told(attempt: Attempt) -> str:
    return attempt.words or attempt.answer.value
