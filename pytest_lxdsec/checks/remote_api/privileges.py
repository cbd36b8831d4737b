"""How much a client is trusted, and how to trust it less; pure."""

from __future__ import annotations

from collections.abc import Collection
from urllib import parse

from ...evidence.model import Evidence
from ...evidence.objects import Certificate, Group, Identity, Permission, Server
from ...inventory import clients
from ...lxd import lxc_commands
from ...verdict import CannotTell, Manual, Remedy

SERVER = "server"
ADMINS = "admins"  # built in since 6.7
# On the entity `server`: everything, or what lets one give oneself everything
# (lxd/auth/drivers/openfga_model.openfga). Who may edit every project may lift its restrictions,
# and make privileged instances in it.
ELEVATING = (
    "admin",
    "can_edit",
    "can_edit_groups",
    "can_edit_identities",
    "can_edit_identity_provider_groups",
    "can_edit_projects",
    "permission_manager",
    "project_manager",
)
# On single entities: their editor says which groups they have, or lifts their restriction
# (lxd/identities.go, lxd/certificates.go); a group's editor what its members may.
EDIT = "can_edit"
EDITABLE = ("certificate", "identity", "identity_provider_group")
GROUP_URL = "/1.0/auth/groups/"
RBAC = "rbac.api.url"


def power(evidence: Evidence, client: Certificate) -> str:
    """Return why a client may do everything; "" where it may not.

    Raises:
        CannotTell: a group that it is in is not listed.
        Manual: it may be one by what only its identity provider knows, or another service.
    """
    if client.type == SERVER:
        return _of_server(evidence)
    if client.type in clients.FULL_TYPES:
        return f"it is a {client.type}"
    if client.type == clients.EVERY_USER:
        return _of_every_user(evidence.server, client)
    if client.type == clients.PROVIDER_GROUP:
        return _of_provider_group(evidence, client)
    if client.type == "client" and not client.restricted:
        return "its certificate is not restricted"
    identity = clients.identity(evidence, client)
    return by_group(evidence, identity) if identity else ""


def _of_server(evidence: Evidence) -> str:
    if evidence.server.environment.server_clustered:
        return ""  # a member's own
    return "it is trusted as a cluster member, and there is no cluster"


def _of_every_user(server: Server, client: Certificate) -> str:
    if client.name == clients.CANDID and server.config.get(RBAC):
        raise Manual(
            f"{clients.CANDID} is set: only the service at {RBAC} knows what its users may do"
        )
    return f"{client.name} is set, and every user of that service may do everything"


def _of_provider_group(evidence: Evidence, client: Certificate) -> str:
    found = [one for one in evidence.provider_groups.complete() if one.name == client.name]
    for provided in found:
        why = _of_groups(evidence, provided.groups or (), f"group {provided.name}")
        if why:
            raise Manual(f"{clients.title(client)}: {why}: only the provider knows its members")
    return ""


def by_group(evidence: Evidence, identity: Identity) -> str:
    """Return why an identity may do everything by its groups.

    "" where it may not. Raises as `power`.
    """
    own = identity.groups or ()
    why = _of_groups(evidence, own, identity.name or identity.id)
    if not why and identity.authentication_method == "oidc":
        _refuse_provider_groups(evidence, identity)
    return why


def _of_groups(evidence: Evidence, own: Collection[str], who: str) -> str:
    groups = {group.name: group for group in evidence.groups.complete()}
    for name in own:
        if name not in groups:
            raise CannotTell(f"{who} is in group {name}, which is not in the list of groups")
        if is_admin_group(groups[name], own):
            return f"it is in group {name}, which may do everything"
    return ""


def is_admin_group(group: Group, own: Collection[str]) -> bool:
    """Return whether a group may do everything, or may grant that to members of `own`."""
    return group.name == ADMINS or any(
        _is_elevating(permission, own) for permission in group.permissions or ()
    )


def _is_elevating(permission: Permission, own: Collection[str]) -> bool:
    if permission.entity_type == SERVER:
        return permission.entitlement in ELEVATING
    if permission.entitlement != EDIT:
        return False
    if permission.entity_type == "group":
        return parse.unquote(permission.url.removeprefix(GROUP_URL)) in own
    return permission.entity_type in EDITABLE


def _refuse_provider_groups(evidence: Evidence, identity: Identity) -> None:
    """Refuse to call somebody restricted whom a provider's group may make an administrator."""
    for provided in evidence.provider_groups.complete():
        own = (*(identity.groups or ()), *(provided.groups or ()))
        if _of_groups(evidence, own, f"group {provided.name}"):
            raise Manual(
                f"{identity.name or identity.id} may do everything if the identity provider has "
                f"it in {provided.name}, which only the provider knows"
            )


def restrict(evidence: Evidence, client: Certificate) -> Remedy:
    """Return what takes the power from a client, and leaves it a client."""
    note = "or add it to policy api.admins if it should be an administrator"
    if client.type == clients.EVERY_USER:
        return lxc_commands.remedy(lxc_commands.server().unset(client.name), note=note)
    identity = clients.identity(evidence, client)
    if identity is not None and identity.groups:
        method, who = identity.authentication_method, identity.id
        groups = {group.name: group for group in evidence.groups.complete()}
        commands = [
            lxc_commands.remove_identity_from_group(method, who, name)
            for name in identity.groups
            if is_admin_group(groups[name], identity.groups)
        ]
        if commands:
            return lxc_commands.remedy(*commands, touches=len(commands), note=note)
    if client.type == "client":
        path = f"/1.0/certificates/{client.fingerprint}"
        return lxc_commands.remedy(
            lxc_commands.query("PATCH", path, {"restricted": True}), note=note
        )
    return remove(evidence, client)


def remove(evidence: Evidence, client: Certificate) -> Remedy:
    """Return what ends the trust in a client."""
    stored = {certificate.fingerprint for certificate in evidence.certificates}
    identity = clients.identity(evidence, client)
    command = lxc_commands.remove_certificate(client.fingerprint)
    if identity is not None and client.fingerprint not in stored:
        command = lxc_commands.delete_identity(identity.authentication_method, identity.id)
    return Remedy(
        command=command,
        note="the client loses access until it is added with a new certificate",
    )
