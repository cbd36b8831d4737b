from __future__ import annotations

import ipaddress
import pathlib

import pytest

from pytest_lxdsec import errors
from pytest_lxdsec.policy import Policy, policy_file

KNOWN = ("LXD-OS-01", "LXD-UNP-01", "LXD-UNP-05")
WAIVER = """\
[[waiver]]
control = "LXD-UNP-01"
subject = "instance/default/web*"
reason = "old workload"
owner = "ops"
expires = 2027-01-31
"""
FULL = f"""\
[local]
trusted_users = ["alice", "bob"]
[api]
allowed_sources = ["192.0.2.0/24", "2001:db8::/64", "198.51.100.7"]
admins = ["3f2a", "alice@example.org"]
public_images = []
[containers]
sharing_groups = [["default/web*", "default/db1"], ["ci/*"]]
[os]
index_max_age_days = 3

{WAIVER}"""


def load(tmp_path: pathlib.Path, text: str) -> Policy:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return policy_file.load(str(file), known_controls=KNOWN)


def error(tmp_path: pathlib.Path, text: str) -> str:
    """Return the one-line error of a policy of this text, without the file's directory."""
    with pytest.raises(errors.UserError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{tmp_path}/", "")


def test_every_key_is_read(tmp_path: pathlib.Path) -> None:
    found = load(tmp_path, FULL)
    assert found.trusted_users == ("alice", "bob")
    assert found.allowed_sources == (
        ipaddress.ip_network("192.0.2.0/24"),
        ipaddress.ip_network("2001:db8::/64"),
        ipaddress.ip_network("198.51.100.7/32"),
    )
    assert found.admins == ("3f2a", "alice@example.org")
    assert found.sharing_groups == (("default/web*", "default/db1"), ("ci/*",))
    assert found.index_max_age_days == 3
    assert [waiver.control for waiver in found.waivers] == ["LXD-UNP-01"]


def test_empty_list_is_a_decision(tmp_path: pathlib.Path) -> None:
    assert load(tmp_path, FULL).public_images == ()


def test_empty_file_decides_nothing(tmp_path: pathlib.Path) -> None:
    assert load(tmp_path, "") == Policy()


@pytest.mark.parametrize(
    "field",
    [
        "trusted_users",
        "trusted_directories",
        "allowed_sources",
        "admins",
        "public_images",
        "sharing_groups",
    ],
)
def test_what_is_not_given_is_none(field: str) -> None:
    assert getattr(Policy(), field) is None


def test_package_index_of_a_day_can_be_asked_for(tmp_path: pathlib.Path) -> None:
    assert load(tmp_path, "os.index_max_age_days = 1").index_max_age_days == 1


def test_package_index_may_be_a_week_old_by_default() -> None:
    assert Policy().index_max_age_days == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[locl]\n", "1: locl: unknown key: did you mean local?"),
        ("[local]\n\ntrusted_user = []", "3: local.trusted_user: unknown key: did you mean trust"),
        ("[api]\nq = 1", "2: api.q: unknown key: known here: allowed_sources, admins, public_im"),
        ("local = 1", "1: local: 1 is no table: begin it with [local]"),
        ("[[local]]", "1: local: [{}] is no table: begin it with [local]"),
        ("[api]\nadmins = 'a'", '2: api.admins: \'a\' is no list: write ["...", "..."]'),
        ("[api]\nadmins = ['a', 1]", '2: api.admins: 1 is no text: write ["...", "..."]'),
        ("[api]\nadmins = [' ']", '2: api.admins: \' \' is no text: write ["...", "..."]'),
        (
            "[api]\nallowed_sources = ['10.0.0.1/8']",
            "2: api.allowed_sources: '10.0.0.1/8' is no network: write \"10.0.0.0/8\"",
        ),
        (
            "[api]\nallowed_sources = ['intranet']",
            "2: api.allowed_sources: 'intranet' is no network: write \"192.0.2.0/24\" or",
        ),
        ("api = ['" + "a" * 99 + "']", f"1: api: ['{'a' * 58}... is no table: begin it with"),
        ("[os]\nindex_max_age_days = 0", "2: os.index_max_age_days: 0 is no number above 0"),
        ("[os]\nindex_max_age_days = true", "2: os.index_max_age_days: True is no number above"),
        ("[os]\nindex_max_age_days = '7'", "2: os.index_max_age_days: '7' is no number above 0"),
        ("[containers]\nsharing_groups = 'a'", "2: containers.sharing_groups: 'a' is no list"),
        ("[containers]\nsharing_groups = ['a']", "2: containers.sharing_groups: 'a' is no list"),
        ("[containers]\nsharing_groups = [[1]]", "2: containers.sharing_groups: 1 is no text"),
    ],
)
def test_mistake_is_named_with_its_line_and_fix(
    tmp_path: pathlib.Path, text: str, message: str
) -> None:
    assert error(tmp_path, text).startswith(f"--lxd-policy: policy.toml:{message}")


def test_policy_that_is_not_there_is_named() -> None:
    with pytest.raises(errors.UserError) as caught:
        policy_file.load("nowhere.toml", known_controls=None)
    assert (
        str(caught.value) == "--lxd-policy: cannot read 'nowhere.toml': No such file or directory"
    )


def test_unknown_control_is_named_with_the_nearest(tmp_path: pathlib.Path) -> None:
    assert error(tmp_path, FULL.replace("LXD-UNP-01", "LXD-UPN-01")) == (
        "--lxd-policy: policy.toml:12: waiver.control: 'LXD-UPN-01' is no control: "
        "did you mean LXD-UNP-01?"
    )


def test_control_like_no_other_is_named_with_the_command_that_lists_them(
    tmp_path: pathlib.Path,
) -> None:
    assert error(tmp_path, FULL.replace("LXD-UNP-01", "xyz")).endswith(
        "'xyz' is no control: lxdsec controls lists them"
    )


def test_sites_own_control_is_checked_when_it_is_known(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(WAIVER.replace("LXD-UNP-01", "SITE-01"))
    found = policy_file.load(str(file), known_controls=None)
    found.check_controls([*KNOWN, "SITE-01"])
    with pytest.raises(errors.UserError, match=r"policy\.toml:1: .*'SITE-01' is no control"):
        found.check_controls(KNOWN)


def test_sharing_group_holds_the_instances_that_its_globs_match() -> None:
    found = Policy(sharing_groups=(("default/web*", "default/db1"), ("ci/*",)))
    names = ["default/web2", "default/web1", "default/db1", "default/db2", "prod/web1"]
    assert found.groups(names) == (("default/db1", "default/web1", "default/web2"), ())


def test_glob_of_a_sharing_group_knows_its_case() -> None:
    assert Policy(sharing_groups=(("default/WEB*",),)).groups(["default/web1"]) == ((),)


def test_without_a_policy_nobody_shares() -> None:
    assert Policy().groups(["default/web1"]) == ()
