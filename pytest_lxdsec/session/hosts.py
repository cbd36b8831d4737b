"""All targets of a run, gathered side by side; and the same hosts again in xdist's workers.

One host that cannot be reached is that host's error and nobody else's. Where the user's own
input is wrong (a file of evidence, a certificate) the run ends.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import pathlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import LxdsecError, Unreachable, UserError
from ..evidence import evidence_file, gather, model
from ..transport import host_shell
from ..transport.connection import Connection, Trust
from ..transport.targets import Reach, Target

MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One target after the gathering: its evidence, or why there is none.

    Attributes:
        kept: The file that has the evidence; "" where it was not kept.
    """

    connection: Connection
    evidence: model.Evidence | None = None
    error: str = ""
    kept: str = ""

    @property
    def name(self) -> str:
        """The host's name in reports."""
        return self.connection.target.name


def resolve(
    targets: Sequence[Target], trust: Trust, stack: contextlib.ExitStack
) -> tuple[Host, ...]:
    """Make every target one that can be connected to; a lab is ended by `stack`.

    Raises:
        UserError: a group of hosts or a lab has no such name.
    """
    return tuple(host for target in targets for host in _resolve(target, trust, stack))


def _resolve(target: Target, trust: Trust, stack: contextlib.ExitStack) -> Sequence[Host]:
    try:
        found = _resolved(target, stack)
    except UserError:
        raise
    except LxdsecError as error:
        return [Host(connection=Connection(target=target, trust=trust), error=str(error))]
    connections = [Connection(target=one, trust=trust) for one in found]
    for connection in connections:
        stack.callback(connection.close)
    return [Host(connection=connection) for connection in connections]


def _resolved(target: Target, stack: contextlib.ExitStack) -> Sequence[Target]:
    match target.reach:
        case Reach.LAB:
            return [_lab(target, stack)]
        case Reach.SHELL:
            return _each(target)
        case Reach.EVIDENCE | Reach.HTTPS | Reach.UNIX:
            return [target]


def _each(target: Target) -> Sequence[Target]:
    specs = host_shell.expand(target.shell)
    if specs == (target.shell,):
        return [target]
    return [dataclasses.replace(target, name=spec.partition("?")[0], shell=spec) for spec in specs]


def _lab(target: Target, stack: contextlib.ExitStack) -> Target:
    from .. import lab  # noqa: PLC0415 - only where a lab is asked for

    here = lab.find(target.address) if target.address else stack.enter_context(lab.throw_away())
    return Target(
        name=target.name, reach=Reach.UNIX, address=here.socket, shell=f"nsenter://{here.pid}"
    )


def gather_all(
    hosts: Sequence[Host],
    gathered: Callable[[str], None] = lambda _: None,
    does: Callable[[str, str], None] = lambda *_: None,
    *,
    probes: bool = False,
) -> tuple[Host, ...]:
    """Ask every host, side by side; `gathered` hears the name of each that has answered.

    `does` hears, from whichever thread, what a host is busy with.

    An interruption waits for the hosts that are being asked, and for the probes' removal of what
    they have made.

    Raises:
        UserError: a file that the user named cannot be used, or is of a host that is audited
            already.
    """
    interrupted = threading.Event()

    def prober(host: Host) -> gather.Prober | None:
        told = functools.partial(does, host.name)
        return _prober(interrupted, told) if probes else None

    with concurrent.futures.ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        asked = [pool.submit(_gathered, host, prober(host)) for host in hosts]
        try:
            for one in concurrent.futures.as_completed(asked):
                gathered(one.result().name)
        except KeyboardInterrupt:
            interrupted.set()
            raise
    found = tuple(one.result() for one in asked)
    _refuse_same(found)
    return found


def _prober(interrupted: threading.Event, told: Callable[[str], None]) -> gather.Prober:
    from ..probe import run  # noqa: PLC0415 - only where probes are asked for

    return functools.partial(run.run, interrupted=interrupted, progress=told)


def _refuse_same(hosts: Sequence[Host]) -> None:
    """Results are told apart by the host's name, which evidence brings along."""
    seen: dict[str, str] = {}
    for host in hosts:
        if host.evidence is None:
            continue
        name = host.evidence.header.target
        if name in seen:
            raise UserError(
                f"--lxd-host: {seen[name]} and {host.name} are both of {name!r}: "
                "audit them one after the other"
            )
        seen[name] = host.name


def _gathered(host: Host, prober: gather.Prober | None) -> Host:
    if host.error:
        return host
    target = host.connection.target
    try:
        evidence = _evidence(host.connection, prober)
    except Unreachable as error:
        return dataclasses.replace(host, error=f"cannot reach {target.name}: {error.cause}")
    except UserError:
        raise
    except LxdsecError as error:
        return dataclasses.replace(host, error=f"cannot reach {target.name}: {error}")
    kept = target.address if target.reach is Reach.EVIDENCE else ""
    return dataclasses.replace(host, evidence=evidence, kept=kept)


def _evidence(connection: Connection, prober: gather.Prober | None) -> model.Evidence:
    target = connection.target
    if target.reach is Reach.EVIDENCE:
        return evidence_file.load(pathlib.Path(target.address))
    return gather.gather(
        target.name,
        connection.api(),
        connection.shell(),
        socket=_socket_of(target),
        prober=prober,
    )


def _socket_of(target: Target) -> str:
    """Return the API's socket as the host itself names it.

    A lab's is seen through /proc/PID/root.
    """
    return target.address if target.reach is Reach.SHELL else ""


def to_worker(hosts: Sequence[Host], directory: pathlib.Path) -> str:
    """Return what a worker of xdist needs to see the same hosts, as text."""
    entries = []
    for index, host in enumerate(hosts):
        path = directory / f"{index}.json"
        if host.evidence is not None and not path.exists():
            evidence_file.save(host.evidence, path)
        target = dataclasses.asdict(host.connection.target)
        target["reach"] = host.connection.target.reach.value
        entries.append({"target": target, "evidence": str(path), "error": host.error})
    return json.dumps(entries)


def from_controller(text: str, trust: Trust, stack: contextlib.ExitStack) -> tuple[Host, ...]:
    """Return the hosts that the controller has gathered."""
    return tuple(_from_entry(entry, trust, stack) for entry in json.loads(text))


def _from_entry(entry: dict[str, object], trust: Trust, stack: contextlib.ExitStack) -> Host:
    fields = dict(entry["target"])  # type: ignore[call-overload]  # our own JSON
    target = Target(**{**fields, "reach": Reach(fields["reach"])})
    connection = Connection(target=target, trust=trust)
    stack.callback(connection.close)
    if entry["error"]:
        return Host(connection=connection, error=str(entry["error"]))
    return Host(
        connection=connection, evidence=evidence_file.load(pathlib.Path(str(entry["evidence"])))
    )
