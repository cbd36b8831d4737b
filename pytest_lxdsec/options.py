"""The command line and its ini keys; imports nothing but pytest, since it is always loaded.

Every option has an ini key of the same name with underscores. `Settings` is what they say
together; reading the files they name, and refusing what they name wrongly, is `audit`'s.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import pytest

GROUP = "lxd security"
SUITES = "suites"
RUNS_SUITES = pytest.StashKey[bool]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option: its flag, what follows it, and what it means.

    Attributes:
        flag: `--lxd-NAME`.
        metavar: What the value is; "" for a switch.
        repeats: Whether it may be given several times.
    """

    flag: str
    metavar: str
    help: str
    repeats: bool = False

    @property
    def dest(self) -> str:
        """The attribute of `config.option`."""
        return self.flag.removeprefix("--").replace("lxd-", "lxdsec_", 1).replace("-", "_")

    @property
    def ini(self) -> str:
        """The key in a configuration file."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def is_switch(self) -> bool:
        """True if nothing follows it."""
        return not self.metavar

    @property
    def is_file(self) -> bool:
        """True if its value is a path."""
        return self.metavar in ("FILE", "DIR")


OPTIONS = (
    Option(
        flag="--lxd-host",
        metavar="TARGET",
        repeats=True,
        help="audit this server: local, unix:///PATH, ssh://USER@HOST or another testinfra host, "
        "https://HOST:8443[?shell=ssh://USER@HOST], lab (a throw-away real LXD on this machine), "
        "evidence:FILE",
    ),
    Option(
        flag="--lxd-cert", metavar="FILE", help="client certificate (PEM) for https:// targets"
    ),
    Option(flag="--lxd-key", metavar="FILE", help="key (PEM) of the client certificate"),
    Option(
        flag="--lxd-server-cert",
        metavar="FILE",
        help="the only server certificate (PEM) to accept from https:// targets; "
        "without it the system's authorities decide",
    ),
    Option(
        flag="--lxd-policy",
        metavar="FILE",
        help="TOML: what the guide leaves to the site, and accepted risks ([[waiver]])",
    ),
    Option(
        flag="--lxd-releases",
        metavar="FILE",
        help="TOML: LXD's supported releases, instead of the dated list that comes with us",
    ),
    Option(
        flag="--lxd-now",
        metavar="DATE",
        help="judge for this day, as 2027-07-01, instead of the day on which the evidence was "
        "taken",
    ),
    Option(
        flag="--lxd-control",
        metavar="GLOB",
        repeats=True,
        help="run only these controls, as LXD-UNP-01 or LXD-BRI-*",
    ),
    Option(
        flag="--lxd-section",
        metavar="ANCHOR",
        repeats=True,
        help="run only controls of these sections of the guide, by anchor",
    ),
    Option(
        flag="--lxd-min-severity",
        metavar="SEVERITY",
        help="run only controls of this severity or worse: critical, high, medium, low",
    ),
    Option(
        flag="--lxd-level",
        metavar="LEVEL",
        repeats=True,
        help="run only controls of these levels: configured, enforced, probed",
    ),
    Option(
        flag="--lxd-instance",
        metavar="GLOB",
        repeats=True,
        help="look only at these instances and their NICs",
    ),
    Option(
        flag="--lxd-project",
        metavar="GLOB",
        repeats=True,
        help="look only at objects of these projects",
    ),
    Option(
        flag="--lxd-probe",
        metavar="",
        help="also create throw-away instances on the server, see what frames of theirs get "
        "through, and remove them; without it LXD-BRI-12, LXD-BRI-13 and LXD-RTD-04 are not "
        "assessed",
    ),
    Option(
        flag="--lxd-fail-on",
        metavar="SEVERITY",
        help="report findings below this severity without failing the run",
    ),
    Option(
        flag="--lxd-baseline",
        metavar="FILE",
        help="report.json of an earlier run: what it found does not fail this one",
    ),
    Option(
        flag="--lxd-report",
        metavar="DIR",
        help="write junit.xml, report.json, report.sarif, report.html and summary.md there",
    ),
    Option(
        flag="--lxd-save-evidence",
        metavar="FILE",
        help="keep what was seen, for evidence:FILE; a directory for several targets",
    ),
)


def add(parser: pytest.Parser) -> None:
    """Declare every option and its ini key."""
    group = parser.getgroup(GROUP)
    for option in OPTIONS:
        help_text = f"{option.help} (ini: {option.ini})"
        # Without a default, so that what the command line did not say is told from the ini.
        action = "append" if option.repeats else "store"
        if option.is_switch:
            group.addoption(
                option.flag, dest=option.dest, action="store_true", default=None, help=help_text
            )
            parser.addini(option.ini, type="bool", help=option.help, default=False)
            continue
        group.addoption(
            option.flag, dest=option.dest, metavar=option.metavar, action=action, help=help_text
        )
        if option.repeats:
            parser.addini(option.ini, type="linelist", help=option.help, default=None)
        else:
            parser.addini(option.ini, type="string", help=option.help, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for, unread; "" and () where nothing was said."""

    hosts: tuple[str, ...]
    cert: str
    key: str
    server_cert: str
    policy: str
    releases: str
    now: str
    controls: tuple[str, ...]
    sections: tuple[str, ...]
    min_severity: str
    levels: tuple[str, ...]
    instances: tuple[str, ...]
    projects: tuple[str, ...]
    probe: bool
    fail_on: str
    baseline: str
    report: str
    save_evidence: str


def from_config(config: pytest.Config) -> Settings:
    """Return the command line first, then the configuration file."""
    one = {
        option.flag: _one(config, option)
        for option in OPTIONS
        if option.metavar and not option.repeats
    }
    many = {option.flag: _many(config, option) for option in OPTIONS if option.repeats}
    return Settings(
        hosts=many["--lxd-host"],
        cert=one["--lxd-cert"],
        key=one["--lxd-key"],
        server_cert=one["--lxd-server-cert"],
        policy=one["--lxd-policy"],
        releases=one["--lxd-releases"],
        now=one["--lxd-now"],
        controls=many["--lxd-control"],
        sections=many["--lxd-section"],
        min_severity=one["--lxd-min-severity"],
        levels=many["--lxd-level"],
        instances=many["--lxd-instance"],
        projects=many["--lxd-project"],
        probe=_is_on(config, "--lxd-probe"),
        fail_on=one["--lxd-fail-on"],
        baseline=one["--lxd-baseline"],
        report=one["--lxd-report"],
        save_evidence=one["--lxd-save-evidence"],
    )


def hosts(config: pytest.Config) -> tuple[str, ...]:
    """Return the targets; () where the plugin has nothing to do."""
    return _many(config, OPTIONS[0])


def _one(config: pytest.Config, option: Option) -> str:
    said = config.getoption(option.dest)
    if said is not None:
        return str(said)
    written = str(config.getini(option.ini) or "")
    return str(_beside_ini(config) / written) if written and option.is_file else written


def _is_on(config: pytest.Config, flag: str) -> bool:
    option = next(one for one in OPTIONS if one.flag == flag)
    said = config.getoption(option.dest)
    return bool(config.getini(option.ini) if said is None else said)


def _beside_ini(config: pytest.Config) -> pathlib.Path:
    """Return where relative paths of a configuration file start, wherever pytest is run."""
    return config.inipath.parent if config.inipath else config.invocation_params.dir


def _many(config: pytest.Config, option: Option) -> tuple[str, ...]:
    said = config.getoption(option.dest)
    return tuple(said if said is not None else config.getini(option.ini) or ())


def suites_dir() -> pathlib.Path:
    """Return the packaged suites.

    In an installed package beside this file, in a checkout above it.
    """
    here = pathlib.Path(__file__).resolve().parent
    installed = here / SUITES
    return installed if installed.is_dir() else here.parent / SUITES


def add_suites(early_config: pytest.Config, args: list[str]) -> None:
    """Run the packaged suites where a host is named and no path is."""
    known = early_config.known_args_namespace  # `config.option` is not filled yet
    named = getattr(known, OPTIONS[0].dest) or early_config.getini(OPTIONS[0].ini)
    if named and not known.file_or_dir:
        # The directory, not its files: files given one by one get node ids with an empty path.
        # In front, since the last option may take one more word: --cov, --cache-show.
        args.insert(0, str(suites_dir()))
        early_config.stash[RUNS_SUITES] = True


def runs_suites_only(config: pytest.Config) -> bool:
    """Return whether nothing but our own suites is run, whose controls are known beforehand."""
    return config.stash.get(RUNS_SUITES, False)
