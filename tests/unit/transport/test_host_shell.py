"""Commands on hosts through testinfra: exact bytes, no log, no prompt, no leftovers."""

from __future__ import annotations

import json
import logging
import pathlib
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping

import pytest
from testinfra.backend import local

from pytest_lxdsec.errors import Unreachable, UserError
from pytest_lxdsec.transport import Shell, host_shell, nsenter_backend, ssh_options, unlogged

NO_PROCESS = "nsenter://4194305"  # above the kernel's largest process id


@pytest.fixture
def here() -> Shell:
    return host_shell.connect("local://", target="local")


def program(directory: pathlib.Path, name: str, script: str) -> pathlib.Path:
    """Put a shell script in a directory that is first on PATH."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Put a directory of fake programs first on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return directory


def test_output_is_exact(here: Shell) -> None:
    output = here.run(r"printf 'a\000\377\n'; printf '\303(' >&2; exit 7")
    assert (output.exit_status, output.stdout, output.stderr) == (7, b"a\0\xff\n", b"\xc3(")


def test_percent_signs_and_quotes_are_not_touched(here: Shell) -> None:
    assert here.run("""printf '%s' "100%" '"'""").stdout == b'100%"'


def test_long_command_runs(here: Shell) -> None:
    assert here.run(f"echo {'x' * 100_000} | wc -c").stdout == b"100001\n"


def test_long_command_runs_with_sudo(tools: pathlib.Path) -> None:
    program(tools, "sudo", 'exec "$@"')
    held = host_shell.connect("local://?sudo=true", target="local")
    assert held.run(f"echo '{'x' * 100_000}' | wc -c").stdout == b"100001\n"


def test_too_long_command_is_unreachable(here: Shell) -> None:
    with pytest.raises(Unreachable) as caught:
        here.run(f": {'x' * 200_000}")
    assert "Argument list too long" in caught.value.cause


def test_each_run_is_one_command(here: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[str] = []
    run = local.LocalBackend.run

    def counted(self: local.LocalBackend, command: str, *args: str) -> object:
        commands.append(command)
        return run(self, command, *args)

    monkeypatch.setattr(local.LocalBackend, "run", counted)
    here.run(r"printf '\377\303\244'")
    assert here.host.run(r"printf 'ä'; printf '\303\244' >&2").stderr == "ä"
    assert len(commands) == 2
    assert here.round_trips == 1


def test_host_reads_text_as_utf_8_without_asking(here: Shell) -> None:
    assert here.host.check_output(r"printf 'gr\303\274n'") == "grün"


def test_connections_are_not_shared(here: Shell) -> None:
    assert host_shell.connect("local://", target="local").host is not here.host


def test_own_commands_are_not_logged(here: Shell, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    here.run("echo our-secret")
    assert "our-secret" not in caplog.text


def test_commands_of_a_site_are_logged(here: Shell, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    here.run("echo our-secret")
    here.host.run("echo their-output")
    assert "their-output" in caplog.text


def test_log_filter_covers_its_own_thread_only(
    here: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with unlogged.own_commands():
        other = threading.Thread(target=here.host.run, args=("echo in-another-thread",))
        other.start()
        other.join()
        here.host.run("echo in-this-thread")
    assert "in-another-thread" in caplog.text
    assert "in-this-thread" not in caplog.text


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("teleport://a", "Unknown connection type 'teleport'"),
        ("ssh://a?timeout=soon", "invalid literal for int() with base 10: 'soon'"),
    ],
)
def test_spec_that_testinfra_cannot_read_is_the_users_mistake(spec: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        host_shell.connect(spec, target="a")
    assert str(caught.value) == f"--lxd-host: testinfra cannot use {spec!r}: {words}"


# The fake ssh records its arguments, one on each line.
RECORD = 'for word; do printf "%s\\n" "$word"; done >>"$(dirname "$0")/asked"'


def test_ssh_keeps_one_connection_and_never_prompts(tools: pathlib.Path) -> None:
    program(tools, "ssh", RECORD)
    held = host_shell.connect("ssh://root@a:2222", target="a")
    held.run("true")
    asked = (tools / "asked").read_text().split("\n")
    held.close()
    for option in ("BatchMode=yes", "ControlMaster=auto", "ConnectTimeout=10", "RequestTTY=no"):
        assert asked.count(option) == 1
    assert [word for word in asked if word.startswith("ControlPath=")] != []


def test_our_options_precede_those_of_the_user(tools: pathlib.Path) -> None:
    program(tools, "ssh", RECORD)
    held = host_shell.connect("ssh://a?ssh_config=/etc/x", target="a")
    held.run("true")
    asked = (tools / "asked").read_text().split("\n")
    held.close()
    assert asked.index("BatchMode=yes") < asked.index("/etc/x")


def test_control_socket_is_in_a_private_directory_that_is_removed(
    tools: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tools, "ssh", ":")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held = host_shell.connect("ssh://a", target="a")
    (directory,) = tmp_path.glob("lxdsec-*")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    held.close()
    assert not directory.exists()


def test_control_directory_is_removed_when_python_exits(
    tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program(tools, "ssh", ":")
    script = (
        "import os; from pytest_lxdsec.transport import host_shell\n"
        "held = host_shell.connect('ssh://a', target='a')\n"
        "assert [n for n in os.listdir(os.environ['TMPDIR']) if n.startswith('lxdsec-')]\n"
    )
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    root = pathlib.Path(host_shell.__file__).parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, cwd=root)
    assert list(tmp_path.glob("lxdsec-*")) == []


def test_running_master_is_stopped(tools: pathlib.Path) -> None:
    program(tools, "ssh", RECORD)
    control = ssh_options.Control()
    path = next(word for word in control.options().split() if word.startswith("ControlPath="))
    pathlib.Path(path.partition("=")[2]).touch()
    control.close()
    assert (tools / "asked").read_text().split() == [
        "-F",
        "/dev/null",
        "-o",
        path,
        "-O",
        "exit",
        "any",
    ]


def test_failed_connection_is_unreachable(tools: pathlib.Path) -> None:
    program(
        tools, "ssh", "echo 'ssh: connect to host a port 22: Connection refused' >&2; exit 255"
    )
    held = host_shell.connect("ssh://a", target="ssh://a")
    with pytest.raises(Unreachable) as caught:
        held.run("true")
    held.close()
    assert str(caught.value) == (
        "ssh://a: ssh: connect to host a port 22: Connection refused: "
        "is sshd running, on this port?"
    )


def test_failure_does_not_repeat_the_output(tools: pathlib.Path) -> None:
    program(tools, "ssh", "echo our-secret; echo 'Connection closed' >&2; exit 255")
    held = host_shell.connect("ssh://a", target="a")
    with pytest.raises(Unreachable) as caught:
        held.run("true")
    held.close()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert str(caught.value) == "a: Connection closed"


def test_missing_ssh_is_reported(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match="this machine has no ssh: install openssh-client"):
        host_shell.connect("ssh://a", target="a")


def test_password_is_refused_and_not_repeated(tools: pathlib.Path) -> None:
    program(tools, "ssh", ":")
    with pytest.raises(UserError) as caught:
        host_shell.connect("ssh://root:our-secret@a", target="ssh://root@a")
    assert "our-secret" not in str(caught.value)


def test_password_in_a_wrong_spec_is_not_repeated() -> None:
    with pytest.raises(UserError, match="'ssh://root@a\\?timeout=soon'") as caught:
        host_shell.connect("ssh://root:our-secret@a?timeout=soon", target="a")
    assert "our-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("stderr", "cause"),
    [
        (
            "ssh: Could not resolve hostname a: Name or service not known\r\n",
            "ssh: Could not resolve hostname a: Name or service not known: is the name right?",
        ),
        (
            "ssh: connect to host a port 22: Connection timed out\r\n",
            (
                "ssh: connect to host a port 22: Connection timed out: "
                "is the host up, and the port open?"
            ),
        ),
        (
            (
                "No ED25519 host key is known for a and you have requested strict checking.\r\n"
                "Host key verification failed.\r\n"
            ),
            "Host key verification failed: accept it once by hand: ssh HOST",
        ),
        (
            "** Authorised use only **\nroot@a: Permission denied (publickey).\r\n",
            (
                "root@a: Permission denied (publickey): "
                "load a key that the host accepts, or name it: ?ssh_identity_file=FILE"
            ),
        ),
        (
            "kex_exchange_identification: Connection closed by remote host\r\n",
            "kex_exchange_identification: Connection closed by remote host",
        ),
        ("", "ssh failed without an error message"),
        ("\x1b[31mlost\x07", "[31mlost"),
    ],
)
def test_cause_is_the_message_of_ssh(stderr: str, cause: str) -> None:
    assert ssh_options.cause(stderr.encode()) == cause


def test_ended_process_is_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        host_shell.connect(NO_PROCESS, target="lab")
    assert caught.value.cause == "process 4194305 is gone"


def test_other_process_with_the_same_id_is_not_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[str] = []
    held = host_shell.connect("nsenter://self", target="lab")
    monkeypatch.setattr(nsenter_backend, "_birth", lambda _pid: "another")
    monkeypatch.setattr(held.host.backend, "run_local", commands.append)
    with pytest.raises(Unreachable) as caught:
        held.run("true")
    assert caught.value.cause == "process self is gone"
    assert commands == []


@pytest.mark.parametrize("spec", ["local://", "ssh://root@a:22?sudo=true", "nsenter://1"])
def test_spec_of_one_host_is_itself(spec: str) -> None:
    assert host_shell.expand(spec) == (spec,)


def inventory(tools: pathlib.Path, name: str, **hosts: Mapping[str, str]) -> str:
    """Write an inventory for ansible-inventory to print; testinfra caches it under its name."""
    document = {
        "_meta": {"hostvars": hosts},
        "all": {"children": ["web", "empty"]},
        "web": {"hosts": sorted(hosts)},
        "empty": {"hosts": []},
    }
    (tools / name).write_text(json.dumps(document))
    program(tools, "ansible-inventory", 'for file; do :; done; cat "$file"')
    return str(tools / name)


def test_group_is_expanded(tools: pathlib.Path) -> None:
    path = inventory(tools, "hosts", b={}, a={})
    assert host_shell.expand(f"ansible://web?ansible_inventory={path}&sudo=true") == (
        f"ansible://a?ansible_inventory={path}&sudo=true",
        f"ansible://b?ansible_inventory={path}&sudo=true",
    )


def test_group_without_hosts_is_the_users_mistake(tools: pathlib.Path) -> None:
    path = inventory(tools, "hosts", a={})
    with pytest.raises(UserError, match="matches no host of the inventory"):
        host_shell.expand(f"ansible://empty?ansible_inventory={path}")


def test_inventory_that_cannot_be_read_is_the_users_mistake(tools: pathlib.Path) -> None:
    program(tools, "ansible-inventory", "echo 'secret'; echo 'no such inventory' >&2; exit 1")
    with pytest.raises(UserError) as caught:
        host_shell.expand(f"ansible://web?ansible_inventory={tools}/none")
    assert str(caught.value).endswith(": no such inventory")
    assert caught.value.__suppress_context__


def test_host_of_an_inventory_is_reached_by_our_connection(tools: pathlib.Path) -> None:
    program(tools, "ssh", RECORD)
    path = inventory(tools, "hosts", a={"ansible_host": "10.0.0.1", "ansible_user": "ops"})
    held = host_shell.connect(f"ansible://a?ansible_inventory={path}", target="a")
    held.run("true")
    held.host.run("true")
    asked = (tools / "asked").read_text().split("\n")
    held.close()
    assert asked.count("BatchMode=yes") == 2
    assert asked.count("User=ops") == 2
    assert asked.count("10.0.0.1") == 2


def test_password_of_an_inventory_is_refused(tools: pathlib.Path) -> None:
    program(tools, "ssh", RECORD)
    variables = {"ansible_user": "ops", "ansible_ssh_pass": "our-secret"}
    path = inventory(tools, "hosts", a=variables)
    with pytest.raises(UserError) as caught:
        host_shell.connect(f"ansible://a?ansible_inventory={path}", target="a")
    assert "our-secret" not in str(caught.value)


def test_host_without_ssh_goes_through_ansible(tools: pathlib.Path) -> None:
    path = inventory(tools, "hosts", a={"ansible_connection": "winrm"})
    result = json.dumps({"rc": 3, "stdout": "gr\u00fcn", "stderr": ""})
    program(tools, "ansible", f"""printf '%s' '{result}' >"$2/a" """)
    held = host_shell.connect(f"ansible://a?ansible_inventory={path}", target="a")
    output = held.run("true")
    assert (output.exit_status, output.stdout) == (3, "grün".encode())


def test_failure_of_ansible_does_not_repeat_the_output(tools: pathlib.Path) -> None:
    path = inventory(tools, "hosts", a={"ansible_connection": "winrm"})
    program(tools, "ansible", "echo our-secret; echo 'unreachable' >&2; exit 4")
    held = host_shell.connect(f"ansible://a?ansible_inventory={path}", target="a")
    with pytest.raises(Unreachable) as caught:
        held.run("true")
    assert caught.value.cause == "unreachable"
