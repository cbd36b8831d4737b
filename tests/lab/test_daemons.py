"""Controls that need a specially started daemon: old TLS, a PKI's CA, a new program.

A second LXD with a data directory of its own runs in the lab and is audited over its socket. The
repairs of these findings restart LXD by systemd, which a lab lacks, so the tests restart it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_lxdsec.evidence import gather
from pytest_lxdsec.lab import Lab, scenarios
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target
from pytest_lxdsec.verdict import Outcome
from tests.support import judging

from . import both_ways, required

DIRECTORY = "/srv/second"
SECOND = f"LXD_DIR={DIRECTORY}"
MAKE_AUTHORITY = """
mkdir -p /srv/pki /srv/second
cd /srv/pki
new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 30 \
    -keyout $1.key -out $1.crt -subj /CN=$1 2> /dev/null; }
new ca
new eve
touch index.txt
echo 1000 > crlnumber
printf '%s\\n' '[ca]' default_ca=d '[d]' database=index.txt crlnumber=crlnumber \
    default_md=sha384 default_crl_days=30 > ca.cnf
openssl ca -config ca.cnf -gencrl -keyfile ca.key -cert ca.crt -out ca.crl 2> /dev/null
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Yield a bare lab with the files of a CA in /srv/pki."""
    with required.throw_away(scenarios.BARE) as lab:
        both_ways.run(lab, MAKE_AUTHORITY)
        yield lab


def start(lab: Lab, environment: str = "") -> None:
    """Start the second daemon, with a listener on loopback."""
    both_ways.run(
        lab,
        f"{SECOND} {environment} lxd --group lxd --logfile /srv/second.log > /dev/null 2>&1 &\n"
        f"{SECOND} lxd waitready --timeout=30\n"
        f"{SECOND} lxc config set core.https_address=127.0.0.1:8444",
    )


def stop(lab: Lab) -> None:
    """Stop the second daemon."""
    both_ways.run(lab, f"{SECOND} lxd shutdown --timeout=30")


def audit(lab: Lab) -> both_ways.Verdicts:
    """Run all controls on the second daemon and return the results."""
    socket = f"/proc/{lab.pid}/root{DIRECTORY}/unix.socket"
    target = Target(name="second", reach=Reach.UNIX, address=socket, shell=f"nsenter://{lab.pid}")
    connection = Connection(target=target)
    try:
        return judging.judge(gather.gather("second", connection.api(), connection.shell()))
    finally:
        connection.close()


def test_tls_1_2_is_found_where_lxd_takes_it(lab: Lab) -> None:
    start(lab, "LXD_INSECURE_TLS=yes")
    found = audit(lab)["LXD-API-05", "server"]
    assert found.verdict is Outcome.FAIL
    assert found.reason == "127.0.0.1:8444 accepts TLSv1.2"
    assert "LXD_INSECURE_TLS=yes" in judging.text(found)
    stop(lab)
    start(lab)
    assert audit(lab)["LXD-API-05", "server"].verdict is Outcome.PASS


def test_authority_without_a_list_and_with_a_late_one(lab: Lab) -> None:
    both_ways.run(lab, f"cp /srv/pki/ca.crt {DIRECTORY}/server.ca")
    start(lab)
    assert "without ca.crl" in audit(lab)["LXD-API-10", "server"].reason
    # Times are compared in whole seconds: this must be a later second.
    both_ways.run(lab, f"sleep 1.1\ncp /srv/pki/ca.crl {DIRECTORY}/ca.crl")
    assert "has changed since LXD was started" in audit(lab)["LXD-API-10", "server"].reason
    stop(lab)
    start(lab)
    # The list is loaded now, but only the packager knows if this build of 5.0.2 checks it.
    found = audit(lab)["LXD-API-10", "server"]
    assert found.verdict is Outcome.ERROR
    assert "CVE-2024-6156" in found.reason


def test_daemon_whose_program_was_replaced_is_found(lab: Lab) -> None:
    start(lab)
    both_ways.run(
        lab,
        f"cp /usr/bin/lxd /usr/bin/lxd.new\nmv /usr/bin/lxd.new /usr/bin/lxd\n"
        f"mkdir -p /boot\ntouch /boot/vmlinuz-$(uname -r)\n{SECOND} lxc list",
    )
    found = audit(lab)["LXD-OS-03", "host"]
    assert found.verdict is Outcome.FAIL
    assert found.reason.count("was replaced since it started") == len(audit_daemons(lab))


def test_daemon_whose_library_was_replaced_is_found(lab: Lab) -> None:
    start(lab)
    both_ways.run(
        lab,
        "library=$(realpath $(ldconfig -p | grep -o '/.*liblxc\\.so\\.1$'))\n"
        "cp $library $library.new\nmv $library.new $library\n"
        "mkdir -p /boot\ntouch /boot/vmlinuz-$(uname -r)",
    )
    found = audit(lab)["LXD-OS-03", "host"]
    assert found.verdict is Outcome.FAIL
    assert "runs with files that were replaced since: " in found.reason
    assert "/liblxc.so.1" in found.reason
    stop(lab)
    start(lab)
    again = audit(lab)["LXD-OS-03", "host"]
    assert again.reason.count("replaced since") == found.reason.count("replaced since") - 1


def audit_daemons(lab: Lab) -> tuple[object, ...]:
    return both_ways.see(lab).daemons
