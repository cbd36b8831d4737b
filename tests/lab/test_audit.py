"""Complete audits of a real LXD, over every kind of connection."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from pytest_lxdsec.lab import Lab

from . import audits, relay, sshd

LOCAL = "local"
UNIX = "unix:///var/lib/lxd/unix.socket"
# Globs of the controls that an API without a shell cannot assess.
HOST_FACTS = {"LXD-API-02", "LXD-API-04", "LXD-NAM-01", "LXD-OS-01", "LXD-LOC-01", "LXD-LOC-03"}


@pytest.fixture(scope="module")
def client(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Yield a directory with clients' keys and certificates, and the server's certificate."""
    directory = tmp_path_factory.mktemp("client")
    for name in ("client", "untrusted", "restricted"):
        make_certificate(directory, name)
    for name, options in (("client", ""), ("restricted", "--restricted --projects tenants")):
        content = (directory / f"{name}.crt").read_bytes()
        lab.run("tee", f"/root/{name}.crt", input=content)
        done = lab.shell(f"lxc config trust add /root/{name}.crt --name {name} {options}")
        assert done.returncode == 0, done.stderr
    server = lab.run("cat", "/var/lib/lxd/server.crt")
    (directory / "server.crt").write_bytes(server.stdout)
    return directory


def make_certificate(directory: pathlib.Path, name: str) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]
    command += ["-sha384", "-nodes", "-days", "30", "-subj", f"/CN={name}"]
    command += ["-keyout", str(directory / f"{name}.key"), "-out", str(directory / f"{name}.crt")]
    subprocess.run(command, check=True, capture_output=True)


def as_client(directory: pathlib.Path, name: str) -> list[str]:
    files = {"cert": f"{name}.crt", "key": f"{name}.key", "server-cert": "server.crt"}
    return [f"--lxd-{option}={directory / file}" for option, file in files.items()]


@pytest.fixture(scope="module")
def https(lab: Lab) -> Iterator[str]:
    with relay.into(lab.pid, "127.0.0.1:8443") as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def ssh(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    with sshd.running(lab, tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def inside(
    lab: Lab, client: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> audits.Audit:
    """Run audits inside the lab: of `local`, and of the socket's path."""
    assert client  # the trusted clients are the same for all connections
    directory = tmp_path_factory.mktemp("inside")
    return audits.run(directory, f"--lxd-host={LOCAL}", f"--lxd-host={UNIX}", inside=lab)


@pytest.fixture(scope="module")
def outside(
    client: pathlib.Path, https: str, ssh: sshd.Sshd, tmp_path_factory: pytest.TempPathFactory
) -> audits.Audit:
    """Audit the lab over ssh and over https, and a missing host, in one run."""
    return audits.run(
        tmp_path_factory.mktemp("outside"),
        f"--lxd-host={ssh.spec()}",
        f"--lxd-host={https}",
        "--lxd-host=https://127.0.0.1:1",
        *as_client(client, "client"),
    )


def test_the_same_host_gives_the_same_verdicts_by_every_road(
    inside: audits.Audit, outside: audits.Audit, ssh: sshd.Sshd
) -> None:
    by_road = {**inside.verdicts(), **outside.verdicts()}
    name = ssh.spec().partition("?")[0]
    assert by_road[LOCAL] == by_road[UNIX]
    assert by_road[LOCAL] == by_road[name]


def test_an_audit_with_findings_ends_with_status_one(inside: audits.Audit) -> None:
    assert inside.status == 1, inside.output


def test_header_tells_target_version_system_and_cost(inside: audits.Audit) -> None:
    line = next(one for one in inside.output.splitlines() if one.startswith("lxd: local: "))
    for part in ("LXD 5.0.2 on Debian", "11 instances", "1 shell command", " s ("):
        assert part in line


def test_the_api_alone_leaves_host_facts_not_assessed(outside: audits.Audit, https: str) -> None:
    verdicts = outside.verdicts()[https]
    assert {verdicts[key] for key in verdicts if key[0] in HOST_FACTS} == {"not-assessed"}
    assert verdicts["LXD-UNP-01", "instance/default/privileged"] == "fail"


def test_an_unreachable_host_is_one_error_and_the_others_go_on(outside: audits.Audit) -> None:
    lines = [
        one for one in outside.output.splitlines() if "cannot reach https://127.0.0.1:1" in one
    ]
    assert lines
    assert len(outside.verdicts()) == 2
    assert "refused" in lines[0]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("untrusted", "does not trust this client (auth: untrusted)"),
        ("restricted", "not as an administrator (config: null)"),
    ],
)
def test_a_lesser_client_gets_an_error_and_no_verdict(
    client: pathlib.Path, https: str, tmp_path: pathlib.Path, name: str, why: str
) -> None:
    run = audits.run(tmp_path, f"--lxd-host={https}", *as_client(client, name))
    assert run.status == 1
    assert why in run.output
    assert run.verdicts() == {}


def test_another_servers_certificate_is_an_error_and_no_verdict(
    client: pathlib.Path, https: str, tmp_path: pathlib.Path
) -> None:
    arguments = as_client(client, "client")
    arguments[-1] = f"--lxd-server-cert={client / 'untrusted.crt'}"
    run = audits.run(tmp_path, f"--lxd-host={https}", *arguments)
    assert run.status == 1
    assert "--lxd-server-cert" in run.output
    assert run.verdicts() == {}


def test_https_with_a_shell_gives_the_verdicts_of_ssh(
    outside: audits.Audit,
    client: pathlib.Path,
    https: str,
    ssh: sshd.Sshd,
    tmp_path: pathlib.Path,
) -> None:
    shell = ssh.spec().replace("&", "%26").replace("?", "%3F")
    target = f"--lxd-host={https}?shell={shell}"
    run = audits.run(tmp_path, target, *as_client(client, "client"))
    assert run.verdicts()[https] == outside.verdicts()[ssh.spec().partition("?")[0]]


def test_replay_repeats_every_verdict_and_every_byte(lab: Lab, tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    live = audits.run(
        tmp_path / "live", f"--lxd-host=lab:{lab.id}", f"--lxd-save-evidence={first}"
    )
    again = audits.run(
        tmp_path / "again", f"--lxd-host=evidence:{first}", f"--lxd-save-evidence={second}"
    )
    assert list(live.verdicts().values()) == list(again.verdicts().values())
    assert first.read_bytes() == second.read_bytes()


def test_workers_give_the_verdicts_of_one_process(lab: Lab, tmp_path: pathlib.Path) -> None:
    target = f"--lxd-host=lab:{lab.id}"
    alone = audits.run(tmp_path / "alone", target)
    workers = audits.run(tmp_path / "workers", target, "-n2")
    assert alone.verdicts() == workers.verdicts()


PLANTED = "hunter2-planted"
PLANTS = f"""
lxc config set core.trust_password={PLANTED}
lxc config set core.proxy_http=http://user:{PLANTED}@127.0.0.1:3128
lxc config set plain user.user-data={PLANTED}
lxc config set plain cloud-init.user-data={PLANTED} || true
lxc config set plain environment.PASSWORD={PLANTED}
lxc config set plain raw.lxc lxc.environment=TOKEN={PLANTED}
lxc profile set filtered user.note={PLANTED}
lxc project set tenants user.note={PLANTED}
lxc network set lxdbr0 user.note={PLANTED}
lxc config trust add --name planted > /dev/null
"""
UPROOTED = """
lxc config unset core.trust_password
lxc config unset core.proxy_http
lxc config unset plain user.user-data
lxc config unset plain cloud-init.user-data || true
lxc config unset plain environment.PASSWORD
lxc config unset plain raw.lxc
lxc profile unset filtered user.note
lxc project unset tenants user.note
lxc network unset lxdbr0 user.note
"""


def test_planted_secrets_never_enter_evidence_or_reports(lab: Lab, tmp_path: pathlib.Path) -> None:
    planted = lab.run("sh", "-e", "-c", PLANTS)
    assert planted.returncode == 0, planted.stderr
    evidence = tmp_path / "evidence.json"
    run = audits.run(
        tmp_path / "run",
        f"--lxd-host=lab:{lab.id}",
        f"--lxd-save-evidence={evidence}",
        "--log-level=DEBUG",
        "-v",
    )
    secret = token_of(lab, "planted")
    lab.shell(UPROOTED)
    assert run.status == 1
    for text in (evidence.read_text(), run.output, run.junit.read_text()):
        assert PLANTED not in text
        assert secret not in text


def token_of(lab: Lab, name: str) -> str:
    """Return the token of the invitation with this name."""
    operations = json.loads(lab.run("lxc", "query", "/1.0/operations?recursion=1").stdout)
    found = [one["metadata"] for kind in operations.values() for one in kind if one["metadata"]]
    (token,) = [one for one in found if one.get("request", {}).get("name") == name]
    return str(token["secret"])


SITE = """
import pytest

def test_inside(lxd_instance):
    if lxd_instance.status != "Running":
        pytest.skip("does not run")
    assert lxd_instance.host.check_output("hostname") == lxd_instance.name
    assert not lxd_instance.host.file("/usr/sbin/sshd").exists

def test_outside(lxd_host):
    assert lxd_host.check_output("hostname") == "lab"
"""


def test_a_sites_own_tests_look_into_every_instance(lab: Lab, tmp_path: pathlib.Path) -> None:
    (tmp_path / "test_site.py").write_text(SITE)
    run = audits.run(tmp_path, "test_site.py", f"--lxd-host=lab:{lab.id}")
    assert run.status == 0, run.output
    assert "10 passed, 2 skipped" in run.output
