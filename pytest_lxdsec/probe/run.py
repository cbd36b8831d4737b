"""Runs all probes of one server, one after the other, for the part `trials` of the evidence."""

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
from . import injector_call, lxd_project, plan, senders

Entry = dict[str, Any]
DEFAULT_DOMAIN = "lxd"  # driver_bridge.go: the domain if dns.domain is not set


def run(
    evidence: model.Evidence,
    api: Api,
    shell: Shell | None,
    *,
    interrupted: threading.Event,
    progress: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Any]:
    """Run the trials for the server's settings; return the part `trials`, or why it is missing.

    Args:
        evidence: The server's evidence, without probes.
        api: A connection to the server's API.
        shell: A shell on its host; None if there is none.
        interrupted: Set by the caller when no more trials shall begin.
        progress: Called with one line of text when a trial begins.
    """
    try:
        return {parts.VALUE: _run(evidence, api, shell, interrupted, progress)}
    except NotAssessed as missing:
        return {parts.NOT_ASSESSED: str(missing)}
    except (CannotTell, LxdsecError) as error:
        return {parts.MISSING: str(error)}


def _run(
    evidence: model.Evidence,
    api: Api,
    shell: Shell | None,
    interrupted: threading.Event,
    progress: Callable[[str], None],
) -> Entry:
    if shell is None:
        raise NotAssessed("probes need a shell on the host: add ?shell=ssh://USER@HOST")
    wanted = plan.of(evidence)
    environment = evidence.server.environment
    member = environment.server_name if environment.server_clustered else ""
    lxd_project.remove_leftovers(api)
    if not (wanted.bridges or wanted.routed):
        return {"bridged": [], "names": [], "routed": []}
    pools = _pools(evidence)
    made = lxd_project.ProbeProject(api, lxd_project.choose_image(api, pools, member), interrupted)
    with made as ready:
        probe = Probe(
            project=ready,
            shell=shell,
            wanted=wanted,
            server=_daemon(evidence),
            macs=senders.Macs.of(environment.certificate_fingerprint),
            begins=_counted(progress, wanted.count),
        )
        return probe.everything()


def _counted(progress: Callable[[str], None], count: int) -> Callable[[], None]:
    numbers = itertools.count(1)
    return lambda: progress(f"probe {next(numbers)} of {count}")


def _daemon(evidence: model.Evidence) -> int:
    """Return the daemon's process id, which must be the same for the shell and the API."""
    pid = evidence.daemon.pid
    if pid != evidence.server.environment.server_pid:
        raise CannotTell("the shell does not see the process id that LXD reports")
    return pid


def _pools(evidence: model.Evidence) -> tuple[str, ...]:
    """Return the storage pools that are in use, the default profile's pool first."""
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
    """The objects that every trial needs."""

    project: lxd_project.ProbeProject
    shell: Shell
    wanted: plan.Plan
    server: int
    macs: senders.Macs
    begins: Callable[[], None] = lambda: None

    def everything(self) -> Entry:
        """Run all trials; the entry of a failed trial holds the error."""
        found: Entry = {"bridged": [], "names": [], "routed": []}
        for bridge in self.wanted.bridges:
            self._on_bridge(bridge, found)
        for number, routed in enumerate(self.wanted.routed):
            self.begins()
            entry = {**_listed(routed), "error": ""}
            found["routed"].append(_tried(entry, number, functools.partial(self._routed, routed)))
        return found

    def _on_bridge(self, bridge: str, found: Entry) -> None:
        """Run all trials on a bridge with one second instance."""
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
            self.project.discard(probe_project.PEER)

    def _launch_peer(self, bridge: str) -> int:
        nic = senders.plain_nic(bridge, self.wanted.networks, self.macs.peer, senders.PEER_PORT)
        return self.project.launch(probe_project.PEER, nic)

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
            found = injector_call.do(self.shell, "bridged", order)
        rows = zip(named.items(), found["seen"], strict=True)
        return {
            "mac": made.nic.mac,
            "ipv4": str(made.nic.own_ipv4) if made.nic.ipv4 else "",
            "ipv6": str(made.nic.own_ipv6) if made.nic.ipv6 else "",
            "frames": "".join(f"{k} {seen or '-'} {octets.hex()}\n" for (k, octets), seen in rows),
        }

    @contextlib.contextmanager
    def _sender(self, device: Mapping[str, str]) -> Iterator[int]:
        try:
            yield self.project.launch(probe_project.SENDER, device)
        finally:
            self.project.discard(probe_project.SENDER)

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
        found = injector_call.do(self.shell, "names", order)
        if found["remains"]:
            name = found["remains"][0]
            raise lxd_project.ProbeFailed(f"a name of the probe remains in the DNS: {name}")
        answers = {name: _answer(*answer) for name, answer in found["answers"].items()}
        best = max((answers[name] for name in own), key=lambda answer: answer["address"])
        return {
            "lease": found["leases"]["own"],
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
            found = injector_call.do(self.shell, "routed", order)
        return {
            "packets": [
                {
                    "role": one.role,
                    "source": one.address,
                    "left": number in found["left"],
                    "arrived": number in found["arrived"],
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
    """Return the entry with the attempt's result, or with the reason for the lack of one."""
    if entry["error"]:
        return entry
    if number >= plan.MOST:
        return {**entry, "error": plan.TOO_MANY}
    try:
        return entry | attempt()
    except (CannotTell, LxdsecError) as failed:
        return {**entry, "error": str(failed)}


def harmless(every: Mapping[str, ethernet.Frame]) -> dict[str, bytes]:
    """Return the bytes of the frames that a bridge passes on, by kind.

    A router advertisement among them has a lifetime of 0, so that no host takes its sender for a
    default router.
    """
    found = {}
    for name, frame in every.items():
        octets = encode.octets(_without_lifetime(frame))
        if packet.is_passed_on(octets):
            found[name] = octets
    return found


def _without_lifetime(frame: ethernet.Frame) -> ethernet.Frame:
    """Set a router advertisement's lifetime to 0: not a default router (RFC 4861, 6.3.4)."""
    content = frame.content
    if not isinstance(content, ethernet.Ipv6) or not isinstance(content.content, ethernet.Router):
        return frame
    router = dataclasses.replace(content.content, lifetime=0)
    return dataclasses.replace(frame, content=dataclasses.replace(content, content=router))
