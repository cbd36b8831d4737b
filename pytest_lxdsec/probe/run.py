"""All probes of one server, one after the other; gives the part `trials` of the evidence.

Imports the rest of this package, `evidence`, `firewall` and `transport`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import ipaddress
import itertools
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..checks.bridged_nics import probe_dns
from ..errors import LxdsecError
from ..evidence import model, parts, probe_project
from ..evidence.objects import Network
from ..firewall.frames import encode, ethernet
from ..firewall.model import packet
from ..firewall.spoofing import frame_kinds
from ..inventory.nic_settings import Bridged, Routed
from ..lxd import config_values
from ..transport import Api, Shell
from ..verdict import CannotTell, NotAssessed
from . import injector_call, plan, senders, stage

Entry = dict[str, Any]
DEFAULT_DOMAIN = "lxd"  # driver_bridge.go: where dns.domain is not set


def run(
    evidence: model.Evidence,
    api: Api,
    shell: Shell | None,
    *,
    interrupted: threading.Event,
    told: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Any]:
    """Try everything that the server's settings ask for.

    Args:
        evidence: What was seen of the server, without probes.
        api: The way to its API.
        shell: The way to its host.
        interrupted: Set when nothing more shall be begun.
        told: Hears of each trial that begins.
    """
    try:
        return {parts.VALUE: _run(evidence, api, shell, interrupted, told)}
    except NotAssessed as missing:
        return {parts.NOT_ASSESSED: str(missing)}
    except (CannotTell, LxdsecError) as error:
        return {parts.MISSING: str(error)}


def _run(
    evidence: model.Evidence,
    api: Api,
    shell: Shell | None,
    interrupted: threading.Event,
    told: Callable[[str], None],
) -> Entry:
    if shell is None:
        raise NotAssessed("probes need a shell on the host: add ?shell=ssh://USER@HOST")
    wanted = plan.of(evidence)
    environment = evidence.server.environment
    member = environment.server_name if environment.server_clustered else ""
    stage.remove_leftovers(api)
    if not (wanted.bridges or wanted.routed):
        return {"bridged": [], "names": [], "routed": []}
    pools = _pools(evidence)
    made = stage.Stage(api, stage.materials(api, pools, member), interrupted)
    with made as ready:
        probe = Probe(
            stage=ready,
            shell=shell,
            wanted=wanted,
            server=_daemon(evidence),
            macs=senders.Macs.of(environment.certificate_fingerprint),
            begins=_counted(told, wanted.count),
        )
        return probe.everything()


def _counted(told: Callable[[str], None], count: int) -> Callable[[], None]:
    numbers = itertools.count(1)
    return lambda: told(f"probe {next(numbers)} of {count}")


def _daemon(evidence: model.Evidence) -> int:
    """The daemon's process id, which the shell must see as the API does."""
    pid = evidence.daemon.pid
    if pid != evidence.server.environment.server_pid:
        raise CannotTell("the shell does not see the processes that LXD speaks of")
    return pid


def _pools(evidence: model.Evidence) -> tuple[str, ...]:
    """The pools that are in use, that of the default profile first."""
    profiles = [p for p in evidence.profiles if (p.project, p.name) == ("default", "default")]
    found = [p.devices for p in profiles] + [i.expanded_devices for i in evidence.instances]
    names = [
        str(device.get("pool"))
        for devices in found
        for _, device in sorted(devices.items())
        if device.get("type") == "disk" and device.get("path") == "/"
    ]
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What every trial needs."""

    stage: stage.Stage
    shell: Shell
    wanted: plan.Plan
    server: int
    macs: senders.Macs
    begins: Callable[[], None] = lambda: None

    def everything(self) -> Entry:
        """All trials; each that fails says so in its entry."""
        found: Entry = {"bridged": [], "names": [], "routed": []}
        for bridge in self.wanted.bridges:
            self._on_bridge(bridge, found)
        for number, routed in enumerate(self.wanted.routed):
            self.begins()
            entry = {**_listed(routed), "error": ""}
            found["routed"].append(_tried(entry, number, functools.partial(self._routed, routed)))
        return found

    def _on_bridge(self, bridge: str, found: Entry) -> None:
        """Start the second instance, once for all trials on a bridge."""
        try:
            peer, error = self._launch_peer(bridge), ""
        except LxdsecError as failed:
            peer, error = 0, str(failed)
        for network in self.wanted.names:
            if network.name == bridge:
                self.begins()
                entry = {"network": bridge, "mode": network.config.get("dns.mode", "")}
                entry["error"] = error
                number = len(found["names"])
                attempt = functools.partial(self._names, network, peer)
                found["names"].append(_tried(entry, number, attempt))
        for setting in self.wanted.bridged:
            if setting.network == bridge:
                self.begins()
                entry = {**_listed(setting), "error": error}
                number = len(found["bridged"])
                attempt = functools.partial(self._bridged, setting, peer)
                found["bridged"].append(_tried(entry, number, attempt))
        if peer:
            self.stage.discard(probe_project.PEER)

    def _launch_peer(self, bridge: str) -> int:
        nic = senders.plain_nic(bridge, self.wanted.networks, self.macs.peer, senders.PEER_PORT)
        return self.stage.launch(probe_project.PEER, nic)

    def _end(self, pid: int, mac: str) -> Entry:
        return {"pid": pid, "interface": "eth0", "mac": mac.replace(":", "")}

    def _bridged(self, setting: Bridged, peer: int) -> Entry:
        made = senders.sender(setting, self.wanted.networks, self.wanted.used, self.macs)
        named = harmless(frame_kinds.every(made.nic, made.around))
        with self._sender(made.device) as pid:
            order = {
                "server": self.server,
                "sender": self._end(pid, self.macs.sender),
                "peer": self._end(peer, self.macs.peer),
                "bridge": setting.network,
                "port": senders.SENDER_PORT,
                "macs": [self.macs.nobody.replace(":", "")],
                "frames": [octets.hex() for octets in named.values()],
            }
            told = injector_call.do(self.shell, "bridged", order)
        rows = zip(named.items(), told["seen"], strict=True)
        return {
            "mac": made.nic.mac,
            "ipv4": str(made.nic.own_ipv4) if made.nic.ipv4 else "",
            "ipv6": str(made.nic.own_ipv6) if made.nic.ipv6 else "",
            "frames": "".join(f"{k} {seen or '-'} {octets.hex()}\n" for (k, octets), seen in rows),
        }

    @contextlib.contextmanager
    def _sender(self, device: Mapping[str, str]) -> Iterator[int]:
        try:
            yield self.stage.launch(probe_project.SENDER, device)
        finally:
            self.stage.discard(probe_project.SENDER)

    def _names(self, network: Network, peer: int) -> Entry:
        domain = config_values.string(network.config, "dns.domain") or DEFAULT_DOMAIN
        bridge = ipaddress.ip_interface(config_values.string(network.config, "ipv4.address"))
        own = [
            f"{probe_project.PEER}.{domain}",
            f"{probe_project.PEER}.{probe_project.PROJECT}.{domain}",
        ]
        false = {role: f"{name}.{domain}" for role, name in probe_dns.CLAIMS.items()}
        order = {
            "server": self.server,
            "sender": self._end(peer, self.macs.peer),
            "foreign_mac": self.macs.nobody.replace(":", ""),
            "claims": probe_dns.CLAIMS,
            "names": [*own, *false.values()],
            "false": list(false.values()),
            "dns": str(bridge.ip),
        }
        told = injector_call.do(self.shell, "names", order)
        if told["remains"]:
            raise stage.ProbeFailed(f"a name of ours stays in the DNS: {told['remains'][0]}")
        answers = {name: _answer(*said) for name, said in told["answers"].items()}
        best = max((answers[name] for name in own), key=lambda said: said["address"])
        return {
            "lease": told["leases"]["own"],
            "legitimate": best,
            "claimed": answers[false["own"]],
            "foreign": answers[false["foreign"]],
        }

    def _routed(self, setting: Routed) -> Entry:
        sources = senders.sources(setting.families, self.wanted.networks, self.wanted.used)
        with self._sender(senders.routed_device(setting, self.macs.sender)) as pid:
            order = {
                "server": self.server,
                "sender": self._end(pid, self.macs.sender),
                "port": senders.SENDER_PORT,
                "token": secrets.token_hex(8),
                "sources": [[one.address, one.to] for one in sources],
                "own": [number for number, one in enumerate(sources) if one.is_own],
            }
            told = injector_call.do(self.shell, "routed", order)
        return {
            "packets": [
                {
                    "role": one.role,
                    "source": one.address,
                    "left": number in told["left"],
                    "arrived": number in told["arrived"],
                }
                for number, one in enumerate(sources)
            ]
        }


def _answer(code: str, addresses: list[str]) -> Entry:
    return {"code": code, "address": addresses[0] if addresses else ""}


def _listed(setting: Bridged | Routed) -> Entry:
    fields = dataclasses.asdict(setting)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in fields.items()}


def _tried(entry: Entry, number: int, attempt: Callable[[], Entry]) -> Entry:
    """The entry with what the attempt saw, or with why it saw nothing."""
    if entry["error"]:
        return entry
    if number >= plan.MOST:
        return {**entry, "error": plan.TOO_MANY}
    try:
        return entry | attempt()
    except (CannotTell, LxdsecError) as failed:
        return {**entry, "error": str(failed)}


def harmless(every: Mapping[str, ethernet.Frame]) -> dict[str, bytes]:
    """The bytes of the kinds that a bridge passes on; an advertised router is none any more."""
    found = {}
    for name, frame in every.items():
        octets = encode.octets(_without_lifetime(frame))
        if packet.is_passed_on(octets):
            found[name] = octets
    return found


def _without_lifetime(frame: ethernet.Frame) -> ethernet.Frame:
    """A router advertisement that makes nobody a router: its lifetime is 0 (RFC 4861, 6.3.4)."""
    content = frame.content
    if not isinstance(content, ethernet.Ipv6) or not isinstance(content.content, ethernet.Router):
        return frame
    router = dataclasses.replace(content.content, lifetime=0)
    return dataclasses.replace(frame, content=dataclasses.replace(content, content=router))
