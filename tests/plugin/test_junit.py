"""What pytest's own `--junitxml` says of a control: a contract with every CI that reads it."""

from __future__ import annotations

import json

import pytest

from pytest_lxdsec.control import Kind, Level, Severity
from pytest_lxdsec.guide import sections
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, evidence_failing, judging

from . import sessions

PROPERTIES = {
    "lxd.control",
    "lxd.title",
    "lxd.severity",
    "lxd.level",
    "lxd.kind",
    "lxd.section",
    "lxd.section_title",
    "lxd.guide_url",
    "lxd.host",
    "lxd.subject",
    "lxd.verdict",
}
ELEMENTS = {
    "pass": "passed",
    "fail": "failure",
    "error": "error",
    "not-applicable": "skipped",
    "manual": "skipped",
    "not-assessed": "skipped",
}
HOSTILE = "eth\x00\x1b[31m\n0]]><&\"'\u202e\ud800"


def documents() -> dict[str, evidence_documents.Document]:
    """Evidence with findings, and evidence of an API without a shell."""
    failing = evidence_failing.failing()
    no_shell = evidence_documents.without_host(evidence_documents.baseline())
    return {"failing": failing, "api": no_shell | {"target": "api.example.org"}}


@pytest.fixture(scope="module", params=["plain", "xdist"])
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> sessions.Session:
    """Return the packaged suites on two hosts."""
    directory = tmp_path_factory.mktemp("junit")
    for name, document in documents().items():
        evidence_documents.write(document, directory / f"{name}.json")
    hosts = [f"--lxd-host=evidence:{name}.json" for name in documents()]
    return sessions.run(directory, *hosts, *(["-n2"] if request.param == "xdist" else []))


def expected() -> dict[tuple[str, str, str], str]:
    """Return the verdict of every control, host and subject, judged without pytest."""
    return {
        (document["target"], control, subject): result.verdict.value
        for document in documents().values()
        for (control, subject), result in judging.judge(
            evidence_documents.evidence(document)
        ).items()
    }


def test_every_verdict_is_a_testcase(session: sessions.Session) -> None:
    keys = ("lxd.host", "lxd.control", "lxd.subject")
    found = {
        tuple(case.properties[key] for key in keys): case.properties["lxd.verdict"]
        for case in session.cases
    }
    assert found == expected()
    assert len(session.cases) == len(found)


def test_every_testcase_has_all_properties(session: sessions.Session) -> None:
    assert {frozenset(case.properties) for case in session.cases} == {frozenset(PROPERTIES)}


def test_properties_are_those_of_the_control(session: sessions.Session) -> None:
    known = {made.id: made for made in judging.controls()}
    for case in session.cases:
        made = known[case.properties["lxd.control"]]
        assert case.properties["lxd.title"] == made.title
        assert Severity(case.properties["lxd.severity"]) is made.severity
        assert Level(case.properties["lxd.level"]) is made.level
        assert Kind(case.properties["lxd.kind"]) is made.kind


def test_properties_name_the_section_of_the_guide(session: sessions.Session) -> None:
    for case in session.cases:
        section = sections.BY_ANCHOR[case.properties["lxd.section"]]
        assert case.properties["lxd.section_title"] == section.title
        assert case.properties["lxd.guide_url"] == section.url


def test_verdict_decides_the_element(session: sessions.Session) -> None:
    for case in session.cases:
        assert case.element == ELEMENTS[case.properties["lxd.verdict"]]


def test_names_are_unique(session: sessions.Session) -> None:
    names = [(case.classname, case.name) for case in session.cases]
    assert len(names) == len(set(names))


def test_first_line_of_a_failure_says_what_where_and_links(session: sessions.Session) -> None:
    case = next(c for c in session.cases if c.properties["lxd.control"] == "LXD-NAM-01")
    line = (
        "host: /sys/kernel/slab belongs to uid 0, mode 0755 — LXD security guide › "  # noqa: RUF001 - as menus do
        "Container security › Container name leakage — "  # noqa: RUF001 - as above
        "https://documentation.ubuntu.com/lxd/latest/explanation/security/#container-name-leakage"
    )
    assert case.text.splitlines()[0] == line
    assert case.message.splitlines()[0] == f"Failed: {line}"


@pytest.mark.parametrize(
    "line",
    [
        "control:  LXD-NAM-01 (medium)",
        "host:     lxd1.example.org",
        "observed: /sys/kernel/slab belongs to uid 0, mode 0755",
        "expected: owner root, mode 0700",
        "from:     the host's kernel (sysfs)",
        "repair:   chown root /sys/kernel/slab && chmod 0700 /sys/kernel/slab",
        "          changes 1 object",
    ],
)
def test_body_of_a_failure_says_what_to_do(session: sessions.Session, line: str) -> None:
    case = next(c for c in session.cases if c.properties["lxd.control"] == "LXD-NAM-01")
    assert line in case.text.splitlines()


def test_skip_begins_with_its_verdict(session: sessions.Session) -> None:
    skipped = [case for case in session.cases if case.element == "skipped"]
    assert {case.properties["lxd.verdict"] for case in skipped} == {
        Outcome.MANUAL.value,
        Outcome.NOT_APPLICABLE.value,
        Outcome.NOT_ASSESSED.value,
    }
    for case in skipped:
        assert case.message.startswith(case.properties["lxd.verdict"].replace("-", " ") + ": ")


@pytest.fixture(scope="module", params=["plain", "xdist"])
def hostile(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> sessions.Session:
    """Return a device, and a host, whose names attack whatever shows them."""
    directory = tmp_path_factory.mktemp("hostile")
    bare = {"type": "nic", "network": "lxdbr0"}
    one = evidence_documents.attach(evidence_documents.baseline(), "default/web1", HOSTILE, bare)
    lost = evidence_documents.missing(f"GET /1.0/networks: {HOSTILE}")
    two = evidence_documents.patch(one, "networks", to=lost) | {"target": HOSTILE}
    for name, document in (("one", one), ("two", two)):
        (directory / f"{name}.json").write_text(json.dumps(document))
    hosts = ("--lxd-host=evidence:one.json", "--lxd-host=evidence:two.json")
    mode = ["-n2"] if request.param == "xdist" else []
    return sessions.run(directory, *hosts, "-rA", "-v", "--tb=short", *mode)


def test_hostile_names_leave_the_file_readable(hostile: sessions.Session) -> None:
    found = {case.properties["lxd.control"] for case in hostile.cases}
    assert found == {made.id for made in judging.controls()}


def test_hostile_name_is_a_finding_like_any_other(hostile: sessions.Session) -> None:
    failed = [case.properties for case in hostile.cases if case.element == "failure"]
    assert {found["lxd.subject"] for found in failed} == {
        "nic/default/web1/eth\\x00\\x1b[31m\\n0]]><&\"'\\u202e\\ud800"
    }


def test_hostile_names_do_not_steer_the_terminal(hostile: sessions.Session) -> None:
    assert [c for c in hostile.out if not c.isprintable() and c != "\n"] == []


def test_hostile_names_fake_no_line(hostile: sessions.Session) -> None:
    assert [line for line in hostile.out.splitlines() if line.startswith("0]]>")] == []
