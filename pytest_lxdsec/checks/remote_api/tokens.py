"""Tokens: who was invited to be a client or a member, and until when; pure.

Whoever holds a token becomes what its request says. It lives in the memory of one daemon until it
is used, ends or is taken back. Later changes of `core.remote_token_expiry` do not reach it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from ...evidence.model import Evidence
from ...evidence.objects import Identity, Server, Token
from ...inventory import clients
from ...lxd import config_values, lxc_commands, timestamps, versions
from ...verdict import CannotTell
from . import privileges

ENDED = ("Success", "Failure", "Cancelled")  # shared/api/status_code.go
# lxd/db/operationtype; 5.0.2 describes every operation alike, and names the image it is for.
IMAGE_TOKENS = ("Image download token", "Image upload token")
LONGEST_DAYS = 15  # LXD's own default: `15m`, which are months, is longer
REMOTE, JOIN = "core.remote_token_expiry", "cluster.join_token_expiry"
NEVER = ""
# LXD's own default since 5.21.5 and 6.7 (cluster/config/config.go); before, a token never ends.
TWO_WEEKS = "15d"
JOIN_DEFAULT = "3H"
_DEFAULT_SINCE = {"5.21": (5, 21, 5)}
_FEATURE_DEFAULT_SINCE = (6, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a token or an option, and the command that repairs it."""

    text: str
    repair: str


def tokens(found: tuple[Token, ...], now: datetime.datetime) -> Iterator[Fault]:
    """Yield what is wrong with the pending tokens.

    Raises:
        CannotTell: when one ends cannot be read, or for what it is.
    """
    for token in found:
        if is_pending(token, now):
            repair = lxc_commands.query("DELETE", f"/1.0/operations/{token.id}")
            yield from (Fault(text=text, repair=repair) for text in _faults(token, now))


def is_pending(token: Token, now: datetime.datetime) -> bool:
    """Return whether somebody may still use a token to become something.

    One for an image is for that.
    """
    if token.status in ENDED or _is_for_image(token):
        return False
    return _is_ahead(_ends_of(token), now)


def _is_for_image(token: Token) -> bool:
    named = bool(token.resources and token.resources.images)
    told = token.metadata
    return (named or token.description in IMAGE_TOKENS) and not (told.request or told.serverName)


def describe(token: Token) -> str:
    """Return a token as findings name it."""
    if token.metadata.serverName:
        return f"join token for {token.metadata.serverName}"
    request = token.metadata.request
    return f"token for {request.name if request else token.id}"


def _faults(token: Token, now: datetime.datetime) -> Iterator[str]:
    request, name = token.metadata.request, describe(token)
    if request is None and not token.metadata.serverName:
        raise CannotTell(f"token {token.id} does not show what its holder may do")
    yield from _too_long(name, _ends_of(token), now)
    # A token for metrics opens nothing else: lxd/daemon.go, Authenticate.
    if request is not None and not request.restricted and request.type != "metrics":
        yield f"the {name} makes its holder an administrator"


def _too_long(name: str, ends: datetime.datetime | None, now: datetime.datetime) -> Iterator[str]:
    if ends is None:
        yield f"the {name} never expires"
    elif (ends - now).days > LONGEST_DAYS:
        yield f"the {name} expires only on {ends:%Y-%m-%d}, in {(ends - now).days} days"


def _ends_of(token: Token) -> datetime.datetime | None:
    return _ends(token.metadata.expiresAt, describe(token))


def _is_ahead(ends: datetime.datetime | None, now: datetime.datetime) -> bool:
    return ends is None or ends > now


def _ends(text: str, name: str) -> datetime.datetime | None:
    try:
        return timestamps.parse_rfc3339(text)
    except ValueError as error:
        raise CannotTell(f"the {name} expires at {text!r}, which is not a valid time") from error


def pending(evidence: Evidence, now: datetime.datetime) -> tuple[Identity, ...]:
    """Return what 5.21 and later make of a token that is for a group, while it may still be used.

    Raises:
        CannotTell: when one ends cannot be read.
    """
    return tuple(
        one
        for one in evidence.identities.complete()
        if clients.PENDING in one.type
        if not one.expires_at or _is_ahead(_ends(one.expires_at, title(one)), now)
    )


def title(identity: Identity) -> str:
    """Return a pending identity as findings name it."""
    return f"token for {identity.name or identity.id}"


def identities(evidence: Evidence, now: datetime.datetime) -> Iterator[Fault]:
    """Yield what is wrong with the pending identities.

    Raises:
        CannotTell: when one ends cannot be read, or what its groups may do.
    """
    for identity in pending(evidence, now):
        repair = lxc_commands.delete_identity(identity.authentication_method, identity.id)
        name = title(identity)
        why = privileges.by_group(evidence, identity)
        if why:
            text = f"the {name} makes its holder an administrator: {why}"
            yield Fault(text=text, repair=repair)
        if identity.expires_at:
            ends = _ends(identity.expires_at, name)
            yield from (Fault(text=one, repair=repair) for one in _too_long(name, ends, now))


def refuse_pending(found: tuple[Identity, ...]) -> None:
    """Refuse to judge a pending identity of which the API does not tell when its token ends.

    Raises:
        CannotTell: there is one.
    """
    for identity in found:
        if not identity.expires_at:
            raise CannotTell(
                f"{identity.name or identity.id} is a {identity.type}: LXD's API does not show "
                f"when its token expires: {lxc_commands.delete_identity('tls', identity.id)}"
            )


def expiry_default(server: Server) -> str:
    """Return what this version takes for a `core.remote_token_expiry` that is not set.

    Raises:
        CannotTell: the version cannot be read.
    """
    try:
        version = versions.parse(server.environment.server_version)
    except ValueError as error:
        raise CannotTell(str(error)) from error
    since = _DEFAULT_SINCE.get(version.series, _FEATURE_DEFAULT_SINCE)
    return TWO_WEEKS if version.numbers >= since else NEVER


def options(server: Server, now: datetime.datetime) -> Iterator[Fault]:
    """Yield what is wrong with how long new tokens are to live; see `lifetimes`."""
    for key, (text, ends) in lifetimes(server, now).items():
        repair = lxc_commands.server().set({key: "15M"})
        if ends is None:
            yield Fault(text=f"{key} is not set: new tokens never expire", repair=repair)
        elif ends > _longest(now):
            days = (ends - now).days
            yield Fault(text=f"{key} is {text}, which is {days} days", repair=repair)


def lifetimes(
    server: Server, now: datetime.datetime
) -> dict[str, tuple[str, datetime.datetime | None]]:
    """Return the lifetime of new tokens: the text of each option, and the end of a token made now.

    Raises:
        CannotTell: an option is no length of time.
    """
    defaults = {REMOTE: expiry_default(server), JOIN: JOIN_DEFAULT}
    found = {}
    for key, default in defaults.items():
        text = config_values.string(server.config, key, default=default)
        try:
            found[key] = (text, config_values.expiry(text).from_(now))
        except ValueError as error:
            raise CannotTell(f"{key}: {error}") from error
    return found


def _longest(now: datetime.datetime) -> datetime.datetime:
    return now + datetime.timedelta(days=LONGEST_DAYS)
