"""The evaluator against the kernel: random frames, really sent by an instance.

For every setting of the instance's filters: read the rules, send frames, and compare the frames
that reached the host and the other instance with the evaluator's verdicts on the rules.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import pathlib
import random
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_lxdsec.firewall.evaluation import evaluate
from pytest_lxdsec.firewall.frames import encode, ethernet
from pytest_lxdsec.firewall.frames.ethernet import Frame
from pytest_lxdsec.firewall.model import packet, protocol_numbers, rules
from pytest_lxdsec.firewall.parsers import ebtables, iptables, nft, nft_shims
from pytest_lxdsec.firewall.spoofing import frame_kinds, grammar, guarantees, shape_cache, trial
from pytest_lxdsec.firewall.spoofing.filtered_nic import FilteredNic, Surroundings
from pytest_lxdsec.lab import Lab, scenarios

SENDER, PEER = "sender", "peer"
IPV4, IPV6 = "10.85.3.7", "fd85:5ec::3:7"
BATCH = 128  # Frames; a network device queues more than these before it drops.
TRIES = 4  # A frame may be lost by chance.
_MAC, _V4, _V6 = (f"security.{name}_filtering" for name in ("mac", "ipv4", "ipv6"))
_NO_V4, _NO_V6 = {"ipv4.address": "none"}, {"ipv6.address": "none"}
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "mac": {_MAC: "true"},
    "ipv4": {_V4: "true"},
    "ipv6": {_V6: "true"},
    "all": {_MAC: "true", _V4: "true", _V6: "true"},
    "v4none": {_V4: "true", **_NO_V4},
    "v6none": {_V6: "true", **_NO_V6},
    "bothnone": {_V4: "true", _V6: "true", **_NO_V4, **_NO_V6},
    "v4+v6none": {_V4: "true", _V6: "true", **_NO_V6},
    "routes": {
        _V4: "true",
        _V6: "true",
        "ipv4.routes": "198.51.100.0/24",
        "ipv6.routes": "2001:db8:7::/48",
    },
    "site": {},
}
# A site's own rules on its bridges, before and behind LXD's rules.
SITE = """
table bridge site {
    chain before {
        type filter hook prerouting priority -300
        iifname . ether type { "veth0" . arp, "other0" . ip } drop
        ether daddr ff:ff:ff:ff:ff:ff udp dport vmap { 53 : drop, 67 : accept }
    }
    chain first {
        type filter hook input priority -300
        ether type 0x88b5 drop
        oifname "veth*" drop
    }
    chain last {
        type filter hook forward priority 0
        oifname "veth*" udp dport 53 drop
        ip saddr . udp dport { 10.85.3.7 . 68, 10.85.3.7 . 9 } jump more
        ether type != { arp, ip, ip6, 0x88cc } goto more
    }
    chain more {
        ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 return
        drop
    }
}
"""
SITES: Mapping[str, str] = {"site": SITE}
DEVICE = {"type": "nic", "name": "eth0", "network": scenarios.BRIDGE}
SCENARIO = dataclasses.replace(
    scenarios.BARE,
    name="agreement",
    instances=(scenarios.Instance(name=SENDER), scenarios.Instance(name=PEER)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A frame on which the kernel and the evaluator disagree."""

    setting: str
    hook: str
    octets: str
    evaluated: str
    arrived: bool


@dataclass(slots=True, kw_only=True)
class Count:
    """The numbers of compared frames and verdicts, and the mismatches."""

    frames: int = 0
    verdicts: int = 0
    accepted: int = 0
    unknown: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Sender:
    """The instance that sends frames: its lab, its NIC, and the injector."""

    lab: Lab
    injector: subprocess.Popen[str]
    around: Surroundings
    peer_mac: str
    nic: FilteredNic

    def send(self, batch: list[bytes]) -> list[tuple[bool, bool, bool]]:
        """Send frames; return for each if the bridge, the other instance and the host got it."""
        assert self.injector.stdin is not None
        assert self.injector.stdout is not None
        self.injector.stdin.write(json.dumps([octets.hex() for octets in batch]) + "\n")
        self.injector.stdin.flush()
        return [(host, peer, ip) for host, peer, ip in json.loads(self.injector.stdout.readline())]

    def set(self, setting: Mapping[str, str], site: str = "") -> rules.RuleSet:
        """Set the sender's filters and a site's rules; return the rules in the kernel."""
        device = {**DEVICE, "ipv4.address": IPV4, "ipv6.address": IPV6, **setting}
        for family, filters in (("ipv4", _V4), ("ipv6", _V6)):
            if filters not in setting and setting.get(f"{family}.address") == "none":
                raise ValueError(f"LXD refuses {family}.address=none without its filter")
        # LXD does not recognise its own rules in the output of the nft-based ebtables.
        self.lab.shell("nft flush table bridge filter; nft flush chain ip6 filter lxd_nic_lxdbr0")
        query(self.lab, "PATCH", f"/1.0/instances/{SENDER}", {"devices": {"eth0": device}})
        done = self.lab.shell(f"nft delete table bridge site; nft -f - <<'E'\n{site}\nE")
        assert done.returncode == 0, done.stderr.decode()
        return read_rules(self.lab)


@contextlib.contextmanager
def sender(lab: Lab) -> Iterator[Sender]:
    """Run the injector in a lab of `SCENARIO` for the length of a `with` block."""
    pids = {name: _state(lab, name)["pid"] for name in (SENDER, PEER)}
    arguments = {"sender": pids[SENDER], "peer": pids[PEER], "bridge": scenarios.BRIDGE}
    script = pathlib.Path(__file__).with_name("injector.py").read_text()
    command = lab.command("python3", "-c", script, json.dumps(arguments))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as injector:
        try:
            yield _sender(lab, injector)
        finally:
            assert injector.stdin is not None
            injector.stdin.close()


def _sender(lab: Lab, injector: subprocess.Popen[str]) -> Sender:
    address = query(lab, "GET", f"/1.0/networks/{scenarios.BRIDGE}/state")["hwaddr"]
    config = query(lab, "GET", f"/1.0/instances/{SENDER}")["config"]
    peer = query(lab, "GET", f"/1.0/instances/{PEER}")["config"]
    nic = FilteredNic(
        interface=config["volatile.eth0.host_name"],
        bridge=scenarios.BRIDGE,
        mac=config["volatile.eth0.hwaddr"],
        ipv4=(ipaddress.IPv4Network(IPV4),),
        ipv6=(ipaddress.IPv6Network(IPV6),),
    )
    around = Surroundings(
        bridge_mac=address,
        bridge_ipv4=ipaddress.IPv4Address(scenarios.BRIDGE_ADDRESS),
        bridge_ipv6=ipaddress.IPv6Address("fd85:5ec::1"),
    )
    mac = peer["volatile.eth0.hwaddr"]
    return Sender(lab=lab, injector=injector, around=around, peer_mac=mac, nic=nic)


def query(lab: Lab, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Send one request to the lab's LXD and return the metadata."""
    data = [] if body is None else ["--data", json.dumps(body)]
    done = lab.run("lxc", "query", "--wait", "--request", method, *data, path)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout) if done.stdout.strip() else None


def _state(lab: Lab, name: str) -> dict[str, Any]:
    found: dict[str, Any] = query(lab, "GET", f"/1.0/instances/{name}/state")
    return found


def read_rules(lab: Lab) -> rules.RuleSet:
    """Return the rules that are in the lab's kernel now."""
    document, listing, four, six, bridge = (
        lab.shell(command).stdout.decode()
        for command in (
            "nft -j list ruleset",
            "nft --debug=netlink list ruleset",
            *(f"{name}-nft-save" for name in ("iptables", "ip6tables", "ebtables")),
        )
    )
    saved = iptables.decode(four, "ip") + iptables.decode(six, "ip6") + ebtables.decode(bridge)
    known = nft_shims.overlay(nft.decode(document, listing), saved)
    return dataclasses.replace(known, handed_over=("ip", "ip6"))


def part(sender: Sender, setting: str) -> rules.RuleSet:
    """Return the rules that can match the sender's frames, under one setting."""
    ruleset = sender.set(SETTINGS[setting], SITES.get(setting, ""))
    return shape_cache.ShapeCache(ruleset).part(sender.nic, guarantees.ADVERTISEMENTS)


def compare(sender: Sender, setting: str, count: Count, *, seed: int, amount: int) -> None:
    """Send the known kinds and `amount` random frames under one setting."""
    ruleset = part(sender, setting)
    generator = random.Random(seed)  # noqa: S311 - frames, not secrets
    found: dict[bytes, Frame] = {}
    for frame in frame_kinds.every(sender.nic, sender.around).values():
        if packet.is_passed_on(encode.octets(frame)):
            found[encode.octets(frame)] = frame
    while len(found) < amount:
        made = grammar.frame(lambda: generator.random() < 0.5, sender.nic, sender.around)
        to = generator.choice((ethernet.BROADCAST, sender.around.bridge_mac, sender.peer_mac))
        frame = dataclasses.replace(made, destination=to)
        found[encode.octets(frame)] = frame
    octets = list(found)
    for at in range(0, len(octets), BATCH):
        _compare(sender, setting, count, ruleset, octets[at : at + BATCH])


def _compare(
    sender: Sender, setting: str, count: Count, ruleset: rules.RuleSet, batch: list[bytes]
) -> None:
    judged = [_verdicts(sender, ruleset, octets) for octets in batch]
    arrived = dict(zip(batch, sender.send(batch), strict=True))
    for _ in range(TRIES - 1):
        missing = [
            octets
            for octets, verdicts in zip(batch, judged, strict=True)
            if any(verdict.is_accepted and not arrived[octets][at] for at, verdict in verdicts)
        ]
        if not missing:
            break
        for octets, again in zip(missing, sender.send(missing), strict=True):
            host, peer, ip = (any(pair) for pair in zip(arrived[octets], again, strict=True))
            arrived[octets] = (host, peer, ip)
    for octets, verdicts in zip(batch, judged, strict=True):
        count.frames += 1
        for at, verdict in verdicts:
            _note(count, setting, octets, at, verdict, arrived[octets][at])


def _note(  # noqa: PLR0913, PLR0917 - a mismatch reports all of them
    count: Count,
    setting: str,
    octets: bytes,
    at: int,
    verdict: evaluate.Verdict,
    arrived: bool,  # noqa: FBT001 - an observation
) -> None:
    count.verdicts += 1
    count.accepted += verdict.is_accepted
    if verdict.decision is evaluate.Decision.UNKNOWN:
        count.unknown += 1
    elif verdict.is_accepted is not arrived:
        hook = ("input", "forward")[at]
        count.mismatches.append(
            Mismatch(
                setting=setting,
                hook=hook,
                octets=octets.hex(),
                evaluated=verdict.reason,
                arrived=arrived,
            )
        )


def _verdicts(
    sender: Sender, ruleset: rules.RuleSet, octets: bytes
) -> list[tuple[int, evaluate.Verdict]]:
    """Return the verdicts at the hooks that the frame's destination leads to.

    At the host, IP's rules do not count: the tap at the bridge is in front of them.
    """
    to = octets[:6].hex(":")
    verdicts = []
    if to != sender.peer_mac:
        verdicts.append((0, trial.judge(ruleset, sender.nic, octets, "input")))
    if to != sender.around.bridge_mac:
        verdicts.append(
            (1, trial.decide_behind(ruleset, _way(sender, "forward", trial.ELSEWHERE), octets))
        )
    return verdicts


def _way(sender: Sender, hook: str, out: str = "") -> trial.Path:
    return trial.Path(nic=sender.nic, hook=hook, out=out)


def compare_advertisements(
    sender: Sender, setting: str, count: Count, *, seed: int, amount: int
) -> None:
    """Send the neighbour advertisements for the host among `amount` random frames.

    The advertisements that the host accepts are compared with the rules of the bridge and of IP.
    """
    ruleset = part(sender, setting)
    generator = random.Random(seed)  # noqa: S311 - frames, not secrets
    made = list(frame_kinds.every(sender.nic, sender.around).values())
    made += [
        grammar.frame(lambda: generator.random() < 0.5, sender.nic, sender.around)
        for _ in range(amount)
    ]
    # The host's socket shows the ICMPv6 message only, so each message is sent once.
    made = [dataclasses.replace(each, destination=sender.around.bridge_mac) for each in made]
    by_body = {body: encode.octets(each) for each in made if (body := _for_the_host(sender, each))}
    for at in range(0, len(by_body), BATCH):
        batch = list(by_body.values())[at : at + BATCH]
        for octets, arrived in zip(batch, sender.send(batch), strict=True):
            verdict = trial.decide_behind(ruleset, _way(sender, "input"), octets)
            count.frames += 1
            _note(count, setting, octets, 0, verdict, arrived[2])


def _for_the_host(sender: Sender, frame: Frame) -> bytes:
    """Return the ICMPv6 message of an advertisement that the host's kernel accepts, else b""."""
    packet_ = frame.content
    if frame.tags or not isinstance(packet_, ethernet.Ipv6):
        return b""
    content = packet_.content
    is_plain = all(
        isinstance(each, ethernet.Options) and each.number == protocol_numbers.DESTINATION
        for each in packet_.extensions
    )
    if not is_plain or len(packet_.extensions) > 1 or packet_.source.is_multicast:
        return b""
    if (
        not isinstance(content, ethernet.Neighbour)
        or content.type != protocol_numbers.NEIGHBOUR_ADVERT
    ):
        return b""
    if packet_.destination != sender.around.bridge_ipv6 or frame.trailer:
        return b""
    return encode.segment(content, packet_.source, packet_.destination)[1]


def run(lab: Lab, *, amount: int, seed: int = 1, settings: tuple[str, ...] = ()) -> Count:
    """Compare `amount` frames in each of the settings; in all settings if none is named."""
    count = Count()
    with sender(lab) as here:
        for number, setting in enumerate(settings or SETTINGS):
            compare(here, setting, count, seed=seed * 100 + number, amount=amount)
    return count


def run_advertisements(lab: Lab, *, amount: int, seed: int = 1) -> Count:
    """Compare the advertisements among `amount` random frames, in each setting."""
    count = Count()
    with sender(lab) as here:
        for number, setting in enumerate(SETTINGS):
            compare_advertisements(here, setting, count, seed=seed * 100 + number, amount=amount)
    return count
