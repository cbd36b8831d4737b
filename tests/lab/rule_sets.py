"""Random rule sets for nftables and iptables, of everything that the evaluator supports."""

from __future__ import annotations

import random
from collections.abc import Callable

NETWORKS = {
    4: ("10.9.0.0/16", "10.9.200.0/24", "192.0.2.0/24", "198.51.100.0/25", "0.0.0.0/0"),
    6: ("fd09::/64", "fd09:0:0:1::/64", "2001:db8:7::/48", "fe80::/10", "2001:db8::/32"),
}
SINGLE = {
    4: ("10.9.0.2", "10.9.200.3", "192.0.2.7", "198.51.100.9"),
    6: ("fd09::2", "fd09:0:0:1::3", "2001:db8::7", "2001:db8:7::9"),
}
PORTS = ("8443", "22", "443", "8000-9000", "1-1023", "{ 22, 8443 }", "{ 1-400, 8443 }")


class Writer:
    """A writer of one random nftables rule set."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - rules, not secrets
        self._pick = self._random.choice

    def text(self) -> str:
        """Return the rule set for `nft -f`."""
        families = self._random.sample(("inet", "ip", "ip6", "inet"), self._random.randint(1, 3))
        tables = [self.table(f"t{at}", family) for at, family in enumerate(families)]
        return "flush ruleset\n" + "\n".join(tables)

    def table(self, name: str, family: str) -> str:
        flags = self._pick(("",) * 9 + ("flags dormant",))
        jumps = ["one", "two"]
        chains = [
            self.chain("two", family, "", []),
            self.chain("one", family, "", ["two"]),
            self.base("in", family, "input", jumps),
        ]
        if self._random.random() < 0.4:
            chains.append(self.base("pre", family, "prerouting", jumps))
        if self._random.random() < 0.3:
            chains.append(self.nat())
        sets = "".join(self.named(version) for version in self.versions(family))
        return f"table {family} {name} {{\n{flags}\n{sets}{''.join(chains)}}}\n"

    def versions(self, family: str) -> tuple[int, ...]:
        return {"ip": (4,), "ip6": (6,), "inet": (4, 6)}[family]

    def named(self, version: int) -> str:
        kind = "ipv4_addr" if version == 4 else "ipv6_addr"
        some = self._random.sample(NETWORKS[version][1:], 2)
        apart = (NETWORKS[version][2], NETWORKS[version][3])
        verdicts = f"{apart[0]} : accept, {apart[1]} : {self._pick(('drop', 'jump two'))}"
        return (
            f"set known{version} {{ type {kind}; flags interval; auto-merge;"
            f" elements = {{ {', '.join(some)} }}\n }}\n"
            f"map ends{version} {{ type {kind} : verdict; flags interval;"
            f" elements = {{ {verdicts} }}\n }}\n"
        )

    def base(self, name: str, family: str, hook: str, jumps: list[str]) -> str:
        priority = self._pick(("-150", "-10", "0", "0", "10"))
        policy = self._pick(("accept", "accept", "drop"))
        head = f"type filter hook {hook} priority {priority}; policy {policy};"
        if policy == "drop":
            head += "\n meta l4proto ipv6-icmp accept\n"
        return self.chain(name, family, head, jumps)

    def nat(self) -> str:
        rule = f"tcp dport {self._pick(('443', '22', '{ 80, 443 }'))} redirect to :8443"
        condition = self._pick(("", "", self.condition("inet")))
        return f"chain nat {{ type nat hook prerouting priority -100;\n {condition} {rule}\n}}\n"

    def chain(self, name: str, family: str, head: str, jumps: list[str]) -> str:
        rules = [self.rule(family, jumps) for _ in range(self._random.randint(0, 5))]
        return f"chain {name} {{\n {head}\n " + "\n ".join(rules) + "\n}\n"

    def rule(self, family: str, jumps: list[str]) -> str:
        # Neighbour discovery must work, or IPv6 connections never begin.
        conditions = [self.condition(family) for _ in range(self._random.randint(0, 2))]
        ways = ("meta l4proto tcp", "tcp dport 1-65535", "meta l4proto { tcp, udp }")
        spared = self._pick(ways)
        if "{" in spared:
            conditions = [each for each in conditions if "tcp" not in each]
        ends = ["accept", "accept", "drop", "drop", "reject", "return", "continue"]
        ends += [f"jump {chain}" for chain in jumps] + [f"goto {chain}" for chain in jumps]
        version = self._pick(self.versions(family))
        family_word = "ip" if version == 4 else "ip6"
        maps = (
            "tcp dport vmap { 22 : accept, 443 : drop, 8000-9000 : continue }",
            f"{family_word} saddr vmap @ends{version}" if jumps != [] else "continue",
            "meta mark set 7",
            "counter",
            "notrack" if self._random.random() < 0.05 else "continue",
        )
        end = self._pick(ends) if self._random.random() < 0.85 else self._pick(maps)
        return " ".join((spared, *conditions, self._pick(("", "", "counter")), end))

    def condition(self, family: str) -> str:
        version = self._pick(self.versions(family))
        word = "ip" if version == 4 else "ip6"
        makers: tuple[Callable[[], str], ...] = (
            lambda: f"{word} saddr {self.sign()}{self._pick(NETWORKS[version])}",
            lambda: f"{word} saddr {self.sign()}{self._pick(SINGLE[version])}",
            lambda: f"{word} saddr {self.sign()}@known{version}",
            lambda: f"{word} saddr {self.sign()}{{ {', '.join(SINGLE[version][:3])} }}",
            lambda: f"{word} saddr . tcp dport {{ {self._pick(SINGLE[version])} . 8443 }}",
            lambda: f"tcp dport {self._pick(PORTS)}",
            lambda: f"tcp dport != {self._pick(PORTS)}",
            lambda: f"th dport {self._pick(PORTS[:3])}",
            lambda: f"tcp dport {self._pick(('>', '<', '>=', '<='))} 443",
            lambda: f'iifname {self.sign()}"{self._pick(("s0", "s1", "s*", "x*"))}"',
            lambda: f'iif "{self._pick(("s0", "lo"))}"',
            lambda: f"ct state {self._pick(('new', 'established,related', '!= new'))}",
            lambda: "ct state vmap { established : accept, new : continue }",
            lambda: f"meta nfproto {self._pick(('ipv4', 'ipv6'))}" if family == "inet" else "",
            lambda: f"meta mark {self.sign()}7",
            lambda: "fib daddr type local",
            lambda: f"tcp flags {self._pick(('syn', '& (syn|ack) == syn', '!= syn'))}",
            lambda: "@th,16,16 8443",
            lambda: f"{word} saddr & {MASKS[version]} == {self.masked(version)}",
            lambda: "ct status dnat",
        )
        return self._pick(makers)()

    def sign(self) -> str:
        return self._pick(("", "", "!= "))

    def masked(self, version: int) -> str:
        return self._pick(("0.0.0.2", "0.0.0.7") if version == 4 else ("::2", "::7"))


MASKS = {4: "0.0.0.255", 6: "::ff"}


class XtWriter:
    """A writer of one random rule set for iptables-restore or ip6tables-restore."""

    def __init__(self, seed: int, version: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - rules, not secrets
        self._pick = self._random.choice
        self._version = version

    def text(self) -> str:
        """Return the tables filter and mangle, sometimes with nat."""
        policy = self._pick(("ACCEPT", "ACCEPT", "DROP"))
        lines = ["*filter", f":INPUT {policy}", ":FORWARD ACCEPT", ":OUTPUT ACCEPT"]
        lines += [":one -", ":two -"]
        if self._version == 6:
            lines.append("-A INPUT -p ipv6-icmp -j ACCEPT")
        lines += [self.rule("two", []) for _ in range(self._random.randint(0, 3))]
        lines += [self.rule("one", ["two"]) for _ in range(self._random.randint(0, 3))]
        lines += [self.rule("INPUT", ["one", "two"]) for _ in range(self._random.randint(1, 6))]
        lines += ["COMMIT", "*mangle", ":PREROUTING ACCEPT", ":INPUT ACCEPT"]
        if self._random.random() < 0.4:
            lines.append(f"-A PREROUTING -p tcp {self.condition()} -j MARK --set-mark 7")
        lines += ["COMMIT", "*nat", ":PREROUTING ACCEPT", ":INPUT ACCEPT", ":OUTPUT ACCEPT"]
        if self._random.random() < 0.4:
            lines.append("-A PREROUTING -p tcp --dport 443 -j REDIRECT --to-ports 8443")
        return "\n".join([*lines, "COMMIT", ""])

    def rule(self, chain: str, jumps: list[str]) -> str:
        conditions = [self.condition() for _ in range(self._random.randint(0, 2))]
        ends = ["-j ACCEPT", "-j ACCEPT", "-j DROP", "-j DROP", "-j RETURN",
                "-j REJECT --reject-with tcp-reset"]  # fmt: skip
        ends += [f"-j {each}" for each in jumps] + [f"-g {each}" for each in jumps]
        return f"-A {chain} -p tcp {' '.join(conditions)} {self._pick(ends)}"

    def condition(self) -> str:
        networks, single = NETWORKS[self._version], SINGLE[self._version]
        sign = self._pick(("", "", "! "))
        makers: tuple[Callable[[], str], ...] = (
            lambda: f"{sign}-s {self._pick(networks)}",
            lambda: f"{sign}-s {self._pick(single)}",
            lambda: f"-m tcp {sign}--dport {self._pick(('8443', '22', '1:1023', '8000:9000'))}",
            lambda: f"-m multiport {sign}--dports {self._pick(('22,443', '22,8000:9000'))}",
            lambda: f"{sign}-i {self._pick(('s0', 's1', 's+', 'x+'))}",
            lambda: f"-m conntrack {sign}--ctstate {self._pick(('NEW', 'RELATED,ESTABLISHED'))}",
            lambda: "-m state --state NEW",
            lambda: f"-m iprange {sign}--src-range {single[0]}-{single[1]}",
            lambda: f"-m mark {sign}--mark 0x7",
            lambda: "-m tcp --syn",
            lambda: f"-m tcp {sign}--tcp-flags SYN,ACK,RST SYN",
            lambda: "-m addrtype --dst-type LOCAL",
            lambda: '-m comment --comment "a -j DROP comment"',
        )
        found = self._pick(makers)()
        return "" if found.startswith("! -s 0.0.0.0/0") else found
