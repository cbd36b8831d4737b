"""The parser of `--lxd-host`: text to `Target`. Pure; it opens no connection.

    local                                this machine: its shell, LXD's own unix socket
    unix:///path/unix.socket             the same, with this socket
    ssh://user@host, ansible://group ... any testinfra host spec; the API behind it is reached
                                         through the host's own unix socket over the same shell
    https://host:8443                    the API only; host facts are not assessed
    https://host:8443?shell=ssh://host   the API, and a shell for the host facts
    lab                                  a throw-away real LXD on this machine
    lab:ID                               a lasting lab that is running
    evidence:FILE                        the evidence that an earlier run recorded

A testinfra host spec may contain `socket=/path/unix.socket` in its query, if LXD's socket is not
at the path of its packages.
"""

from __future__ import annotations

import difflib
import enum
import urllib.parse
from dataclasses import dataclass

from ..errors import UserError

OPTION = "--lxd-host"
DEFAULT_PORT = 8443
SHELL_SCHEMES = (
    "ansible",
    "chroot",
    "docker",
    "kubectl",
    "lxc",
    "openshift",
    "paramiko",
    "podman",
    "safe-ssh",
    "salt",
    "ssh",
)
FORMS = (
    "local, unix:///PATH, ssh://USER@HOST (or another testinfra host), https://HOST[:PORT], "
    "lab or evidence:FILE"
)


class Reach(enum.Enum):
    """The kind of connection to a target's API."""

    UNIX = "unix"  # a unix socket of this machine
    SHELL = "shell"  # the host's own unix socket, over the shell
    HTTPS = "https"
    LAB = "lab"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One server to audit, as the user named it.

    Attributes:
        name: The target's name in reports: the text without credentials and query.
        reach: The kind of connection to the API.
        address: The address for this kind: a socket path ("" looks for the socket at the paths of
            LXD's packages), an `https://` URL, an evidence file, or the id of a lasting lab (""
            makes a new lab).
        shell: The testinfra host spec for the host facts; "" if there is no shell.
    """

    name: str
    reach: Reach
    address: str = ""
    shell: str = ""


def parse(text: str) -> Target:
    """Read one `--lxd-host` value.

    Raises:
        UserError: The text has none of the forms of the module's docstring; the message names the
            nearest form.
    """
    scheme, separator, rest = text.partition(":")
    match scheme:
        case "local" if not separator or rest == "//":
            return Target(name="local", reach=Reach.UNIX, shell="local://")
        case "lab" if not separator or rest:
            return Target(name=text, reach=Reach.LAB, address=rest)
        case "evidence" if rest:
            return Target(name=text, reach=Reach.EVIDENCE, address=rest)
        case "unix" if rest.startswith("///"):
            return Target(name=text, reach=Reach.UNIX, address=rest[2:], shell="local://")
        case "https" if rest.startswith("//"):
            return _https(text)
        case _ if scheme in SHELL_SCHEMES and rest.startswith("//") and len(rest) > len("//"):
            return _shell(text)
    raise UserError(f"{OPTION}: cannot read {text!r}: {_advice(scheme, rest)}")


def parse_all(texts: tuple[str, ...]) -> tuple[Target, ...]:
    """Read all `--lxd-host` values, in the order given.

    Raises:
        UserError: A value cannot be read (see `parse`), or two values name the same target, whose
            results could not be distinguished.
    """
    targets = tuple(parse(text) for text in texts)
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{OPTION}: {name!r} is given twice: name every target once")
    return targets


def _https(text: str) -> Target:
    url = urllib.parse.urlsplit(text)
    query = dict(urllib.parse.parse_qsl(url.query))
    unknown = sorted(set(query) - {"shell"})
    port = _port(text, url)
    if not url.hostname:
        raise UserError(f"{OPTION}: {text!r} names no host: use https://HOST[:{DEFAULT_PORT}]")
    if unknown:
        raise UserError(f"{OPTION}: {text!r}: unknown {unknown[0]!r} in the query: use shell=SPEC")
    if url.path.strip("/"):
        raise UserError(f"{OPTION}: {text!r} has a path: use https://HOST[:{DEFAULT_PORT}]")
    if url.username or url.password:
        raise UserError(f"{OPTION}: {url.hostname!r}: no user in https://: use --lxd-cert")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    address = f"https://{host}:{port}"
    shell = query.get("shell", "")
    return Target(
        name=address,
        reach=Reach.HTTPS,
        address=address,
        shell=_shell_spec(text, shell) if shell else "",
    )


def _port(text: str, url: urllib.parse.SplitResult) -> int:
    try:
        return url.port or DEFAULT_PORT
    except ValueError as error:
        raise UserError(f"{OPTION}: {text!r}: the port is not a number up to 65535") from error


def _shell_spec(text: str, shell: str) -> str:
    if shell in ("local", "local://"):
        return "local://"
    if shell.partition("://")[0] not in SHELL_SCHEMES or not shell.partition("://")[2]:
        raise UserError(
            f"{OPTION}: {text!r}: shell={shell!r} is not a testinfra host: "
            "use shell=ssh://USER@HOST"
        )
    _refuse_password(urllib.parse.urlsplit(shell).netloc)
    return shell


def _shell(text: str) -> Target:
    url = urllib.parse.urlsplit(text)
    _refuse_password(url.netloc)
    query = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
    sockets = [value for key, value in query if key == "socket"]
    if sockets and not sockets[-1].startswith("/"):
        raise UserError(
            f"{OPTION}: {text!r}: socket={sockets[-1]!r} is not absolute: use socket=/PATH"
        )
    rest = urllib.parse.urlencode([pair for pair in query if pair[0] != "socket"])
    spec = urllib.parse.urlunsplit(url._replace(query=rest))
    return Target(
        name=urllib.parse.urlunsplit(url._replace(query="")),
        reach=Reach.SHELL,
        address=sockets[-1] if sockets else "",
        shell=spec,
    )


def _refuse_password(netloc: str) -> None:
    user, _, host = netloc.rpartition("@")
    if ":" in user:  # The password would show in the process list of this machine.
        raise UserError(f"{OPTION}: a password for {host!r}: log in by key, never by password")


def _advice(scheme: str, rest: str) -> str:
    if scheme == "http":
        return "LXD's API speaks HTTPS only: use https://HOST[:PORT]"
    if scheme == "unix":
        return "a socket path is absolute: use unix:///PATH/unix.socket"
    if scheme == "evidence":
        return "name the file: use evidence:FILE"
    if not rest and "." in scheme:
        return f"use ssh://{scheme} or https://{scheme}"
    known = ("local", "unix", "https", "lab", "evidence", *SHELL_SCHEMES)
    near = difflib.get_close_matches(scheme, known, n=1)
    return f"did you mean {near[0]}? Use {FORMS}" if near else f"use {FORMS}"
