"""The evaluator against the kernel: random rule sets, and real connections to the host.

It uses two network namespaces with two veth pairs between them; neither LXD nor the machine's own
network takes part.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_lxdsec.firewall.evaluation import evaluate, reachable_sources
from pytest_lxdsec.firewall.evaluation.evaluate import Decision
from pytest_lxdsec.firewall.model import rules
from pytest_lxdsec.firewall.parsers import iptables, nft, nft_shims

from . import rule_sets

HOST = {4: "10.9.0.1", 6: "fd09::1"}
# By veth pair: both ends, and the source addresses behind it.
SOURCES = {
    "s0": ("c0", ("10.9.0.2", "192.0.2.7", "fd09::2", "2001:db8::7")),
    "s1": ("c1", ("10.9.200.3", "198.51.100.9", "fd09:0:0:1::3", "2001:db8:7::9")),
}
LISTENING = (8443, 22)
TRIED = (*LISTENING, 443)
QUICK, PATIENT = 0.05, 0.5  # seconds to wait for an answer
FLUSH = ("nft", "flush", "ruleset")
PRINT = (("nft", "-j", "list", "ruleset"), ("nft", "--debug=netlink", "list", "ruleset"))


def plan() -> dict[str, Any]:
    """Return the plan of the namespaces for the connector."""
    commands: list[list[str]] = [["host", "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0"]]
    for near, (far, sources) in SOURCES.items():
        for space, name in (("host", near), ("other", far)):
            commands.append([space, "sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0"])
            commands.append([space, "sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0"])
        for source in sources:
            commands += _routes(near, far, source)
    # An interface without an address of its own neither answers neighbours nor redirects.
    commands += [
        ["host", "ip", "addr", "add", f"{HOST[version]}/{length}", "dev", near, *flags]
        for near in SOURCES
        for version, length, flags in ((4, 32, ()), (6, 128, ("nodad",)))
    ]
    # The evaluator judges a connection's first packet: the sources send no other packets.
    chain = "{ type filter hook output priority 0; tcp flags & syn == 0 drop; }"
    commands += [
        ["other", "nft", "add", "table", "inet", "first"],
        ["other", "nft", f"add chain inet first out {chain}"],
        ["host", "sysctl", "-qw", "net.ipv4.tcp_synack_retries=0"],
    ]
    wires = [[near, far] for near, (far, _) in SOURCES.items()]
    return {"wires": wires, "commands": commands, "ports": list(LISTENING)}


def _routes(near: str, far: str, source: str) -> list[list[str]]:
    version = ipaddress.ip_address(source).version
    length, word = (32, "-4") if version == 4 else (128, "-6")
    flags = [] if version == 4 else ["nodad"]
    host = f"{HOST[version]}/{length}"
    table = str(100 + sorted(SOURCES).index(near))
    return [
        ["other", "ip", word, "addr", "add", f"{source}/{length}", "dev", far, *flags],
        ["host", "ip", word, "route", "add", f"{source}/{length}", "dev", near],
        ["other", "ip", word, "route", "replace", host, "dev", far, "table", table],
        ["other", "ip", word, "rule", "add", "from", source, "lookup", table],
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A connection on which the kernel and the evaluator disagree."""

    name: str
    tried: tuple[str, str, int]
    evaluated: str
    got_through: bool
    ruleset: str


@dataclass(slots=True, kw_only=True)
class Count:
    """The numbers of compared rule sets and connections, and the mismatches."""

    rule_sets: int = 0
    connections: int = 0
    accepted: int = 0
    unknown: int = 0
    refused: int = 0
    unreadable: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Connector:
    """The running connector, see `connector.py`."""

    process: subprocess.Popen[str]

    def ask(self, **what: Any) -> dict[str, Any]:
        """Send one document to the connector, and return its answer.

        Raises:
            AssertionError: The connector has failed; the reason is on standard error.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the connector has failed"
        found: dict[str, Any] = json.loads(line)
        return found


@contextlib.contextmanager
def connector() -> Iterator[Connector]:
    """Run the connector in new namespaces; they end with the `with` block."""
    script = pathlib.Path(__file__).with_name("connector.py").read_text()
    command = ["unshare", "--net", sys.executable, "-I", "-c", script, json.dumps(plan())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Connector(process=process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


Try = tuple[str, str, str, int]  # source, device there, device here, port


def tries() -> list[Try]:
    """Return a connection from every source to every port."""
    return [
        (source, far, near, port)
        for near, (far, sources) in SOURCES.items()
        for source in sources
        for port in TRIED
    ]


def of_nft(here: Connector, seed: int, count: Count) -> None:
    """Compare one nftables rule set."""
    text = rule_sets.Writer(seed).text()
    answer = _ask(here, [(("nft", "-f", "-"), text)], PRINT, QUICK)
    if "refused" in answer:
        count.refused += 1
        return
    try:
        ruleset = nft.decode(*answer["printed"])
    except nft.NotUnderstood:
        # nft 1.0.6 prints stray memory, even NUL bytes, for the flags of a dormant table.
        assert "flags dormant" in answer["printed"][1], text
        count.unreadable += 1
        return
    _compare(here, f"nft {seed}", ruleset, answer["through"], count, text)


def tools() -> tuple[str, ...]:
    """Return the kinds of iptables on this machine: `legacy`, `nft`."""
    return tuple(kind for kind in ("legacy", "nft") if shutil.which(f"iptables-{kind}-restore"))


def of_iptables(here: Connector, kind: str, seed: int, count: Count) -> None:
    """Compare one rule set of iptables and ip6tables."""
    names = {4: f"iptables-{kind}", 6: f"ip6tables-{kind}"}
    texts = {version: rule_sets.XtWriter(seed, version).text() for version in names}
    apply = [((f"{names[version]}-restore",), text) for version, text in texts.items()]
    asked = [*((f"{name}-save",) for name in names.values()), *PRINT]
    answer = _ask(here, [(FLUSH, ""), *apply], asked, QUICK)
    if "refused" in answer:
        count.refused += 1
        return
    four, six, document, listing = answer["printed"]
    saved = iptables.decode(four, "ip") + iptables.decode(six, "ip6")
    known = nft.decode(document, listing)
    ruleset = nft_shims.overlay(known, saved) if kind == "nft" else known + saved
    _compare(here, f"{kind} {seed}", ruleset, answer["through"], count, "\n".join(texts.values()))


def clear(here: Connector, kind: str) -> None:
    """Remove the rules of iptables."""
    empty = "*filter\n:INPUT ACCEPT\nCOMMIT\n*mangle\n:PREROUTING ACCEPT\nCOMMIT\n"
    empty += "*nat\n:PREROUTING ACCEPT\nCOMMIT\n"
    apply = [((f"{name}tables-{kind}-restore",), empty) for name in ("ip", "ip6")]
    here.ask(apply=[*apply, (FLUSH, "")], tries=[], patience=0)


def _ask(
    here: Connector,
    apply: Sequence[tuple[Sequence[str], str]],
    asked: Sequence[Sequence[str]],
    patience: float,
) -> dict[str, Any]:
    wanted = [[s, far, HOST[ipaddress.ip_address(s).version], port] for s, far, _, port in tries()]
    return here.ask(apply=apply, print=asked, tries=wanted, patience=patience)


def _compare(  # noqa: PLR0913, PLR0917 - a mismatch reports all of them
    here: Connector,
    name: str,
    ruleset: rules.RuleSet,
    through: Sequence[bool],
    count: Count,
    text: str,
) -> None:
    verdicts = [_verdict(ruleset, each) for each in tries()]
    if any(_differs(verdict, got) for verdict, got in zip(verdicts, through, strict=True)):
        through = _ask(here, (), (), PATIENT)["through"]
    count.rule_sets += 1
    for each, verdict, got in zip(tries(), verdicts, through, strict=True):
        count.connections += 1
        count.accepted += verdict.is_accepted
        count.unknown += verdict.decision is Decision.UNKNOWN
        if _differs(verdict, got):
            tried = (each[0], each[2], each[3])
            count.mismatches.append(
                Mismatch(
                    name=name,
                    tried=tried,
                    evaluated=verdict.reason,
                    got_through=got,
                    ruleset=text,
                )
            )


def _differs(verdict: evaluate.Verdict, got: bool) -> bool:  # noqa: FBT001 - an observation
    return verdict.decision is not Decision.UNKNOWN and verdict.is_accepted is not got


def _verdict(ruleset: rules.RuleSet, tried: Try) -> evaluate.Verdict:
    """Return the evaluator's verdict; a port without a listener counts as dropped."""
    source, _, interface, port = tried
    address = ipaddress.ip_address(source)
    seen = reachable_sources.syn(
        address,
        ipaddress.ip_address(HOST[address.version]),
        source_port=40000,
        port=port,
        iifname=interface,
    )
    verdict = evaluate.path(ruleset, dataclasses.replace(seen, free=()))
    if verdict.is_accepted and (verdict.state.port or port) not in LISTENING:
        return dataclasses.replace(verdict, decision=Decision.DROP, reason="no listener")
    return verdict
