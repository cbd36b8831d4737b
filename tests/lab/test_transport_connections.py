"""Every kind of connection to a real LXD: the same answers, a known cost, clear causes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import ssl
import subprocess
import time
from collections.abc import Iterator

import pytest

from pytest_lxdsec.errors import Unreachable
from pytest_lxdsec.lab import Lab
from pytest_lxdsec.transport import Api, Request, Shell, host_shell, instance_backend, lxd_api
from tests.support import hostile

from . import relay, sshd, waiting

PATHS = (
    "/1.0",
    "/1.0/projects?recursion=1",
    "/1.0/instances?recursion=1&all-projects=true",
    "/1.0/certificates?recursion=1",
    "/1.0/profiles?recursion=1&project=default",
    "/1.0/profiles?recursion=1&project=tenants",
    "/1.0/networks?recursion=1&project=default",
    "/1.0/images?recursion=1&project=default",
    "/1.0/storage-pools?recursion=1",
    "/1.0/warnings?recursion=1",
    "/1.0/cluster",
    "/1.0/instances/nosuch",
)


@pytest.fixture(scope="module")
def daemon(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    with sshd.running(lab, tmp_path_factory.mktemp("sshd")) as here:
        yield here


@contextlib.contextmanager
def connected(spec: str) -> Iterator[Shell]:
    held = host_shell.connect(spec, target="lab")
    try:
        yield held
    finally:
        held.close()


@pytest.fixture
def unix(lab: Lab) -> Iterator[Api]:
    lxd = lxd_api.unix(lab.socket, target="lab")
    yield lxd
    lxd.close()


def cause(held: Shell) -> str:
    with pytest.raises(Unreachable) as caught:
        held.run("true")
    assert "\n" not in caught.value.cause
    return caught.value.cause


def facts(lxd: Api) -> list[tuple[int, object, str]]:
    """Return LXD's answers without the values that change all the time."""
    answers = lxd.get_many(PATHS)
    server = answers[0].metadata
    assert server["auth"] == "trusted"
    return [(answer.status, ordered(answer.metadata), answer.error) for answer in answers[1:]]


def ordered(value: object) -> object:
    """Return a JSON value with its lists sorted, because LXD's order varies."""
    match value:
        case dict():
            return {key: ordered(inner) for key, inner in value.items()}
        case list():
            return sorted((ordered(inner) for inner in value), key=repr)
    return value


def test_lists_of_a_real_lxd_are_answers(unix: Api) -> None:
    *listed, missing = unix.get_many(PATHS)
    assert [answer.path for answer in listed if not answer.is_success] == []
    assert (missing.status, missing.error) == (404, "Instance not found")
    assert unix.round_trips == len(PATHS)


def test_idle_connection_does_not_hold_up_others(lab: Lab, unix: Api) -> None:
    unix.get_many(["/1.0"])
    started = time.monotonic()
    assert lab.shell("lxc query /1.0").returncode == 0
    assert time.monotonic() - started < 5


def test_shell_of_the_lab_reaches_the_same_lxd(lab: Lab, unix: Api) -> None:
    with connected(f"nsenter://{lab.pid}") as held:
        lxd = lxd_api.over_shell(held, target="lab")
        assert facts(lxd) == facts(unix)
        assert (lxd.round_trips, held.round_trips) == (1, 1)


def test_ssh_reaches_the_same_lxd(daemon: sshd.Sshd, unix: Api) -> None:
    with connected(daemon.spec()) as held:
        lxd = lxd_api.over_shell(held, target="lab")
        assert facts(lxd) == facts(unix)
        assert (lxd.round_trips, held.round_trips) == (1, 1)


def test_socket_can_be_named_over_ssh(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec()) as held:
        lxd = lxd_api.over_shell(held, "/var/lib/lxd/unix.socket", target="lab")
        assert lxd.get_many(["/1.0"])[0].is_success


def test_host_without_lxd_is_reported_over_ssh(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec()) as held:
        lxd = lxd_api.over_shell(held, "/run/nosuch.socket", target="lab")
        with pytest.raises(Unreachable, match=r"/run/nosuch\.socket: No such file or directory"):
            lxd.get_many(["/1.0"])


def test_commands_over_ssh_are_exact(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec()) as held:
        output = held.run(r"printf 'a\000\377\n'; printf '\303(' >&2; exit 7")
        assert (output.exit_status, output.stdout, output.stderr) == (7, b"a\0\xff\n", b"\xc3(")


def test_long_command_is_carried_over_ssh(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec()) as held:
        assert held.run(f"echo '{'x' * 100_000}' | wc -c").stdout == b"100001\n"


def test_many_commands_are_one_login(daemon: sshd.Sshd) -> None:
    before = daemon.logins()
    with connected(daemon.spec()) as held:
        for _ in range(5):
            held.run("true")
        held.host.run("true")
    assert daemon.logins() - before == 1


def test_closing_leaves_no_master_behind(daemon: sshd.Sshd) -> None:
    others = masters()  # connections of other audits from this machine
    with connected(daemon.spec()) as held:
        held.run("true")
        (control,) = masters() - others
        path = pathlib.Path(control.split()[1])
        assert path.is_socket()
    waiting.until(lambda: str(path) not in commands())
    assert not path.parent.exists()


def masters() -> set[str]:
    return {word for word in commands().split("\0") if "/lxdsec-" in word}


def commands() -> str:
    """Return the command lines of all processes."""
    texts = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            texts.append(entry.read_bytes().decode("utf-8", "replace"))
    return "\0".join(texts)


def test_unknown_host_key_is_reported(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec(known="unknown")) as held:
        assert cause(held).startswith("Host key verification failed: accept it once by hand")


def test_changed_host_key_is_reported(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec(known="changed")) as held:
        assert cause(held).startswith("Host key verification failed: accept it once by hand")


def test_refused_key_is_reported_without_a_password_prompt(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec(key="other")) as held:
        assert cause(held).startswith("root@127.0.0.1: Permission denied (publickey")


def test_closed_port_is_reported(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec(port=1)) as held:
        assert "port 1: Connection refused: is sshd running" in cause(held)


def test_shell_of_the_lab_is_that_of_a_root_login(lab: Lab) -> None:
    with connected(f"nsenter://{lab.pid}") as held:
        assert held.run("id -u; echo $HOME; cat /proc/1/comm; env | wc -l").stdout.split()[:2] == [
            b"0",
            b"/root",
        ]
        assert b"PYTHON" not in held.run("env").stdout
        namespace = str(pathlib.Path(f"/proc/{lab.pid}/ns/pid").readlink())
        assert held.run("readlink /proc/1/ns/pid").stdout.decode().strip() == namespace


def test_process_that_ends_is_unreachable() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root enters namespaces")
    with (
        subprocess.Popen(["sleep", "60"]) as process,
        connected(f"nsenter://{process.pid}") as held,
    ):
        assert held.run("echo hi").stdout == b"hi\n"
        process.terminate()
        process.wait()
        assert cause(held) == f"process {process.pid} is gone"


@pytest.fixture(scope="module")
def listener(lab: Lab) -> Iterator[str]:
    """Yield the URL of the lab's HTTPS listener, reached from outside."""
    with relay.into(lab.pid, lab.address) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def files(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield a client certificate that the lab trusts, its key, and the lab's certificate."""
    directory = tmp_path_factory.mktemp("tls")
    for name in ("client", "untrusted"):
        hostile.pair(directory, name)
    (directory / "server.crt").write_bytes(lab.shell("cat /var/lib/lxd/server.crt").stdout)
    pem = (directory / "client.crt").read_bytes()
    trust = "cat >/root/c.crt && lxc config trust add /root/c.crt && rm /root/c.crt"
    added = lab.run("sh", "-c", trust, input=pem)
    assert added.returncode == 0, added.stderr
    yield {path.name: str(path) for path in directory.iterdir()}
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()
    removed = lab.run("lxc", "config", "trust", "remove", fingerprint)
    assert removed.returncode == 0, removed.stderr


def over_https(url: str, files: dict[str, str], *, client: str, pin: str) -> Api:
    return lxd_api.https(
        url,
        cert=files[f"{client}.crt"] if client else "",
        key=files[f"{client}.key"] if client else "",
        server_cert=files[pin] if pin else "",
        target="lab",
    )


def test_trusted_client_reaches_the_same_lxd(
    listener: str, files: dict[str, str], unix: Api
) -> None:
    lxd = over_https(listener, files, client="client", pin="server.crt")
    assert facts(lxd) == facts(unix)
    lxd.close()


@pytest.mark.parametrize("client", ["untrusted", ""])
def test_untrusted_client_gets_the_refusal_of_lxd(
    listener: str, files: dict[str, str], client: str
) -> None:
    lxd = over_https(listener, files, client=client, pin="server.crt")
    server, instances = lxd.get_many(["/1.0", "/1.0/instances"])
    lxd.close()
    assert server.metadata["auth"] == "untrusted"
    assert (instances.status, instances.is_success) == (403, False)


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        ("untrusted.crt", "its certificate is not the one of --lxd-server-cert"),
        ("", "its certificate is not trusted here (self-signed certificate)"),
    ],
)
def test_certificate_of_the_server_is_checked(
    listener: str, files: dict[str, str], pin: str, words: str
) -> None:
    lxd = over_https(listener, files, client="client", pin=pin)
    with pytest.raises(Unreachable) as caught:
        lxd.get_many(["/1.0"])
    lxd.close()
    assert caught.value.cause.startswith(f"{listener}: {words}")


def test_write_over_every_connection_is_done_once(lab: Lab, daemon: sshd.Sshd, unix: Api) -> None:
    with connected(daemon.spec()) as held:
        connections = {"unix": unix, "ssh": lxd_api.over_shell(held, target="lab")}
        for name, lxd in connections.items():
            body = {"name": f"by-{name}", "description": "grün"}
            made = Request(method="POST", path="/1.0/profiles", body=body)
            deleted = Request(method="DELETE", path=f"/1.0/profiles/by-{name}")
            first, second, last = lxd.send_many([made, made, deleted])
            assert (first.status, last.status) == (201, 200)
            assert b"already exists" in second.body
    assert b"by-" not in lab.shell("lxc profile list").stdout


def test_instances_are_reached_over_https_too(listener: str, files: dict[str, str]) -> None:
    lxd = over_https(listener, files, client="client", pin="server.crt")
    result = instance_backend.connect(lxd, project="default", name="plain").run(
        r"printf '\377'; exit 3"
    )
    lxd.close()
    assert (result.rc, result.stdout_bytes) == (3, b"\xff")


def test_instances_are_reached_over_ssh_too(daemon: sshd.Sshd) -> None:
    with connected(daemon.spec()) as held:
        lxd = lxd_api.over_shell(held, target="lab")
        result = instance_backend.connect(lxd, project="default", name="plain").run(
            r"printf '\377'; exit 3"
        )
        assert (result.rc, result.stdout_bytes, held.round_trips) == (3, b"\xff", 3)
