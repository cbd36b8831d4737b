"""Parsers of `getent`; a line that is not an entry is never left out silently."""

from __future__ import annotations

import pytest

from pytest_lxdsec.sweep.access import accounts

USERS = "root:x:0:0:root:/root:/bin/bash\n_lxd:x:102:105::/var/lib/lxd/:/bin/false\n"
GROUP = "root:x:0:\nsudo:x:27:alice,bob\nlxd:x:105:\n"


def test_users_are_read() -> None:
    assert accounts.users(USERS)[1] == accounts.User(
        name="_lxd", uid=102, gid=105, shell="/bin/false"
    )


def test_user_without_a_shell_is_read() -> None:
    assert accounts.users("a:x:1:1:::\n")[0].shell == ""


def test_groups_and_their_members_are_read() -> None:
    assert [(group.name, group.gid, group.members) for group in accounts.groups(GROUP)] == [
        ("root", 0, ()),
        ("sudo", 27, ("alice", "bob")),
        ("lxd", 105, ()),
    ]


def test_empty_members_are_none() -> None:
    assert accounts.groups("a:x:1:,b,\n")[0].members == ("b",)


@pytest.mark.parametrize(
    "line",
    ["eve", "eve:x:one:1::/:/bin/sh", "eve:x:1:1::/", "eve:x:1:1:a:b:/:/bin/sh", "eve:x:²:1:::"],
)
def test_odd_user_is_named_by_line_and_name(line: str) -> None:
    with pytest.raises(ValueError, match=r"^getent passwd: line 3 \('eve'\) is not an entry$"):
        accounts.users(f"{USERS}{line}\n")


def test_odd_group_is_named_by_line_and_name() -> None:
    with pytest.raises(ValueError, match=r"^getent group: line 1 \('\+'\) is not an entry$"):
        accounts.groups("+:::\n")


def test_odd_line_is_not_quoted_since_it_may_hold_a_hash() -> None:
    with pytest.raises(ValueError, match="not an entry") as caught:
        accounts.users("eve:$6$salt$hash:one:1:::\n")
    assert "$6$" not in str(caught.value)
