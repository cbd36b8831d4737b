"""Access to the remote API: what answers on the network, and to whom."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.remote_api import (
    auxiliary_listeners,
    exposure,
    listen_options,
    pki,
    privileges,
    public_images,
    tls,
    tokens,
    x509,
)
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Certificate, Image, Server
from pytest_lxdsec.evidence.remote_facts import (
    AnonymousAnswer,
    AnonymousRequests,
    Listener,
    endpoint,
)
from pytest_lxdsec.firewall.evaluation.evaluate import Decision
from pytest_lxdsec.inventory import clients
from pytest_lxdsec.lxd import api_endpoints, listen_address, lxc_commands
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import CannotTell, Manual, NotApplicable, Remedy, Verdict

SECTION = "access-to-the-remote-api"
OK, FORBIDDEN, NOT_FOUND = 200, 403, 404
UNTRUSTED = "untrusted"
SPECIFIC = (listen_address.Kind.SPECIFIC, listen_address.Kind.LOOPBACK)


@control(
    "LXD-API-01",
    title="Every listen address is unset or one address of the host",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A wildcard opens the API on every network of the host, present and future.",
)
def test_listen_addresses_are_specific(lxd_server: Server, lxd_evidence: Evidence) -> Verdict:
    named = listen_options.options(lxd_server)
    if not named:
        return verdict.passed(
            "no *_address option is set: LXD is not configured to listen on any network"
        )
    wild = [key for key, found in named.items() if found.kind is listen_address.Kind.WILDCARD]
    if wild:
        return _too_wide(
            lxd_server, wild, [f"{key} is {named[key].raw!r}, a wildcard" for key in wild]
        )
    seen = {key: _resolved(found, lxd_server, lxd_evidence) for key, found in named.items()}
    wide = [key for key, (kind, _) in seen.items() if kind not in SPECIFIC]
    if wide:
        return _too_wide(
            lxd_server, wide, [f"{key} is {seen[key][1]}: {seen[key][0].value}" for key in wide]
        )
    return verdict.passed(*(f"{key} is {text}" for key, (_, text) in seen.items()))


def _resolved(
    found: listen_address.ListenAddress, server: Server, evidence: Evidence
) -> tuple[listen_address.Kind, str]:
    if found.kind is listen_address.Kind.NAME:
        _require_own_host(server, evidence)
        return listen_options.resolved(found, evidence.resolved_names)
    return listen_options.resolved(found, ())


def _too_wide(server: Server, keys: list[str], faults: list[str]) -> Verdict:
    return verdict.failed(
        observed=", ".join(faults),
        expected="unset, or one address of the host",
        origin="the server's configuration",
        remedy=lambda: listen_options.close(server, keys),
    )


@control(
    "LXD-API-02",
    title="The daemon listens only on the configured addresses",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="The sockets decide what is reachable; they can differ from the configuration.",
)
def test_sockets_are_bound_as_configured(lxd_evidence: Evidence) -> Verdict:
    listeners, named = lxd_evidence.listeners, listen_options.options(lxd_evidence.server)
    wild, unnamed = listen_options.wildcards(listeners), listen_options.unnamed(listeners, named)
    if not wild and not unnamed:
        seen = [f"LXD listens on {listen_options.describe(one)}" for one in listeners]
        return verdict.passed(*(seen or ["LXD does not listen on any TCP socket"]))
    faults = [f"LXD listens on {listen_options.describe(one)}" for one in wild]
    faults += [f"no option names {one.text}" for one in unnamed if one not in wild]
    return verdict.failed(
        observed="; ".join(faults),
        expected="one socket per address that an *_address option names",
        origin="the kernel's socket table, in the daemon's network namespace",
        remedy=lambda: _rebind(lxd_evidence.server, wild),
    )


def _rebind(server: Server, wild: tuple[Listener, ...]) -> Remedy:
    ports = {listener.port for listener in wild}
    keys = [
        key
        for key, found in listen_options.options(server).items()
        if found.kind is listen_address.Kind.WILDCARD and found.port in ports
    ]
    if keys:
        return listen_options.close(server, keys)
    return Remedy(
        command="systemctl restart lxd || systemctl restart snap.lxd.daemon",
        note="the options are correct, but the running daemon still has the old sockets",
    )


@control(
    "LXD-API-03",
    title="The firewall allows only the policy's networks to reach the API",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A client that cannot reach the API cannot exploit it or use a stolen key.",
)
def test_packet_filter_admits_allowed_sources_only(
    lxd_evidence: Evidence, lxd_policy: Policy
) -> Verdict:
    found = exposure.openings(lxd_evidence)
    if not found:
        raise NotApplicable("LXD does not serve its API on any TCP socket beyond loopback")
    allowed = lxd_policy.allowed_sources or ()
    wide = [each for each in found if each.outside(allowed, Decision.ACCEPT)]
    if wide:
        return verdict.failed(
            observed="; ".join(each.text(allowed, Decision.ACCEPT) for each in wide),
            expected="reachable only from the networks in policy api.allowed_sources"
            "and from nowhere else",
            origin="the host's packet filter, in the daemon's network namespace",
            remedy=lambda: exposure.close(
                [each.port for each in found],
                allowed,
                firewall=lxd_evidence.server.environment.firewall,
            ),
            details=exposure.in_full(wide, allowed),
            lasting=exposure.lasting(wide, allowed),
        )
    for each in found:
        if each.outside(allowed, Decision.UNKNOWN):
            raise CannotTell(f"who reaches {each.text(allowed, Decision.UNKNOWN)}")
    return verdict.passed(*(f"{each.where} is reached from {each.admits}" for each in found))


@control(
    "LXD-API-04",
    title="An anonymous client gets no information from the API",
    severity=Severity.CRITICAL,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Everything that the API reveals without authentication is public.",
)
def test_strangers_learn_nothing(lxd_server: Server, lxd_evidence: Evidence) -> Verdict:
    _require_own_host(lxd_server, lxd_evidence)
    asked = tuple(_api_doors(lxd_evidence))
    if not asked:
        raise NotApplicable("LXD does not serve its API on any TCP socket")
    faults = [fault for door in asked for fault in _told(door)]
    if not faults:
        return verdict.passed(*(_refused(door) for door in asked))
    return verdict.failed(
        observed="; ".join(faults),
        expected="status 403 for every protected endpoint, and only auth: untrusted elsewhere",
        origin="the listener, asked over TLS without a certificate",
        remedy=lambda: _close_answers(lxd_evidence.server),
    )


def _require_own_host(server: Server, evidence: Evidence) -> None:
    """Refuse to speak of a cluster member whose host was not asked."""
    name = server.environment.server_name
    if name != evidence.server.environment.server_name:
        raise CannotTell(f"{name} is another host: add it with --lxd-host")


def _api_doors(evidence: Evidence) -> Iterator[AnonymousRequests]:
    """Yield the listeners that serve the API.

    Those for other protocols are named by their options.
    """
    others = {
        found.port
        for key, found in listen_options.options(evidence.server).items()
        if key not in listen_options.API_OPTIONS
    }
    asked = {(door.address, door.port): door for door in evidence.anonymous_requests}
    for listener in evidence.listeners:
        if listener.port in others:
            continue
        door = asked.get((listener.address, listener.port))
        if door is None:
            raise CannotTell(f"{listener.text} was not asked")
        _require_answers(door, evidence)
        yield door


def _require_answers(door: AnonymousRequests, evidence: Evidence) -> None:
    where = endpoint(door.address, door.port)
    if door.error:
        raise CannotTell(f"{where}: {door.error}")
    wanted = {api_endpoints.OPEN, *api_endpoints.protected(evidence.server.api_extensions)}
    missing = sorted(wanted - {answer.path for answer in door.answers})
    if missing:
        raise CannotTell(f"{where}: {missing[0]} was not asked")
    if not all(answer.is_json for answer in door.answers if answer.path == api_endpoints.OPEN):
        raise CannotTell(f"{where}: the answer is not from LXD: is there a proxy in front of it?")


def _told(door: AnonymousRequests) -> Iterator[str]:
    where = endpoint(door.address, door.port)
    serves_all = any(answer.status == FORBIDDEN for answer in door.answers)
    for answer in door.answers:
        if answer.path == api_endpoints.OPEN:
            yield from (f"{where} {fault}" for fault in _told_by_root(answer))
        elif answer.status == NOT_FOUND and not serves_all:
            continue  # the metrics listener has few endpoints: lxd/api.go, metricsServer
        elif answer.status != FORBIDDEN:
            yield f"{where} answers {answer.status} for {answer.path}"


def _told_by_root(answer: AnonymousAnswer) -> Iterator[str]:
    if answer.status != OK or answer.auth != UNTRUSTED:
        yield f"answers {answer.status} with auth {answer.auth!r} for {answer.path}"
    if answer.environment:
        yield f"reveals its environment: {', '.join(answer.environment)}"
    if answer.config:
        yield f"reveals its configuration: {', '.join(answer.config)}"


def _refused(door: AnonymousRequests) -> str:
    refused = sum(answer.status == FORBIDDEN for answer in door.answers)
    where = endpoint(door.address, door.port)
    return f"{where} ({door.tls}) answers auth: untrusted, and 403 for {refused} endpoints"


def _close_answers(server: Server) -> Remedy:
    if "core.metrics_authentication" in server.config:
        # `lxc config unset` leaves it off: 5.0.2 keeps the value of a key that is on by default.
        return lxc_commands.remedy(
            lxc_commands.server().set({"core.metrics_authentication": "true"})
        )
    return lxc_commands.remedy(
        listen_options.own_settings(server).unset("core.https_address"),
        note="LXD itself answers anonymous clients: see SECURITY.md before you disclose this",
    )


@control(
    "LXD-API-05",
    title="The listener accepts only TLS 1.3 and has a strong certificate",
    severity=Severity.MEDIUM,
    level=Level.PROBED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Older TLS versions and weak keys allow others to read the traffic.",
)
def test_listener_speaks_tls_1_3_only(lxd_server: Server, lxd_evidence: Evidence) -> Verdict:
    _require_own_host(lxd_server, lxd_evidence)
    shown = tuple(tls.listeners(lxd_evidence))
    if not shown:
        raise NotApplicable("LXD does not use TLS on any TCP socket")
    faults = [fault for shake in shown for fault in tls.faults(shake, lxd_evidence.now)]
    if not faults:
        return verdict.passed(*(tls.describe(shake) for shake in shown))
    return verdict.failed(
        observed="; ".join(faults),
        expected="TLS 1.3, an alert for every older version, and a valid certificate "
        "with at least RSA 2048 or EC 256",
        origin=tls.origin(lxd_evidence.daemon),
        remedy=tls.REMEDY,
    )


@control(
    "LXD-API-06",
    title="Only images named in the policy are public",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Anyone who can reach the API can download a public image and everything in it.",
)
def test_image_is_private(lxd_image: Image, lxd_policy: Policy) -> Verdict:
    if not lxd_image.public:
        return verdict.passed(f"image {lxd_image.key} is not public")
    if public_images.is_named(lxd_image, lxd_policy.public_images or ()):
        return verdict.passed(
            f"{public_images.title(lxd_image)} is public, as api.public_images allows"
        )
    return verdict.failed(
        observed=f"{public_images.title(lxd_image)} is public",
        expected="not public, or named in policy api.public_images",
        origin=f"image {lxd_image.key}",
        remedy=lambda: public_images.make_private(lxd_image),
    )


@control(
    "LXD-API-07",
    title="Clients cannot join by a password or by a long-lived token",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Anyone with the password or the token becomes a trusted client.",
)
def test_invitations_are_short(lxd_server: Server, lxd_evidence: Evidence) -> Verdict:
    now, issued = lxd_evidence.now, lxd_evidence.tokens.complete()
    faults = list(_password(lxd_server))
    faults += tokens.options(lxd_server, now)
    faults += tokens.tokens(issued, now)
    faults += tokens.identities(lxd_evidence, now)
    if not faults:
        tokens.refuse_pending(tokens.pending(lxd_evidence, now))
        return verdict.passed(*_invitations_seen(lxd_server, lxd_evidence))
    return verdict.failed(
        observed="; ".join(fault.text for fault in faults),
        expected="no trust password, no pending token for an administrator or longer than "
        "15 days, and at most 15 days for new tokens",
        origin="the server's configuration, its pending tokens and identities",
        remedy=lambda: Remedy(
            command=" && ".join(dict.fromkeys(fault.repair for fault in faults)),
            touches=len(faults),
            note="15M is 15 minutes; 15m would be 15 months",
        ),
    )


def _password(server: Server) -> Iterator[tokens.Fault]:
    key = "core.trust_password"
    if key in server.config:
        yield tokens.Fault(text=f"{key} is set", repair=lxc_commands.server().unset(key))


def _invitations_seen(server: Server, evidence: Evidence) -> list[str]:
    now, issued = evidence.now, evidence.tokens.complete()
    pending = [tokens.describe(one) for one in issued if tokens.is_pending(one, now)]
    pending += [tokens.title(one) for one in tokens.pending(evidence, now)]
    lifetimes = tokens.lifetimes(server, now)
    return [
        "no trust password is set",
        f"pending: {', '.join(sorted(pending)) or 'no token'}",
        *(f"{key} is {text}" for key, (text, _) in lifetimes.items()),
    ]


@control(
    "LXD-API-08",
    title="Only clients named in the policy are administrators",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A fully trusted client is root on the host, wherever it connects from.",
)
def test_administrator_is_named(
    lxd_certificate: Certificate, lxd_evidence: Evidence, lxd_policy: Policy
) -> Verdict:
    title = clients.title(lxd_certificate)
    admins = lxd_policy.admins or ()
    if clients.is_named(lxd_evidence, lxd_certificate, admins):
        return verdict.passed(f"{title} is an administrator, as policy api.admins allows")
    why = privileges.power(lxd_evidence, lxd_certificate)
    if not why:
        return verdict.passed(f"{title} is not an administrator")
    if lxd_policy.admins is None:
        raise Manual(f"{title}: {why}: add it to policy api.admins, or restrict it")
    shared = clients.namesakes(lxd_evidence, lxd_certificate, admins)
    return verdict.failed(
        observed=f"{title} is an administrator: {why}{shared}",
        expected="only administrators that policy api.admins names"
        f"{', by fingerprint, because names are not unique' if shared else ''}",
        origin="the server's trust store and groups",
        remedy=lambda: privileges.restrict(lxd_evidence, lxd_certificate),
    )


@control(
    "LXD-API-09",
    title="The client's certificate is valid and its key is strong",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Anyone who can compute the private key of a trusted certificate is that client.",
)
def test_trusted_certificate_is_good(
    lxd_certificate: Certificate, lxd_evidence: Evidence
) -> Verdict:
    if not clients.has_certificate(lxd_evidence, lxd_certificate):
        _refuse_bearer(lxd_evidence, lxd_certificate)
        raise NotApplicable(f"{clients.title(lxd_certificate)} has no certificate")
    found = x509.parse(lxd_certificate.certificate)
    faults = tuple(x509.faults(found, lxd_evidence.now))
    if not faults:
        seen = x509.describe(found)
        return verdict.passed(f"{clients.title(lxd_certificate)}: {seen}")
    return verdict.failed(
        observed=f"{clients.title(lxd_certificate)}: {'; '.join(faults)}",
        expected="a valid certificate with at least RSA 2048 or EC 256, "
        "not signed with MD5 or SHA-1",
        origin="the server's trust store",
        remedy=lambda: privileges.remove(lxd_evidence, lxd_certificate),
    )


def _refuse_bearer(evidence: Evidence, client: Certificate) -> None:
    """Leave the lifetime of a token to the site: the guide gives none, LXD ten years."""
    until = clients.token_until(evidence, client)
    if until:
        raise Manual(f"{clients.title(client)} has a token {until}: is this lifetime intended?")


@control(
    "LXD-API-10",
    title="A PKI's CA does not grant admin access, and its CRL is enforced",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Clients that a CA has signed are not in the trust store, so they cannot be listed.",
)
def test_authority_is_held_in_check(lxd_server: Server, lxd_evidence: Evidence) -> Verdict:
    if pki.trusts_all(lxd_server):
        return verdict.failed(
            observed=f"{pki.TRUST} is on: every client that the CA has signed is an administrator",
            expected="off (the default)",
            origin="the server's configuration",
            remedy=lambda: lxc_commands.remedy(lxc_commands.server().unset(pki.TRUST)),
        )
    _require_own_host(lxd_server, lxd_evidence)
    authority = pki.authority(lxd_evidence.pki)
    if authority is None:
        return verdict.passed(f"{pki.TRUST} is off, and the daemon has no CA certificate")
    faults = list(pki.faults(lxd_evidence.pki, authority, lxd_evidence.now))
    if not faults:
        faults += _not_asked(lxd_server, lxd_evidence)
    if not faults:
        return verdict.passed(
            f"{pki.TRUST} is off",
            f"{pki.LIST} is signed by {authority.file.path}, in date, and older than the daemon",
        )
    return verdict.failed(
        observed="; ".join(fault.text for fault in faults),
        expected=f"a {pki.LIST} signed by the CA, valid, and loaded at LXD's start",
        origin=f"the host's {authority.file.path.rpartition('/')[0]}",
        remedy=lambda: Remedy(
            command=" && ".join(dict.fromkeys(fault.repair for fault in faults)),
            note="put the CA's current list there first",
        ),
    )


def _not_asked(server: Server, evidence: Evidence) -> Iterator[pki.Fault]:
    text = pki.require_asked(evidence, server)
    if text:
        yield pki.Fault(text=text, repair="snap refresh lxd")


@control(
    "LXD-API-11",
    title="No debug, metrics or cross-origin access to the daemon is open",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Debugging, metrics and browsers have access paths beside the API's own.",
)
def test_other_doors_are_closed(lxd_server: Server) -> Verdict:
    found = tuple(auxiliary_listeners.open_doors(lxd_server))
    if not found:
        return verdict.passed(*auxiliary_listeners.seen(lxd_server))
    return verdict.failed(
        observed="; ".join(door.text for door in found),
        expected="no debug listener, authenticated metrics, and no credentials for all origins",
        origin="the server's configuration",
        remedy=lambda: Remedy(
            command=" && ".join(door.repair for door in found), touches=len(found)
        ),
    )
