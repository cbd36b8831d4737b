"""The command line is a contract: what each option does."""

from __future__ import annotations

import pathlib
import shutil

import pytest

from pytest_lxdsec import options
from pytest_lxdsec.guide import releases
from tests.support import evidence_api, evidence_documents, judging

from . import sessions


@pytest.fixture
def site(pytester: pytest.Pytester, evidence_file: pathlib.Path) -> pytest.Pytester:
    """Return a directory with evidence by which nothing fails: seen.json."""
    shutil.copy(evidence_file, pytester.path / "seen.json")
    return pytester


HOST = "--lxd-host=evidence:seen.json"


def ran(site: pytest.Pytester, *arguments: str) -> set[tuple[str, str]]:
    """Control and subject of every test that ran."""
    properties = [case.properties for case in all_cases(site, *arguments)]
    return {(found["lxd.control"], found["lxd.subject"]) for found in properties}


def all_cases(site: pytest.Pytester, *arguments: str) -> tuple[sessions.Case, ...]:
    site.runpytest("--junitxml=junit.xml", *arguments)
    return sessions.cases(site.path / "junit.xml")


def controls(found: set[tuple[str, str]]) -> set[str]:
    return {control for control, _ in found}


def subjects(found: set[tuple[str, str]]) -> set[str]:
    return {subject for _, subject in found}


# --- what runs ---------------------------------------------------------------------------------


def test_host_alone_runs_every_packaged_control(site: pytest.Pytester) -> None:
    assert controls(ran(site, HOST)) == {made.id for made in judging.controls()}


def test_suites_by_name_are_the_same_run(site: pytest.Pytester) -> None:
    named = ("--pyargs", "pytest_lxdsec.suites", HOST)
    assert ran(site, *named) == ran(site, HOST)


def test_path_on_the_command_line_runs_nothing_of_ours(site: pytest.Pytester) -> None:
    site.makepyfile(test_mine="def test_mine(): pass")
    site.runpytest("test_mine.py", HOST).assert_outcomes(passed=1)


def test_last_option_that_may_take_a_word_does_not_swallow_the_suites(
    site: pytest.Pytester,
) -> None:
    site.makeconftest(
        "def pytest_addoption(parser): parser.addoption('--maybe', nargs='?', const='')"
    )
    # With a --basetemp pytester adds none of its own, behind the last option.
    result = site.runpytest(HOST, "--basetemp=tmp", "--maybe")
    assert result.parseoutcomes()["passed"] > 1


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--lxd-control=LXD-NAM-01", {"LXD-NAM-01"}),
        ("--lxd-control=LXD-VER-*", {"LXD-VER-01", "LXD-VER-02", "LXD-VER-03"}),
        ("--lxd-section=container-name-leakage", {f"LXD-NAM-0{n}" for n in (1, 2, 3, 4)}),
    ],
)
def test_controls_are_chosen(site: pytest.Pytester, option: str, expected: set[str]) -> None:
    assert controls(ran(site, HOST, option)) == expected


def test_repeated_choice_is_their_union(site: pytest.Pytester) -> None:
    chosen = ("--lxd-control=LXD-NAM-01", "--lxd-control=LXD-OS-01")
    assert controls(ran(site, HOST, *chosen)) == {"LXD-NAM-01", "LXD-OS-01"}


def test_different_choices_are_their_intersection(site: pytest.Pytester) -> None:
    chosen = ("--lxd-section=access-to-the-remote-api", "--lxd-level=configured")
    assert controls(ran(site, HOST, *chosen)) == {
        made.id
        for made in judging.controls()
        if made.section == "access-to-the-remote-api" and made.level.value == "configured"
    }


def test_min_severity_leaves_out_what_is_less_severe(site: pytest.Pytester) -> None:
    ids = controls(ran(site, HOST, "--lxd-min-severity=critical"))
    assert ids == {made.id for made in judging.controls() if made.severity.rank == 0}


def test_instances_are_chosen_with_their_nics(site: pytest.Pytester) -> None:
    found = subjects(ran(site, HOST, "--lxd-instance=web*", "--lxd-project=default"))
    assert {s for s in found if s.startswith(("instance/", "nic/"))} == {
        "instance/default/web1",
        "nic/default/web1/eth0",
    }


def test_project_chooses_its_networks_and_instances(site: pytest.Pytester) -> None:
    found = subjects(ran(site, HOST, "--lxd-project=tenants"))
    assert {s for s in found if s.startswith(("instance/", "nic/", "network/"))} == {
        "instance/tenants/web1",
        "nic/tenants/web1/eth0",
        "network/*",
    }


def test_choice_without_any_object_is_one_skipped_item_for_each_control(
    site: pytest.Pytester,
) -> None:
    found = ran(site, HOST, "--lxd-instance=nobody", "--lxd-control=LXD-UNP-*")
    assert subjects(found) == {"instance/*"}


def test_several_hosts_are_told_apart(site: pytest.Pytester) -> None:
    other = evidence_documents.baseline() | {"target": "lxd2.example.org"}
    evidence_documents.write(other, site.path / "other.json")
    cases = all_cases(site, HOST, "--lxd-host=evidence:other.json")
    hosts = [case.properties["lxd.host"] for case in cases]
    assert hosts.count("lxd1.example.org") == hosts.count("lxd2.example.org") > 0


# --- pytest's own options work as ever -----------------------------------------------------------


def test_k_chooses_by_control_and_by_subject(site: pytest.Pytester) -> None:
    found = ran(site, HOST, "-k", "UNP-01 and web1 and tenants")
    assert found == {("LXD-UNP-01", "instance/tenants/web1")}


def test_m_chooses_by_the_users_own_marks(site: pytest.Pytester) -> None:
    site.makeconftest(
        """
        import pytest

        def pytest_configure(config):
            config.addinivalue_line("markers", "night: at night only")

        def pytest_collection_modifyitems(items):
            for item in items:
                if "NAM-01" in item.nodeid:
                    item.add_marker(pytest.mark.night)
        """
    )
    assert ran(site, HOST, "-m", "night") == {("LXD-NAM-01", "host")}


def test_lf_runs_what_failed(site: pytest.Pytester) -> None:
    slab = ("host.kernel_files", "/sys/kernel/slab", "mode")
    document = evidence_documents.patch(evidence_documents.baseline(), *slab, to=0o755)
    evidence_documents.write(document, site.path / "seen.json")
    chosen = ("--lxd-control=LXD-NAM-01", "--lxd-control=LXD-LOC-01")
    assert controls(ran(site, HOST, *chosen)) == {"LXD-NAM-01", "LXD-LOC-01"}
    assert controls(ran(site, HOST, *chosen, "--lf")) == {"LXD-NAM-01"}


@pytest.mark.parametrize("choice", [("--lf",), ("-k", "NAM-01"), ("--lxd-control=LXD-NAM-01",)])
def test_host_that_cannot_be_reached_is_never_deselected(
    site: pytest.Pytester, choice: tuple[str, ...]
) -> None:
    slab = ("host.kernel_files", "/sys/kernel/slab", "mode")
    document = evidence_documents.patch(evidence_documents.baseline(), *slab, to=0o755)
    evidence_documents.write(document, site.path / "seen.json")
    site.runpytest(HOST)
    unreached = f"unix://{site.path}/no.socket"
    cases = all_cases(site, HOST, f"--lxd-host={unreached}", *choice)
    assert unreached in {case.properties["lxd.host"] for case in cases}


def test_collect_only_runs_nothing(site: pytest.Pytester) -> None:
    result = site.runpytest("--collect-only", "-q", HOST, "--lxd-control=LXD-NAM-01")
    result.stdout.fnmatch_lines(["*test_slab_is_closed[[]LXD-NAM-01@lxd1.example.org:host[]]"])
    assert result.ret == pytest.ExitCode.OK


# --- files ---------------------------------------------------------------------------------------


def test_policy_is_what_controls_judge_by(site: pytest.Pytester) -> None:
    site.path.joinpath("policy.toml").write_text('[local]\ntrusted_users = ["bob"]\n')
    chosen = ("--lxd-policy=policy.toml", "--lxd-control=LXD-LOC-03")
    site.runpytest(HOST, *chosen).assert_outcomes(failed=1)


def test_releases_are_what_controls_judge_by(site: pytest.Pytester) -> None:
    data, series = evidence_api.RELEASES, evidence_api.SUPPORTED
    site.path.joinpath("releases.toml").write_text(
        f"""
        as_of = {data.as_of}
        source = "a test"
        [lts."{series.latest.series}"]
        released = {series.released}
        end_of_support = {data.as_of}
        latest = "{series.latest}"
        [feature]
        released = {data.as_of}
        latest = "{data.feature}"
        """
    )
    chosen = ("--lxd-releases=releases.toml", "--lxd-control=LXD-VER-01")
    site.runpytest(HOST, *chosen).assert_outcomes(failed=1)


def test_saved_evidence_is_replayed_to_the_same_bytes(site: pytest.Pytester) -> None:
    site.runpytest(HOST, "--lxd-save-evidence=again.json")
    again, seen = (site.path / name for name in ("again.json", "seen.json"))
    assert again.read_bytes() == seen.read_bytes()


def test_saved_evidence_is_its_owners_alone(site: pytest.Pytester) -> None:
    site.runpytest(HOST, "--lxd-save-evidence=deep/down/again.json")
    assert (site.path / "deep/down/again.json").stat().st_mode & 0o777 == 0o600


def test_evidence_of_several_hosts_is_a_directory(site: pytest.Pytester) -> None:
    for name in ("lxd2/a", "lxd2:a"):  # two names that no file can have
        other = evidence_documents.baseline() | {"target": name}
        evidence_documents.write(other, site.path / f"{name[4]}.json".replace("/", "-"))
    hosts = (HOST, "--lxd-host=evidence:-.json", "--lxd-host=evidence::.json")
    site.runpytest(*hosts, "--lxd-save-evidence=all")
    saved = sorted(path.name for path in (site.path / "all").iterdir())
    assert saved == ["lxd1.example.org.json", "lxd2_a.json", "lxd2_a~2.json"]


# --- the configuration file ----------------------------------------------------------------------


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option.ini)
def test_every_option_has_an_ini_key(pytester: pytest.Pytester, option: options.Option) -> None:
    value = "true" if option.is_switch else "a-value"
    pytester.makeini(f"[pytest]\n{option.ini} = {value}\n")
    pytester.makeconftest(f"def pytest_configure(config): print(config.getini({option.ini!r}))")
    pytester.runpytest("--help").stdout.fnmatch_lines(
        [f"*{value.title() if option.is_switch else value}*"]
    )  # which audits nothing


def test_ini_keys_do_what_the_options_do(site: pytest.Pytester) -> None:
    written = {
        "lxd_host": "evidence:seen.json",
        "lxd_control": "LXD-LOC-03",
        "lxd_section": "local-access-to-the-lxd-daemon",
        "lxd_min_severity": "low",
        "lxd_level": "configured",
        "lxd_instance": "web*",
        "lxd_project": "default",
        "lxd_policy": "policy.toml",
        "lxd_releases": "releases.toml",
        "lxd_fail_on": "critical",
        "lxd_save_evidence": "saved.json",
        "lxd_cert": "cert.pem",
        "lxd_key": "key.pem",
        "lxd_server_cert": "server.pem",
    }
    shutil.copy(releases.PACKAGED, site.path / "releases.toml")
    site.path.joinpath("policy.toml").write_text('[local]\ntrusted_users = ["bob"]\n')
    site.makeini("\n".join(["[pytest]", *(f"{key} = {value}" for key, value in written.items())]))
    site.runpytest().assert_outcomes(xfailed=1)
    assert (site.path / "saved.json").exists()


def test_command_line_wins_over_the_ini(site: pytest.Pytester) -> None:
    site.makeini("[pytest]\nlxd_host = evidence:gone.json\nlxd_control = LXD-OS-01\n")
    chosen = (HOST, "--lxd-control=LXD-NAM-01")
    assert controls(ran(site, *chosen)) == {"LXD-NAM-01"}


def test_files_of_the_ini_are_beside_it(site: pytest.Pytester) -> None:
    site.makeini("[pytest]\nlxd_policy = policy.toml\n")
    site.path.joinpath("policy.toml").write_text('[local]\ntrusted_users = ["bob"]\n')
    site.mkdir("below")
    site.path.joinpath("below", "seen.json").write_bytes((site.path / "seen.json").read_bytes())
    site.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(site.path / "below")
        site.runpytest(HOST, "--lxd-control=LXD-LOC-03").assert_outcomes(failed=1)


def test_toml_configuration_is_read(site: pytest.Pytester) -> None:
    site.path.joinpath("native.toml").write_text(
        '[tool.pytest]\nlxd_host = ["evidence:seen.json"]\nlxd_control = ["LXD-NAM-01"]\n'
    )
    site.runpytest("-c", "native.toml").assert_outcomes(passed=1)


# --- thresholds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "outcome"),
    [("medium", "failed"), ("low", "failed"), ("high", "xfailed"), ("critical", "xfailed")],
)
def test_fail_on_tolerates_what_is_below(
    site: pytest.Pytester, threshold: str, outcome: str
) -> None:
    slab = ("host.kernel_files", "/sys/kernel/slab", "mode")  # LXD-NAM-01 is of medium severity
    document = evidence_documents.patch(evidence_documents.baseline(), *slab, to=0o755)
    evidence_documents.write(document, site.path / "seen.json")
    chosen = ("--lxd-control=LXD-NAM-01", f"--lxd-fail-on={threshold}")
    site.runpytest(HOST, *chosen).assert_outcomes(**{outcome: 1})


def test_help_describes_every_option(pytester: pytest.Pytester) -> None:
    text = pytester.runpytest("--help").stdout.str()
    assert "lxd security:" in text
    for option in options.OPTIONS:
        said = option.flag if option.is_switch else f"{option.flag}={option.metavar}"
        assert f"  {said}" in text
        assert f"(ini: {option.ini})" in " ".join(text.split())
