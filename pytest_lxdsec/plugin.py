"""pytest's hooks and our fixtures, each delegating; the table of contents of the audit.

Where no host is named nothing of ours but this module and `options` is imported: pytest loads
every installed plugin, and one that is not asked for must cost nothing. So everything else is
imported inside the hooks, once a host is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from . import options

if TYPE_CHECKING:
    from .policy.policy_file import Policy
    from .session.audit import Audit
    from .session.subjects import Subject

AUDIT = pytest.StashKey["Audit"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare our options."""
    options.add(parser)


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Run the packaged suites where the user names a host and no tests."""
    options.add_suites(early_config, args)


def pytest_configure(config: pytest.Config) -> None:
    """Read what the user asked for; the user's mistakes end the run here."""
    if options.hosts(config):
        from .session import hooks  # noqa: PLC0415 - only when a host is named

        hooks.configure(config, AUDIT)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of every connection and end every lab."""
    if (audit := config.stash.get(AUDIT, None)) is not None:
        audit.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each of its subjects."""
    if (audit := metafunc.config.stash.get(AUDIT, None)) is not None:
        audit.parametrize(metafunc)


def _audit(request: pytest.FixtureRequest) -> Audit:
    audit = request.config.stash.get(AUDIT, None)
    if audit is None:
        pytest.skip("no server to look at: name one with --lxd-host")
    return audit


@pytest.fixture
def lxd_subject(request: pytest.FixtureRequest) -> Subject:
    """Return what this test is run for: an object of one host."""
    return _audit(request).subject(request)


@pytest.fixture
def lxd_verdict(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401
    """Return the verdict of the control that this test is, as a function that tells pytest."""
    return _audit(request).verdict(request, lxd_subject)


@pytest.fixture
def lxd_policy(request: pytest.FixtureRequest) -> Policy:
    """Return what the site declares with `--lxd-policy`."""
    return _audit(request).policy


@pytest.fixture
def lxd_releases(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - guide.releases.Releases
    """Return LXD's releases, as shipped or by `--lxd-releases`."""
    return _audit(request).releases


@pytest.fixture
def lxd_evidence(lxd_subject: Subject) -> Any:  # noqa: ANN401 - evidence.model.Evidence
    """Return everything that was seen of the server."""
    return lxd_subject.evidence


@pytest.fixture
def lxd_host(lxd_subject: Subject) -> Any:  # noqa: ANN401 - testinfra's Host
    """Return Testinfra's `Host` of the server's host."""
    return lxd_subject.connection.host()


@pytest.fixture
def lxd_server(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401 - evidence.objects.Server
    """Return a LXD server; in a cluster, each member."""
    return _audit(request).content(lxd_subject, request)


@pytest.fixture
def lxd_instance(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401 - subjects.LiveInstance
    """Return an instance; its `host` is testinfra's `Host` of its inside."""
    return _audit(request).content(lxd_subject, request)


@pytest.fixture
def lxd_nic(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401 - nics.Nic
    """Return a network interface of an instance."""
    return _audit(request).content(lxd_subject, request)


@pytest.fixture
def lxd_network(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401 - evidence.objects.Network
    """Return a network that LXD manages."""
    return _audit(request).content(lxd_subject, request)


@pytest.fixture
def lxd_profile(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401 - evidence.objects.Profile
    """Return a profile."""
    return _audit(request).content(lxd_subject, request)


@pytest.fixture
def lxd_certificate(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401 - evidence.objects.Certificate
    """Return a certificate that the server trusts."""
    return _audit(request).content(lxd_subject, request)


@pytest.fixture
def lxd_image(request: pytest.FixtureRequest, lxd_subject: Subject) -> Any:  # noqa: ANN401 - evidence.objects.Image
    """Return an image."""
    return _audit(request).content(lxd_subject, request)
