"""Who is trusted, and with how much; pure.

Since 5.21 (API extension `access_management`) clients are identities: with a certificate, of an
identity provider, or with a bearer token. The trust store lists those with certificates that are
not in groups; the rest is in the list of identities only.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator

from .evidence.model import Evidence
from .evidence.objects import Certificate, Group, Identity
from .verdict import CannotTell, Manual, Remedy

# shared/api/auth.go: who may do everything without being in a group.
FULL_TYPES = ("Client certificate (unrestricted)", "Server certificate", "Initial UI token bearer")
PENDING = "(pending)"  # shared/api/auth.go: invited, and nobody has come yet
SERVER = "server"
ADMINS = "admins"  # built in since 6.7
# On the entity `server`: everything, or what lets one give oneself everything
# (lxd/auth/drivers/openfga_model.openfga).
ELEVATING = (
    "admin",
    "can_edit",
    "can_edit_groups",
    "can_edit_identities",
    "permission_manager",
)
_FINGERPRINT = re.compile(r"[0-9a-f]{12,64}", re.IGNORECASE)


def clients(evidence: Evidence) -> Iterator[Certificate]:
    """The trust store, and every identity that is not in it, in the same shape."""
    stored = {certificate.fingerprint for certificate in evidence.certificates}
    yield from evidence.certificates
    for identity in evidence.identities:
        if identity.id not in stored:
            yield Certificate(
                fingerprint=identity.id,
                name=identity.name,
                type=identity.type,
                restricted=identity.type not in FULL_TYPES,
                projects=None,
                certificate=identity.tls_certificate,
            )


def power(evidence: Evidence, client: Certificate) -> str:
    """Why a client may do everything; "" where it may not.

    Raises:
        CannotTell: a group that it is in is not listed.
        Manual: it may be one by a group that only its identity provider knows of.
    """
    if client.type == SERVER:
        return _of_server(evidence)
    if client.type in FULL_TYPES:
        return f"it is a {client.type}"
    if client.type == "client" and not client.restricted:
        return "its certificate is not restricted"
    identity = _identity(evidence, client)
    return by_group(evidence, identity) if identity else ""


def _of_server(evidence: Evidence) -> str:
    if evidence.server.environment.server_clustered:
        return ""  # a member's own
    return "it is trusted as a cluster member, and there is no cluster"


def _identity(evidence: Evidence, client: Certificate) -> Identity | None:
    found = [one for one in evidence.identities.complete() if one.id == client.fingerprint]
    return found[0] if found else None


def by_group(evidence: Evidence, identity: Identity) -> str:
    """Why an identity may do everything by its groups; "" where it may not. Raises as `power`."""
    groups = {group.name: group for group in evidence.groups.complete()}
    for name in identity.groups or ():
        if name not in groups:
            raise CannotTell(f"{identity.name or identity.id} is in group {name}, not listed")
        if is_admin_group(groups[name]):
            return f"it is in group {name}, which may do everything"
    if identity.authentication_method == "oidc":
        _refuse_provider_groups(evidence, identity, groups.values())
    return ""


def is_admin_group(group: Group) -> bool:
    """Whether the members of a group may do everything, or give themselves the right to."""
    return group.name == ADMINS or any(
        permission.entity_type == SERVER and permission.entitlement in ELEVATING
        for permission in group.permissions or ()
    )


def _refuse_provider_groups(
    evidence: Evidence, identity: Identity, groups: Collection[Group]
) -> None:
    """Refuse to call somebody restricted whom a provider's group may make an administrator."""
    powerful = {group.name for group in groups if is_admin_group(group)}
    for provided in evidence.provider_groups.complete():
        if powerful & {*(provided.groups or ())}:
            raise Manual(
                f"{identity.name or identity.id} may do everything if the identity provider has "
                f"it in {provided.name}: only the provider knows"
            )


def is_named(client: Certificate, names: Collection[str]) -> bool:
    """Whether one of these is the client's name, its id, or the beginning of its fingerprint."""
    return any(
        name in (client.name, client.fingerprint)
        or (_FINGERPRINT.fullmatch(name) and client.fingerprint.startswith(name.lower()))
        for name in names
        if name
    )


def title(client: Certificate) -> str:
    """Name and kind."""
    return f"{client.name or client.key} ({client.type})"


def restrict(evidence: Evidence, client: Certificate) -> Remedy:
    """What takes the power from a client, and leaves it a client."""
    note = "or name it in policy api.admins, where it is to be an administrator"
    identity = _identity(evidence, client)
    if identity is not None and identity.groups:
        who = shlex.quote(f"{identity.authentication_method}/{identity.id}")
        groups = {group.name: group for group in evidence.groups.complete()}
        commands = [
            f"lxc auth identity group remove {who} {shlex.quote(name)}"
            for name in identity.groups
            if is_admin_group(groups[name])
        ]
        if commands:
            return Remedy(command=" && ".join(commands), touches=len(commands), note=note)
    if client.type == "client":
        path = f"/1.0/certificates/{client.fingerprint}"
        body = shlex.quote('{"restricted": true}')
        return Remedy(command=f"lxc query -X PATCH -d {body} {path}", note=note)
    return remove(client)


def remove(client: Certificate) -> Remedy:
    """What ends the trust in a client."""
    return Remedy(
        command=f"lxc config trust remove {shlex.quote(client.fingerprint)}",
        note="the client is then a stranger, until it is added with another certificate",
    )
