"""Access to the remote API: what answers on the network, and to whom."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lxdsec import addresses, endpoints, listening, verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.hostfacts import Listener, Stranger, StrangerAnswer, endpoint
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Server
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "access-to-the-remote-api"
OK, FORBIDDEN, NOT_FOUND = 200, 403, 404
UNTRUSTED = "untrusted"


@control(
    "LXD-API-01",
    title="Every listen address is one address of the host, or none",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A wildcard opens the API on every network the host is in, now and in future.",
)
def test_listen_addresses_are_specific(lxd_server: Server) -> Verdict:
    named = listening.options(lxd_server)
    if not named:
        return verdict.passed("no *_address option is set: LXD is told to listen on no network")
    wild = [key for key, found in named.items() if found.kind is addresses.Kind.WILDCARD]
    if wild:
        return verdict.failed(
            observed=", ".join(f"{key} is {named[key].raw!r}, a wildcard" for key in wild),
            expected="unset, or one address of the host",
            origin="the server's configuration",
            remedy=listening.close(wild),
        )
    unclear = [key for key, found in named.items() if found.kind is addresses.Kind.NAME]
    if unclear:
        raise CannotTell(
            f"{unclear[0]} is {named[unclear[0]].raw!r}: what the name resolves to is not known"
        )
    return verdict.passed(*(f"{key} is {found.raw}" for key, found in named.items()))


@control(
    "LXD-API-02",
    title="The daemon's sockets are bound to the addresses that are configured, and no others",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A socket is what is reachable; the option may say something else.",
)
def test_sockets_are_bound_as_configured(lxd_evidence: Evidence) -> Verdict:
    listeners, named = lxd_evidence.listeners, listening.options(lxd_evidence.server)
    wild, unnamed = listening.wildcards(listeners), listening.unnamed(listeners, named)
    if not wild and not unnamed:
        seen = [f"LXD listens on {listening.describe(one)}" for one in listeners]
        return verdict.passed(*(seen or ["LXD listens on no TCP socket"]))
    faults = [f"LXD listens on {listening.describe(one)}" for one in wild]
    faults += [f"no option names {one.text}" for one in unnamed if one not in wild]
    return verdict.failed(
        observed="; ".join(faults),
        expected="sockets bound to one address each, as core.https_address and the like name them",
        origin="the kernel's socket table, in the daemon's network namespace",
        remedy=_rebind(lxd_evidence.server, wild),
    )


def _rebind(server: Server, wild: tuple[Listener, ...]) -> Remedy:
    ports = {listener.port for listener in wild}
    keys = [
        key
        for key, found in listening.options(server).items()
        if found.kind is addresses.Kind.WILDCARD and found.port in ports
    ]
    if keys:
        return listening.close(keys)
    return Remedy(
        command="systemctl restart lxd || systemctl restart snap.lxd.daemon",
        note="the options are right already: the running daemon holds older sockets",
    )


@control(
    "LXD-API-04",
    title="A client without a certificate learns nothing",
    severity=Severity.CRITICAL,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="The API is the whole server: what it tells strangers is told to everybody.",
)
def test_strangers_learn_nothing(lxd_evidence: Evidence) -> Verdict:
    doors = tuple(_api_doors(lxd_evidence))
    if not doors:
        raise NotApplicable("LXD serves its API on no TCP socket")
    faults = [fault for door in doors for fault in _told(door)]
    if not faults:
        return verdict.passed(*(_refused(door) for door in doors))
    return verdict.failed(
        observed="; ".join(faults),
        expected="403 for every protected endpoint, and nothing but `auth: untrusted` for the rest",
        origin="the listener itself, asked over TLS without a certificate",
        remedy=_close_answers(lxd_evidence.server),
    )


def _api_doors(evidence: Evidence) -> Iterator[Stranger]:
    """The listeners that serve the API: those for other protocols are named by their options."""
    others = {
        found.port
        for key, found in listening.options(evidence.server).items()
        if key not in listening.API_OPTIONS
    }
    asked = {(door.address, door.port): door for door in evidence.strangers}
    for listener in evidence.listeners:
        if listener.port in others:
            continue
        door = asked.get((listener.address, listener.port))
        if door is None:
            raise CannotTell(f"{listener.text} was not asked")
        _require_answers(door, evidence)
        yield door


def _require_answers(door: Stranger, evidence: Evidence) -> None:
    where = endpoint(door.address, door.port)
    if door.error:
        raise CannotTell(f"{where}: {door.error}")
    wanted = {endpoints.OPEN, *endpoints.protected(evidence.server.api_extensions)}
    missing = sorted(wanted - {answer.path for answer in door.answers})
    if missing:
        raise CannotTell(f"{where}: {missing[0]} was not asked")
    if not all(answer.is_json for answer in door.answers if answer.path == endpoints.OPEN):
        raise CannotTell(f"{where}: what answers is not LXD: is there a proxy before it?")


def _told(door: Stranger) -> Iterator[str]:
    where = endpoint(door.address, door.port)
    serves_all = any(answer.status == FORBIDDEN for answer in door.answers)
    for answer in door.answers:
        if answer.path == endpoints.OPEN:
            yield from (f"{where} {fault}" for fault in _told_by_root(answer))
        elif answer.status == NOT_FOUND and not serves_all:
            continue  # the metrics listener has few endpoints: lxd/api.go, metricsServer
        elif answer.status != FORBIDDEN:
            yield f"{where} answers {answer.status} for {answer.path}"


def _told_by_root(answer: StrangerAnswer) -> Iterator[str]:
    if answer.status != OK or answer.auth != UNTRUSTED:
        yield f"answers {answer.status} with auth {answer.auth!r} for {answer.path}"
    if answer.environment:
        yield f"tells its environment: {', '.join(answer.environment)}"
    if answer.config:
        yield f"tells its configuration: {', '.join(answer.config)}"


def _refused(door: Stranger) -> str:
    refused = sum(answer.status == FORBIDDEN for answer in door.answers)
    where = endpoint(door.address, door.port)
    return f"{where} ({door.tls}) tells auth: untrusted, and 403 for {refused} endpoints"


def _close_answers(server: Server) -> Remedy:
    if "core.metrics_authentication" in server.config:
        # `lxc config unset` leaves it off: 5.0.2 keeps the value of a key that is on by default.
        return Remedy(command="lxc config set core.metrics_authentication=true")
    return Remedy(
        command="lxc config unset core.https_address",
        note="LXD itself answers strangers: see SECURITY.md before you tell anybody",
    )
