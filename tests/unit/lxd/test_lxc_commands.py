"""The client's commands, as findings print them."""

from __future__ import annotations

import pytest

from pytest_lxdsec.lxd import lxc_commands

WEB = lxc_commands.instance("web1", project="default")
ODD = lxc_commands.profile("-odd", project="tenants")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (WEB.set({"a": "1", "b": "2"}), "lxc config set web1 a=1 b=2 --project default"),
        (WEB.set({"raw.idmap": "uid 1 1"}), "lxc config set web1 'raw.idmap=uid 1 1' {}"),
        (WEB.unset("a"), "lxc config unset web1 a --project default"),
        (WEB.set_device("eth0", {"a": "1"}), "lxc config device set web1 eth0 a=1 {}"),
        (WEB.unset_device("eth0", "a"), "lxc config device unset web1 eth0 a {}"),
        (WEB.override_device("eth0", {"a": "1"}), "lxc config device override web1 eth0 a=1 {}"),
        (WEB.add_device("d", "disk", {"a": "1"}), "lxc config device add web1 d disk a=1 {}"),
        (WEB.remove_device("my disk"), "lxc config device remove web1 'my disk' {}"),
        (lxc_commands.network("n", project="default").unset("a"), "lxc network unset n a {}"),
        (lxc_commands.create_network("n", project="default"), "lxc network create n {}"),
        (lxc_commands.server().unset("a"), "lxc config unset a"),
        (lxc_commands.server(target="m1").set({"a": "1"}), "lxc config set a=1 --target m1"),
        (lxc_commands.restart("web1", project="default"), "lxc restart web1 {}"),
        (lxc_commands.remove_certificate("ab"), "lxc config trust remove ab"),
        (lxc_commands.delete_identity("tls", "ab"), "lxc auth identity delete tls/ab"),
        (
            lxc_commands.remove_identity_from_group("oidc", "a@b", "my group"),
            "lxc auth identity group remove oidc/a@b 'my group'",
        ),
    ],
)
def test_command_is_quoted_and_names_the_project(command: str, text: str) -> None:
    assert command == text.replace("{}", "--project default")


def test_name_that_begins_with_a_dash_is_not_an_option() -> None:
    """`lxc profile set -- -odd a=1` is what the client of 5.0.2 takes; measured."""
    assert ODD.set({"a": "1"}) == "lxc profile set --project tenants -- -odd a=1"
    assert WEB.remove_device("-d") == "lxc config device remove --project default -- web1 -d"
    assert lxc_commands.restart("a", project="-p") == "lxc restart a --project=-p"


def test_name_with_a_colon_is_not_taken_for_a_remote() -> None:
    assert lxc_commands.profile("a:b", project="default").unset("k") == (
        "lxc profile unset local:a:b k --project default"
    )


def test_frozen_instance_is_frozen_again() -> None:
    assert lxc_commands.restart("a", project="p", status="Frozen") == (
        "lxc start a --project p && lxc restart a --project p && lxc pause a --project p"
    )


def test_query_has_its_body_as_json() -> None:
    assert lxc_commands.query("PATCH", "/1.0/images/ab", {"public": False}) == (
        """lxc query -X PATCH -d '{"public": false}' /1.0/images/ab"""
    )


def test_commands_of_a_remedy_stop_at_the_first_that_fails() -> None:
    made = lxc_commands.remedy("a", "", "b", touches=2, note="n")
    assert (made.command, made.touches, made.note) == ("a && b", 2, "n")
