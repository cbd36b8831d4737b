"""Commands on a host through testinfra: any of its backends, held so that nothing surprises.

testinfra caches hosts for the life of the process, logs every output, guesses encodings by
running python on the host and raises bare RuntimeErrors; here its hosts are made afresh, our
commands enter no log, all is UTF-8, and what goes wrong is `Unreachable`.
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
from . import Output, Shell, nsenter_backend, one_line, quiet_logging, ssh_options

OPTION = "--lxd-host"
ENCODING = "UTF-8"
# What backends raise where a host cannot be reached, besides what paramiko brings.
FAILURES = (RuntimeError, OSError, EOFError, AssertionError, LookupError, ValueError)

# In the text of a `CommandResult`: a Python literal.
STDERR_OF_RESULT = re.compile(r"""_stderr=(b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*")""")


def connect(spec: str, *, target: str) -> Shell:
    """Hold a connection to one host; it is made with the first command.

    Args:
        spec: A testinfra host with its scheme, such as `ssh://user@host?sudo=true`, or
            `nsenter://PID`.
        target: What messages call the host.

    Raises:
        UserError: testinfra cannot read the spec, or it needs a password.
        Unreachable: ssh is not installed, or the process of `nsenter://` is gone.
    """
    try:
        backend = _backend(spec)
        close = _prepare(backend, target)
    except FAILURES as error:
        # From None: what testinfra raises may repeat all that a command printed (an inventory
        # with its passwords, the facts of a host), and would follow into every traceback.
        if spec.startswith(f"{nsenter_backend.NsenterBackend.NAME}://"):
            raise Unreachable(target, _cause(error)) from None
        raise _unreadable(spec, error) from None
    return HostShell(target, testinfra.host.Host(backend), close)


def expand(spec: str) -> tuple[str, ...]:
    """Return one spec for each host that `spec` means: `ansible://group` may mean many.

    Raises:
        UserError: testinfra cannot read the spec or the inventory, or no host is meant.
    """
    url = urllib.parse.urlsplit(spec)
    if url.scheme == nsenter_backend.NsenterBackend.NAME:
        return (spec,)
    try:
        host, options = testinfra.backend.parse_hostspec(spec)
        backend = testinfra.backend.get_backend_class(url.scheme)
        names = backend.get_hosts(host, **options)
    except FAILURES as error:
        raise _unreadable(spec, error) from None  # as in `connect`
    if names == [host]:
        return (spec,)
    if not names:
        raise UserError(f"{OPTION}: {spec!r} means no host of the inventory")
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
        """The host as testinfra knows it; its commands are logged and not counted."""
        return self._host

    @property
    def round_trips(self) -> int:
        """How many commands `run` has carried."""
        return self._round_trips

    def run(self, command: str) -> Output:
        """Run a POSIX shell command, unlogged; raises `Unreachable`."""
        with self._lock:
            self._round_trips += 1
        try:
            with quiet_logging.own_command():
                result = self._host.run(command)
        except self._failures as error:
            raise Unreachable(self.target, _cause(error)) from None  # as in `connect`
        return Output(
            exit_status=result.rc, stdout=result.stdout_bytes, stderr=result.stderr_bytes
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._close()


class _AnsibleBackend(ansible.AnsibleBackend):
    """ansible's inventory, but commands go over a connection that we hold.

    testinfra makes a connection of its own for a host of the inventory, which may ask for
    passwords and is shared by the whole process.
    """

    inner: base.BaseBackend | None = None

    def run(self, command: str, *args: str, **options: Any) -> base.CommandResult:  # noqa: ANN401  testinfra's
        """Run `command` over the inner connection, or through ansible where there is none."""
        if self.inner is None:
            return super().run(command, *args, **options)
        return self.inner.run(self.get_command(command, *args))

    def resolve(self) -> base.BaseBackend | None:
        """Return a new backend for how the inventory says that the host is reached."""
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
    """Make a new backend ours; return what closes its connection."""
    inner = None
    if isinstance(backend, _AnsibleBackend):
        inner = backend.inner = backend.resolve()
    carrier = inner or backend
    for each in (backend, carrier):
        each._encoding = ENCODING  # noqa: SLF001  testinfra has no other way to be told
    if isinstance(carrier, testinfra_ssh.SshBackend):
        return _hold(carrier, target)
    return functools.partial(_close_paramiko, carrier)


def _hold(backend: testinfra_ssh.SshBackend, target: str) -> Callable[[], None]:
    if backend.host.password:
        raise UserError(
            f"{OPTION}: {target}: a password would stand on a command line: use an ssh key"
        )
    if shutil.which("ssh") is None:
        raise Unreachable(target, "this machine has no ssh: install openssh-client")
    control = ssh_options.Control()
    backend.ssh_extra_args = f"{control.options()} {backend.ssh_extra_args or ''}".rstrip()
    return control.close


def _close_paramiko(backend: base.BaseBackend) -> None:
    client = vars(backend).get("client")  # a cached property: there once it was used
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
    # Of a command's result in a message only the end of its error output may go further.
    quoted = STDERR_OF_RESULT.search(words)
    if quoted is None:
        return one_line.one_line(words) or type(error).__name__
    streamed = ast.literal_eval(quoted[1])
    data = streamed if isinstance(streamed, bytes) else streamed.encode()
    return ssh_options.cause(data)
