"""Repairs for the next boot, checked by a real one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from pytest_lxdsec.lab import scenario as scenarios
from pytest_lxdsec.policy import policy_file
from pytest_lxdsec.verdict import Outcome
from tests.lab.both_ways import Key, Verdicts
from tests.support import judging

from . import both_ways, required, vm

PLAIN = ("LXD-NAM-03", f"instance/default/{scenarios.PLAIN}")
OTHERS = [
    one.name
    for one in scenarios.DEFAULT.instances
    if one.project == scenarios.DEFAULT_PROJECT
    and one.state is not scenarios.State.STOPPED
    and one.name != scenarios.PLAIN
]
NAMES_AT_BOOT, NAMES_NOW = ("LXD-NAM-04", "host"), ("LXD-NAM-01", "host")
RUNNING, REACHED = ("LXD-OS-03", "host"), ("LXD-API-03", "host")

ADMINS = policy_file.Policy(allowed_sources=(ipaddress.ip_network("10.0.2.0/24"),))
# One family by nftables' own service and one by iptables-nft, loaded like in their packages.
RULES = """\
echo 'table ip6 api {
    chain input {
        type filter hook input priority filter
        iifname != "lo" tcp dport 8443 drop
    }
}' > /etc/nftables.conf
systemctl --quiet enable nftables.service
iptables-nft -A INPUT ! -i lo ! -s 10.0.2.0/24 -p tcp --dport 8443 -j DROP
mkdir --parents /etc/iptables
iptables-nft-save > /etc/iptables/rules.v4
iptables-nft --flush INPUT
echo '[Unit]
Before=network-pre.target
[Service]
Type=oneshot
ExecStart=/usr/sbin/iptables-nft-restore --noflush /etc/iptables/rules.v4
[Install]
WantedBy=multi-user.target' > /etc/systemd/system/iptables.service
systemctl --quiet enable iptables.service
"""


@pytest.fixture(scope="module")
def to_boot(at_rest: Verdicts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[vm.Vm]:
    """Yield a separate host that was repaired for the next boot only."""
    found = at_rest[NAMES_AT_BOOT].finding
    assert found is not None
    with required.running(tmp_path_factory.mktemp("reboot")) as host:
        # Like packages whose update waits for a boot.
        host.shell(f"{found.remedy.command}\n{RULES}\ntouch /run/reboot-required")
        # One instance is enough; the others would only take time to stop and to start.
        host.shell(f"lxc stop --force {' '.join(OTHERS)}")
        host.shell(f"lxc stop --force --project {scenarios.TENANTS} {scenarios.TWIN}")
        yield host


@pytest.fixture(scope="module")
def before(to_boot: vm.Vm) -> Verdicts:
    return both_ways.judge(to_boot, site=ADMINS)


@pytest.fixture(scope="module")
def rebooted(to_boot: vm.Vm, before: Verdicts) -> vm.Vm:
    del before  # its fixture ran before the boot
    to_boot.reboot()
    return to_boot


@pytest.fixture(scope="module")
def after(rebooted: vm.Vm) -> Verdicts:
    return both_ways.judge(rebooted, site=ADMINS)


@pytest.mark.parametrize("key", [NAMES_NOW, PLAIN, RUNNING, REACHED])
def test_repairs_for_the_next_boot_hold_after_it(
    before: Verdicts, after: Verdicts, key: Key
) -> None:
    assert before[key].verdict is Outcome.FAIL, before[key].reason
    assert after[key].verdict is Outcome.PASS, after[key].reason


def test_files_closed_at_boot_are_closed_before_it(before: Verdicts, after: Verdicts) -> None:
    for said in (before, after):
        assert said[NAMES_AT_BOOT].verdict is Outcome.PASS, said[NAMES_AT_BOOT].reason


@pytest.mark.parametrize(
    ("opens", "closes", "finding"),
    [
        (
            "nft delete table ip6 api",
            "nft --file /etc/nftables.conf",
            ":8443 from any IPv6 address, by ",
        ),
        (
            "iptables-nft --flush INPUT",
            "iptables-nft-restore --noflush /etc/iptables/rules.v4",
            ":8443 from any other IPv4 address, by ",
        ),
    ],
    ids=["nftables", "iptables-nft"],
)
def test_each_of_the_loaded_rules_was_needed(
    rebooted: vm.Vm, after: Verdicts, opens: str, closes: str, finding: str
) -> None:
    del after  # its fixture ran first
    rebooted.shell(opens)
    result = both_ways.judge(rebooted, site=ADMINS)[REACHED]
    rebooted.shell(closes)
    assert result.verdict is Outcome.FAIL, result.reason
    assert finding in judging.text(result)
