"""What was installed and does not run yet, for nobody has started it again; pure.

Of libraries, those of LXD's daemons are looked at, and of no other process of the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...evidence.host_facts import Daemon
from ...evidence.system_facts import OperatingSystem, Restarts
from ...verdict import Manual
from . import vendor_support

NAMED = 5  # packages and files that a finding names
_REVISION = re.compile(r"(?:/var/lib/snapd)?/snap/lxd/(x?\d+)/")


def of_daemons(daemons: Sequence[Daemon], boot: Restarts) -> Iterator[str]:
    """Yield what a restart of LXD's daemons would repair."""
    for daemon in daemons:
        if daemon.is_deleted:
            yield f"{daemon.exe} (process {daemon.pid}) was replaced since it started"
        libraries = _libraries(daemon)
        if libraries:
            named = ", ".join(libraries[:NAMED])
            yield f"process {daemon.pid} runs with files that were replaced since: {named}"
        revision = _revision(daemon)
        if revision and boot.snap_revision and revision != boot.snap_revision:
            yield (
                f"process {daemon.pid} runs revision {revision} of the snap, and "
                f"{boot.snap_revision} is installed"
            )


def in_full(daemons: Sequence[Daemon], boot: Restarts) -> tuple[str, ...]:
    """Return all that the faults name, where one of them names but the first; else nothing."""
    lists = [boot.reboot_reasons, *map(_libraries, daemons)]
    return tuple(name for names in lists if len(names) > NAMED for name in names)


def _libraries(daemon: Daemon) -> list[str]:
    return [path for path in daemon.replaced or () if path != daemon.exe]


def _revision(daemon: Daemon) -> str:
    found = _REVISION.match(daemon.exe)
    return found[1] if found else ""


def of_kernel(system: OperatingSystem, boot: Restarts, *, is_known: bool) -> Iterator[str]:
    """Yield what a reboot would repair.

    Args:
        system: The running kernel.
        boot: What is installed.
        is_known: Whether there is a finding already, which must not be lost for what follows.

    Raises:
        CannotTell: nothing else is found, and the running kernel is not among those installed.
    """
    if boot.reboot_reasons:
        yield f"a reboot is asked for by {', '.join(boot.reboot_reasons[:NAMED])}"
    elif not is_known:
        newer = vendor_support.newer_kernels(system.kernel, boot.kernels)
        if newer:
            yield f"kernel {system.kernel} runs, and {newer[-1]} is installed"
        elif _is_another_build(system, boot):
            yield (
                f"kernel {system.kernel} runs as {system.build}, and /boot has another build of "
                f"it: {boot.running_image}"
            )


def _is_another_build(system: OperatingSystem, boot: Restarts) -> bool:
    if not system.build or not boot.running_image:
        return False
    return not boot.running_image.endswith(f" {system.build}")


def seen(daemons: Sequence[Daemon], system: OperatingSystem, boot: Restarts) -> Iterator[str]:
    """Yield what there is to say where nothing waits.

    Raises:
        Manual: the evidence is older than what is asked of it.
    """
    for what in _not_looked_at(daemons, system, boot):
        raise Manual(f"this evidence was gathered without {what}: gather it again")
    compared = "the same build of it" if boot.running_image else "by its name only"
    yield f"kernel {system.kernel} is the newest in /boot, {compared}"
    yield f"{', '.join(boot.asked)}: no reboot asked for"
    for daemon in daemons:
        yield f"{daemon.exe} is the file that runs, and its libraries are those installed"


def _not_looked_at(
    daemons: Sequence[Daemon], system: OperatingSystem, boot: Restarts
) -> Iterator[str]:
    if any(daemon.replaced is None for daemon in daemons):
        yield "a look at LXD's libraries"
    if system.build is None or boot.running_image is None:
        yield "a look at the kernel's build"
    if boot.snap_revision is None and any(map(_revision, daemons)):
        yield "a look at the snap's revision"
