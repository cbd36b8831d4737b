"""Commands on a host through any of testinfra's backends, without testinfra's side effects.

testinfra caches hosts for the life of the process, logs every output, guesses encodings by
running python on the host and raises bare RuntimeErrors. Here every connection has a new host,
our commands are not logged, the encoding is UTF-8, and failures raise `Unreachable`.
"""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import re
import shutil
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

import testinfra.backend
import testinfra.host
from testinfra.backend import ansible, base
from testinfra.backend import ssh as testinfra_ssh

from ..errors import Unreachable, UserError
from . import Output, Shell, nsenter_backend, one_line, ssh_options, unlogged

OPTION = "--lxd-host"
ENCODING = "UTF-8"
# The exceptions of backends that cannot reach a host; paramiko adds its own.
FAILURES = (RuntimeError, OSError, EOFError, AssertionError, LookupError, ValueError)

# The error output in the text of a `CommandResult`: a Python literal.
STDERR_OF_RESULT = re.compile(r"""_stderr=(b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*")""")


def connect(spec: str, *, target: str) -> Shell:
    """Return a shell on one host; the connection is made with the first command.

    Args:
        spec: A testinfra host with its scheme, such as `ssh://user@host?sudo=true`, or
            `nsenter://PID`.
        target: The host's name in messages.

    Raises:
        UserError: testinfra cannot read the spec, or it needs a password.
        Unreachable: ssh is not installed, or the process of `nsenter://` is gone.
    """
    try:
        backend = _backend(spec)
        close = _prepare(backend, target)
    except FAILURES as error:
        # From None: testinfra's exceptions may repeat the whole output of a command (an inventory
        # with its passwords, the facts of a host), which would appear in every traceback.
        if spec.startswith(f"{nsenter_backend.NsenterBackend.NAME}://"):
            raise Unreachable(target, _cause(error)) from None
        raise _unreadable(spec, error) from None
    return HostShell(target, testinfra.host.Host(backend), close)


def expand(spec: str) -> tuple[str, ...]:
    """Return one spec for each host that `spec` matches; `ansible://group` may match many.

    Raises:
        UserError: testinfra cannot read the spec or the inventory, or no host matches.
    """
    url = urllib.parse.urlsplit(spec)
    if url.scheme == nsenter_backend.NsenterBackend.NAME:
        return (spec,)
    try:
        host, options = testinfra.backend.parse_hostspec(spec)
        backend = testinfra.backend.get_backend_class(url.scheme)
        names = backend.get_hosts(host, **options)
    except FAILURES as error:
        raise _unreadable(spec, error) from None  # see `connect`
    if names == [host]:
        return (spec,)
    if not names:
        raise UserError(f"{OPTION}: {spec!r} matches no host of the inventory")
    return tuple(urllib.parse.urlunsplit(url._replace(netloc=name)) for name in names)


class HostShell:
    """A `Shell` on a testinfra host."""

    def __init__(self, target: str, host: testinfra.host.Host, close: Callable[[], None]) -> None:
        host.backend.set_host(host)
        self.target = target
        self._host = host
        self._close = close
        self._failures: tuple[type[Exception], ...] = (
            *FAILURES,
            *_foreign_failures(host.backend),
        )
        self._lock = threading.Lock()
        self._round_trips = 0

    @property
    def host(self) -> testinfra.host.Host:
        """Testinfra's own host; its commands are logged and not counted."""
        return self._host

    @property
    def round_trips(self) -> int:
        """The number of commands that `run` has sent."""
        return self._round_trips

    def run(self, command: str) -> Output:
        """Run a POSIX shell command without logging its output.

        Raises:
            Unreachable: The host could not be reached, or the command could not be started.
        """
        with self._lock:
            self._round_trips += 1
        try:
            with unlogged.own_commands():
                result = self._host.run(command)
        except self._failures as error:
            raise Unreachable(self.target, _cause(error)) from None  # see `connect`
        return Output(
            exit_status=result.rc, stdout=result.stdout_bytes, stderr=result.stderr_bytes
        )

    def close(self) -> None:
        """Close the connection."""
        self._close()


class _AnsibleBackend(ansible.AnsibleBackend):
    """Ansible's inventory, with commands over a connection of this package.

    testinfra's own connection to a host of the inventory may ask for passwords and is shared by
    the whole process.
    """

    inner: base.BaseBackend | None = None

    def run(self, command: str, *args: str, **options: Any) -> base.CommandResult:  # noqa: ANN401  testinfra's
        """Run `command` over the inner connection, or through ansible if there is none."""
        if self.inner is None:
            return super().run(command, *args, **options)
        return self.inner.run(self.get_command(command, *args))

    def resolve(self) -> base.BaseBackend | None:
        """Return a new backend for the connection that the inventory configures.

        Returns:
            None if the inventory demands a connection that only ansible can make.
        """
        if self.force_ansible:
            return None
        host = self.ansible_runner.get_host(
            self.host, ssh_config=self.ssh_config, ssh_identity_file=self.ssh_identity_file
        )
        return None if host is None else copy.copy(host.backend)


def _backend(spec: str) -> base.BaseBackend:
    scheme, _, rest = spec.partition("://")
    if scheme == nsenter_backend.NsenterBackend.NAME:
        return nsenter_backend.NsenterBackend(rest)
    host, options = testinfra.backend.parse_hostspec(spec)
    if scheme == "ansible":
        return _AnsibleBackend(host, **options)
    kind = testinfra.backend.get_backend_class(scheme)
    return kind(**options) if scheme == "local" else kind(host, **options)


def _prepare(backend: base.BaseBackend, target: str) -> Callable[[], None]:
    """Set the encoding and the ssh options of a new backend; return the function to close it."""
    inner = backend
    if isinstance(backend, _AnsibleBackend):
        backend.inner = backend.resolve()
        inner = backend.inner or backend
    for each in (backend, inner):
        each._encoding = ENCODING  # noqa: SLF001  testinfra has no public way to set it
    if isinstance(inner, testinfra_ssh.SshBackend):
        return _hold(inner, target)
    return functools.partial(_close_paramiko, inner)


def _hold(backend: testinfra_ssh.SshBackend, target: str) -> Callable[[], None]:
    if backend.host.password:
        raise UserError(
            f"{OPTION}: {target}: a password would show on a command line: use an ssh key"
        )
    if shutil.which("ssh") is None:
        raise Unreachable(target, "this machine has no ssh: install openssh-client")
    control = ssh_options.Control()
    backend.ssh_extra_args = f"{control.options()} {backend.ssh_extra_args or ''}".rstrip()
    return control.close


def _close_paramiko(backend: base.BaseBackend) -> None:
    client = vars(backend).get("client")  # a cached property: present after its first use
    if client is not None:
        client.close()


def _foreign_failures(backend: base.BaseBackend) -> tuple[type[Exception], ...]:
    if backend.get_connection_type() != "paramiko":
        return ()
    return (importlib.import_module("paramiko").SSHException,)


def _unreadable(spec: str, error: Exception) -> UserError:
    shown = re.sub(r"//([^/@:]*):[^/@]*@", r"//\1@", spec)  # without the password
    return UserError(f"{OPTION}: testinfra cannot use {shown!r}: {_cause(error)}")


def _cause(error: Exception) -> str:
    result = error.args[0] if error.args else None
    if isinstance(result, base.CommandResult):
        return ssh_options.cause(result.stderr_bytes)
    words = str(error)
    # Only the end of the error output may be passed on from a message with a command's result.
    quoted = STDERR_OF_RESULT.search(words)
    if quoted is None:
        return one_line.one_line(words) or type(error).__name__
    streamed = ast.literal_eval(quoted[1])
    data = streamed if isinstance(streamed, bytes) else streamed.encode()
    return ssh_options.cause(data)
