"""LXD-BRI-09 against the kernel: router advertisements really sent, past ACLs and rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_lxdsec.firewall.frames import encode
from pytest_lxdsec.firewall.spoofing import frame_kinds
from pytest_lxdsec.lab import scenarios
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import Outcome
from tests.support import judging

from . import both_ways, kernel_agreement, required

BRIDGE = scenarios.BRIDGE
KINDS = ("ra_rogue", "ra_rogue_dstopts", "ra_rogue_hbh")
CONTROL = ("LXD-BRI-09", f"network/default/{BRIDGE}")
ACL = f"lxc network acl create shut; lxc network set {BRIDGE} security.acls=shut"
NO_ACL = f"lxc network unset {BRIDGE} security.acls; lxc network acl delete shut"
SITE = (
    "nft add table inet site; "
    "nft 'add chain inet site in {{ type filter hook input priority 0 ; }}'; "
    "nft 'add rule inet site in iifname \"lxdbr0\" {}'"
)
NO_SITE = "nft delete table inet site"


@pytest.fixture(scope="module")
def sender() -> Iterator[kernel_agreement.Sender]:
    """Yield an instance that sends frames, on a bridge whose host accepts advertisements."""
    with (
        required.throw_away(kernel_agreement.SCENARIO) as lab,
        kernel_agreement.sender(lab) as here,
    ):
        run(here, f"sysctl -w net/ipv6/conf/{BRIDGE}/accept_ra=2")
        yield here


def run(sender: kernel_agreement.Sender, script: str) -> str:
    done = sender.lab.shell(script)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


# The kernel learns the route a moment after the frame has passed the bridge.
LEARNT = f"""
for _ in 1 2 3 4 5 6 7 8; do
    found=$(ip -6 route show dev {BRIDGE} proto ra)
    [ -z "$found" ] || break
    sleep 0.05
done
echo "$found" | grep . || true
"""


def learnt(sender: kernel_agreement.Sender) -> tuple[str, ...]:
    """Return the kinds of advertisements from which the host learns a route."""
    frames = frame_kinds.every(sender.nic, sender.around)
    found = []
    for kind in KINDS:
        tries = (sender.send([encode.octets(frames[kind])]) for _ in range(kernel_agreement.TRIES))
        # At the bridge, in front of all rules of the host.
        assert any(arrived for [(arrived, _, _)] in tries), kind
        if run(sender, LEARNT):
            found.append(kind)
        run(sender, f"ip -6 route flush dev {BRIDGE} proto ra")
    return tuple(found)


def judged(sender: kernel_agreement.Sender) -> Result:
    return judging.judge(both_ways.see(sender.lab))[CONTROL]


@pytest.mark.parametrize(
    ("sets", "unsets", "routes"),
    [
        pytest.param("true", "true", KINDS, id="nothing"),
        pytest.param(ACL, NO_ACL, (), id="ACL"),
        pytest.param(SITE.format("icmpv6 type nd-router-advert drop"), NO_SITE, (), id="rule"),
        pytest.param(
            SITE.format("ip6 nexthdr ipv6-icmp @nh,320,8 134 drop"),
            NO_SITE,
            KINDS[1:],
            id="rule that headers hide from",
        ),
        pytest.param(
            SITE.format("icmpv6 type nd-router-solicit drop"), NO_SITE, KINDS, id="another rule"
        ),
    ],
)
def test_verdict_matches_the_fate_of_advertisements(
    sender: kernel_agreement.Sender, sets: str, unsets: str, routes: tuple[str, ...]
) -> None:
    run(sender, sets)
    try:
        assert learnt(sender) == routes
        assert judged(sender).verdict is (Outcome.FAIL if routes else Outcome.PASS)
    finally:
        run(sender, unsets)
