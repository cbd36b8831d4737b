from __future__ import annotations

import json
import pathlib
import re
import string
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_lxdsec import errors, toml_reader
from pytest_lxdsec.policy import Policy, policy_file

NASTY = (
    "[[waiver]]",
    "[local]",
    "# no comment",
    "control = 1",
    "]",
    "}",
    "{",
    "[",
    "=",
    "",
    "\n",
    "\\",
    "'",
    '"',
    "''",
)


def quoted(parts: list[str]) -> list[str]:
    """Return the same text as every form of TOML string that can hold it."""
    text = "".join(parts)
    basic = text.replace("\\", "\\\\").replace('"', '\\"')
    forms = ['"' + basic.replace("\n", "\\n") + '"', f'"""{basic}"""', f'"""\n{basic}"""']
    if "\n" not in text and "'" not in text:
        forms.append(f"'{text}'")
    if "'''" not in text:
        forms.append(f"'''{text}'''")
    return forms


STRINGS = st.lists(st.sampled_from(NASTY), max_size=4).map(quoted).flatmap(st.sampled_from)


def listed(values: list[str]) -> str:
    return "[\n" + " , # ]\n".join(values) + "\n]"


def inline_table(values: list[str]) -> str:
    return "{" + ", ".join(f"k{at} = {value}" for at, value in enumerate(values)) + "}"


VALUES = st.recursive(
    st.one_of(STRINGS, st.just("1"), st.just("2027-01-31")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(listed), st.lists(inner, max_size=2).map(inline_table)
    ),
    max_leaves=4,
)
FILLERS = st.sampled_from(["\n", "# [[waiver]]\n", "   # a = 1\n"])


@given(st.lists(st.tuples(st.booleans(), FILLERS, VALUES), max_size=5))
def test_every_key_is_found_on_the_line_where_it_was_written(
    statements: list[tuple[bool, str, str]],
) -> None:
    text, expected, entries = "", {}, 0
    for number, (begins_entry, filler, value) in enumerate(statements):
        text += filler
        if begins_entry:
            expected["waiver", entries] = text.count("\n") + 1
            entries += 1
            text += "[[waiver]]\n"
        here = ("waiver", entries - 1) if entries else ()
        expected[*here, f"key{number}"] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    tomllib.loads(text)
    found = toml_reader.lines(text)
    assert {path: line for path, line in found.items() if path != ("waiver",)} == expected


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("policy") / "policy.toml"


def load(file: pathlib.Path, text: str) -> Policy | None:
    """Return the policy, or None if one line refuses it and names option and file."""
    file.write_bytes(text.encode(errors="surrogatepass"))
    try:
        return policy_file.load(str(file), known_controls=["LXD-UNP-01"])
    except errors.UserError as error:
        message = str(error)
    assert re.fullmatch(rf"--lxd-policy: .*{re.escape(str(file))}.*", message)
    return None


KEYS = (
    *("local.trusted_users", "api.allowed_sources", "api.admins", "api.public_images"),
    *("containers.sharing_groups", "os.index_max_age_days", "waiver", "local", "other"),
)


@given(text=st.text())
def test_any_text_is_a_policy_or_refused(file: pathlib.Path, text: str) -> None:
    assert load(file, text) in (None, Policy())


@given(values=st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_value_of_a_known_key_is_read_or_refused(
    file: pathlib.Path, values: dict[str, str]
) -> None:
    found = load(file, "".join(f"{key} = {value}\n" for key, value in values.items()))
    if found is not None:
        assert (found.trusted_users is None) == ("local.trusted_users" not in values)
        assert (found.allowed_sources is None) == ("api.allowed_sources" not in values)
        assert (found.sharing_groups is None) == ("containers.sharing_groups" not in values)


@given(
    networks=st.lists(st.ip_addresses().map(str)),
    admins=st.lists(st.text(string.printable[:94], min_size=1)),
)
def test_what_is_written_is_what_is_read(
    file: pathlib.Path, networks: list[str], admins: list[str]
) -> None:
    # Of printable ASCII, JSON's strings are TOML's.
    text = f"[api]\nallowed_sources = {json.dumps(networks)}\nadmins = {json.dumps(admins)}\n"
    found = load(file, text)
    assert found is not None
    assert [str(each.network_address) for each in found.allowed_sources or ()] == networks
    assert found.admins == tuple(admins)
