from __future__ import annotations

import dataclasses
import datetime
import pathlib

import pytest

from pytest_lxdsec import errors
from pytest_lxdsec.policy import policy_file, waivers
from pytest_lxdsec.policy.waivers import Waiver

LAST_DAY = datetime.date(2027, 1, 31)
DAY_AFTER = datetime.date(2027, 2, 1)
WAIVER = Waiver(
    control="LXD-UNP-01",
    subject="instance/default/web*",
    reason="old workload",
    owner="ops",
    expires=LAST_DAY,
    source="policy.toml:1",
)
TEXT = """\
[[waiver]]
control = "LXD-UNP-01"
subject = "instance/default/web*"
reason = "old workload"
owner = "ops"
expires = 2027-01-31
"""


def match(
    *given: Waiver,
    control: str = "LXD-UNP-01",
    subject: str = "instance/default/web1",
    host: str = "ssh://a",
    on: datetime.date = LAST_DAY,
) -> Waiver | None:
    return waivers.match(given, control=control, subject=subject, host=host, on=on)


def load(tmp_path: pathlib.Path, text: str) -> tuple[Waiver, ...]:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return policy_file.load(str(file), known_controls=None).waivers


def error(tmp_path: pathlib.Path, text: str) -> str:
    with pytest.raises(errors.UserError) as caught:
        load(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_waiver_holds_on_its_last_day() -> None:
    assert match(WAIVER) is WAIVER


def test_expired_waiver_never_matches() -> None:
    assert match(WAIVER, on=DAY_AFTER) is None


def test_waiver_of_another_control_does_not_match() -> None:
    assert match(WAIVER, control="LXD-UNP-02") is None


@pytest.mark.parametrize(
    "subject", ["instance/default/db1", "instance/prod/web1", "INSTANCE/default/web1", "web1"]
)
def test_subject_must_match_whole_and_in_its_case(subject: str) -> None:
    assert match(WAIVER, subject=subject) is None


def test_host_glob_limits_a_waiver() -> None:
    limited = dataclasses.replace(WAIVER, host="ssh://b*")
    assert match(limited) is None
    assert match(limited, host="ssh://b2") is limited


def test_first_live_waiver_of_the_file_matches() -> None:
    ended = dataclasses.replace(WAIVER, expires=datetime.date(2026, 1, 1))
    wide = dataclasses.replace(WAIVER, subject="*")
    assert match(ended, wide, WAIVER) is wide


def test_expired_waivers_are_listed_in_the_files_order() -> None:
    later = dataclasses.replace(WAIVER, expires=DAY_AFTER)
    early = dataclasses.replace(WAIVER, expires=datetime.date(2026, 1, 1))
    assert waivers.expired([WAIVER, later, early], DAY_AFTER) == (WAIVER, early)


def test_text_names_the_last_day_the_owner_and_the_reason() -> None:
    assert WAIVER.text() == "waived until 2027-01-31 (ops): old workload"


def test_waiver_is_read_with_its_place(tmp_path: pathlib.Path) -> None:
    [found] = load(tmp_path, f'# [[waiver]]\nlocal.trusted_users = ["""\n[[waiver]]"""]\n{TEXT}')
    assert found == dataclasses.replace(WAIVER, source=f"{tmp_path}/policy.toml:4")


def test_every_waiver_has_its_own_line(tmp_path: pathlib.Path) -> None:
    text = TEXT.replace('"old workload"', '"""\n[[waiver]]\n"""') + f"\n{TEXT}"
    assert [each.source.rpartition(":")[2] for each in load(tmp_path, text)] == ["1", "10"]


def test_waivers_written_as_inline_tables_have_the_lists_line(tmp_path: pathlib.Path) -> None:
    inline = ", ".join(TEXT.splitlines()[1:])
    [found] = load(tmp_path, f"\nwaiver = [ {{ {inline} }} ]\n")
    assert found.source.endswith("policy.toml:2")


def test_optional_keys_are_read(tmp_path: pathlib.Path) -> None:
    [found] = load(tmp_path, TEXT + 'host = "ssh://a"\nmax_subjects = 3\n')
    assert (found.host, found.max_subjects) == ("ssh://a", 3)


@pytest.mark.parametrize("key", ["control", "subject", "reason", "owner", "expires"])
def test_waiver_without_a_required_key_is_refused(tmp_path: pathlib.Path, key: str) -> None:
    text = "\n".join(line for line in TEXT.splitlines() if not line.startswith(key))
    message = f"--lxd-policy: policy.toml:1: waiver.{key}: missing: add it"
    assert error(tmp_path, text) == message


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('"old workload"', '" "', "4: waiver.reason: ' ' is no text: write reason = \"...\""),
        ('"ops"', "1", '5: waiver.owner: 1 is no text: write owner = "..."'),
        (
            "2027-01-31",
            '"2027-01-31"',
            "6: waiver.expires: '2027-01-31' is no date: write expires = 2027-01-31",
        ),
        (
            "2027-01-31",
            "2027-01-31T12:00:00",
            "6: waiver.expires: 2027-01-31 12:00:00 is no date: write expires = 2027-01-31",
        ),
        ("expires", "expire", "6: waiver.expire: unknown key: did you mean expires?"),
        (
            "[[waiver]]",
            "[waiver]",
            "1: waiver: not a list of tables: begin each entry with [[waiver]]",
        ),
        (
            "[[waiver]]",
            "[[waiver]]\nmax_subjects = 0",
            "2: waiver.max_subjects: 0 is no number above 0: write max_subjects = 1",
        ),
    ],
)
def test_mistake_is_named_with_its_line_and_fix(
    tmp_path: pathlib.Path, right: str, wrong: str, message: str
) -> None:
    assert error(tmp_path, TEXT.replace(right, wrong)) == f"--lxd-policy: policy.toml:{message}"
