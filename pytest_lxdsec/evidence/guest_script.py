"""The script of the probe, for /bin/sh, and the parser of its answers. Pure.

The same script runs inside each container by LXD's own exec, and once on the host as a control:
a refusal inside means something only if the host's root is not refused. No attempt does harm if
it succeeds: files are opened for writing and nothing is written, the device that is mounted is not
a disk and the mount point that is unmounted does not exist, the clock gets a tick that the kernel
grants to no process, and a node is made in memory, opened for reading and removed.

The tools of each container have messages of their own, so messages are what is compared. They are
under the container's control: a malicious one may have a shell that lies about refusals. Other
controls read from the host what the kernel enforces; this one shows that it works.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

END = "end"
NAMES = "name"  # the first word of lines with names of control groups
MOST_NAMES = 100
# Opened for writing. A kernel without a module loader lacks some of them.
SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/printk",
    "/proc/sys/vm/overcommit_memory",
)
MODULES = ("/proc/sys/kernel/modprobe", "/proc/sys/kernel/modules_disabled")
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
SLAB = "/sys/kernel/slab"
SCHEDULER = ("/proc/sched_debug", "/sys/kernel/debug/sched/debug")
# Mounted as if it were a disk, which always fails. It exists: AppArmor looks for the device before
# it refuses (security/apparmor/mount.c, aa_new_mount), so an absent one would look allowed.
NO_DISK = "/dev/null"
LOG = ("c", "1", "11")  # the kernel's log: reading it is harmless, and forbidden in containers

SCRIPT = rf"""
export LC_ALL=C LANGUAGE=C
dir=${{1:-/dev}}
# Of this process only: two audits of one host may use one container at once.
node=$dir/.lxdsec-node-$$
nowhere=$dir/.lxdsec-nowhere
try() {{
    what=$1
    shift
    if message=$( ("$@") 2>&1 ); then
        echo "$what: ok"
    else
        message=${{message%%
*}}
        echo "$what: no: ${{message##*: }}"
    fi
}}
has() {{ command -v "$1" >/dev/null 2>&1; }}
open_write() {{ : 3>>"$1"; }}
open_read() {{ : 3<"$1"; }}
writes() {{
    if [ -e "$2" ]; then try "write $1" open_write "$2"; else echo "write $1: absent"; fi
}}
reads() {{
    if [ -e "$1" ]; then try "read $1" open_read "$1"; else echo "read $1: absent"; fi
}}
for file in {" ".join((*SETTINGS, *MODULES, CLOCK))}; do writes "$file" "$file"; done
for queue in /sys/block/*/queue/nr_requests; do break; done
writes disk "$queue"
makes() {{
    if has mknod && has rm && ! [ -e "$node" ]; then
        try "mknod $1" mknod "$node" $2 $3 $4
        if [ -e "$node" ]; then
            try "open $1" open_read "$node"
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
    try "mount" mount -t "$kind" {NO_DISK} "$dir"
else
    echo "mount: untried"
fi
if has umount; then try "umount" umount -f "$nowhere"; else echo "umount: untried"; fi
if has adjtimex; then try "clock" adjtimex -t 0; else echo "clock: untried"; fi
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

_ANSWER = re.compile(r"(?P<what>[^:]+): (?P<result>ok|absent|untried|no)(?:: ?(?P<message>.*))?")
# The kernel's refusals in the messages of C libraries, busybox and util-linux.
_REFUSED = re.compile(
    r"permission denied|not permitted|read-only file system|superuser|are you root"
    r"|not listed|write-protected|read-only",
    re.IGNORECASE,
)
# Messages if the kernel did not refuse, but found no object to act on.
_NO_OBJECT = re.compile(
    r"no such file|does not exist|no mount point|invalid argument|not mounted|no such device"
    r"|block device required|not a block device",
    re.IGNORECASE,
)


class Answer(enum.Enum):
    """The result of one attempt."""

    ALLOWED = "allowed"  # it succeeded, or only lacked an object to act on
    REFUSED = "refused"
    ABSENT = "absent"  # there is no file or device to try it on
    UNCLEAR = "unclear"  # not tried, or an unknown message


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt, and the tool's message ("" if it printed none)."""

    what: str
    answer: Answer
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """All attempts of one run of the script, and the control groups that it could name."""

    by_name: Mapping[str, Attempt]
    names: tuple[str, ...]


def parse(output: str) -> Attempts:
    """Parse the output of the script.

    Raises:
        ValueError: its end is missing, or a line is not the script's.
    """
    lines = output.split("\n")
    if lines[-2:] != [END, ""]:
        raise ValueError("the probe did not run to its end")
    names = tuple(line for line in lines[:-2] if line.startswith(f"{NAMES} "))
    found = [_attempt(line) for line in lines[:-2] if not line.startswith(f"{NAMES} ")]
    return Attempts(by_name={attempt.what: attempt for attempt in found}, names=names)


def _attempt(line: str) -> Attempt:
    match = _ANSWER.fullmatch(line)
    if match is None:
        raise ValueError(f"the probe printed {line[:80]!r}")
    message = (match["message"] or "").strip()
    return Attempt(what=match["what"], answer=_answer(match["result"], message), message=message)


def _answer(result: str, message: str) -> Answer:
    if result == "ok":
        return Answer.ALLOWED
    if result == "absent":
        return Answer.ABSENT
    if result == "untried":
        return Answer.UNCLEAR
    if _REFUSED.search(message):
        return Answer.REFUSED
    return Answer.ALLOWED if _NO_OBJECT.search(message) else Answer.UNCLEAR
