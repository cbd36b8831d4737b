"""False host names in DHCP requests, and the DNS records that they become.

The instance asks for an address with a name that is not its own, first from its own MAC address,
then from another one. Both leases are released.
"""

from __future__ import annotations

import secrets
import socket
import time
from typing import TYPE_CHECKING

from . import dhcp_dns, netns, packet_socket

if TYPE_CHECKING:
    from typing import Any

TRIES, PATIENCE = 4, 1.5  # for each message, seconds
GONE = 3.0  # seconds in which a released lease is forgotten
ANY_ADDRESS, BROADCAST = bytes(4), b"\xff\xff\xff\xff"


class Client:
    """A DHCP client on an instance's NIC, with a MAC address of its own choice."""

    def __init__(self, end: packet_socket.End, mac: str) -> None:
        self.end = end
        self.mac = mac
        self.address = b""
        self._server = b""
        self._server_mac = ""

    def lease(self, name: str) -> None:
        """Get an address with this host name in the request.

        Raises:
            RuntimeError: no server gives one.
        """
        offer = self._ask(dhcp_dns.DISCOVER, dhcp_dns.OFFER, name=name)
        self._server = offer.get(dhcp_dns.SERVER, b"")
        ack = self._ask(
            dhcp_dns.REQUEST, dhcp_dns.ACK, name=name, wanted=offer[0], server=self._server
        )
        self.address = ack[0]

    def _ask(self, kind: int, expected: int, **fields: Any) -> dict[int, bytes]:  # noqa: ANN401 - as `dhcp_dns.dhcp` takes them
        number = secrets.randbits(32)
        body = dhcp_dns.dhcp(kind, number, self.mac, **fields)
        macs, ends = (self.end.mac, dhcp_dns.BROADCAST), (ANY_ADDRESS, BROADCAST)
        frame = dhcp_dns.udp(macs, ends, (68, 67), body)
        for _ in range(TRIES):
            self.end.send(frame)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                for octets in packet_socket.received_until_quiet([self.end.socket], 0.05, 0.2)[0]:
                    found = dhcp_dns.reply(octets, number)
                    if found.get(dhcp_dns.TYPE) == bytes([expected]):
                        self._server_mac = octets[6:12].hex()
                        return found
        raise RuntimeError("the bridge's DHCP gave no lease")

    def release(self) -> None:
        """Release the address."""
        if not self.address:
            return
        number = secrets.randbits(32)
        body = dhcp_dns.dhcp(
            dhcp_dns.RELEASE, number, self.mac, server=self._server, own=self.address
        )
        macs, ends = (self.end.mac, self._server_mac), (self.address, self._server)
        self.end.send(dhcp_dns.udp(macs, ends, (68, 67), body))


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Lease addresses, resolve the names, and release the leases.

    Args:
        order: `claims` are the names in the requests, `names` those to resolve, `false` those that
            must not remain.
    """
    end = packet_socket.instance(order, "sender")
    found: dict[str, Any] = {"leases": {}, "answers": {}}
    clients = []
    try:
        for role, mac in (("own", end.mac), ("foreign", order["foreign_mac"])):
            client = Client(end, mac)
            clients.append(client)
            client.lease(order["claims"][role])
            found["leases"][role] = socket.inet_ntoa(client.address)
        found["answers"] = _ask_all(order, order["names"])
    finally:
        for client in clients:
            client.release()
    found["remains"] = _remaining(order, found["answers"])
    return found


def _ask_all(order: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: _resolve(order["server"], order["dns"], name) for name in names}


def _remaining(order: dict[str, Any], answers: dict[str, Any]) -> list[str]:
    """Return the false names that still resolve a while after their leases were released."""
    until = time.monotonic() + GONE
    names = [name for name in order["false"] if answers.get(name, ("", []))[1]]
    while names and time.monotonic() < until:
        names = [name for name in names if _resolve(order["server"], order["dns"], name)[1]]
        time.sleep(0.1)
    return names


def _resolve(server: int, address: str, name: str) -> tuple[str, list[str]]:
    """Ask the bridge's DNS from the host.

    Raises:
        RuntimeError: it does not answer, or not with a DNS message.
    """
    asked = netns.inside(server, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    try:
        asked.settimeout(PATIENCE)
        asked.connect((address, 53))
        number = secrets.randbits(16)
        for _ in range(TRIES):
            asked.send(dhcp_dns.question(number, name))
            try:
                answer = asked.recv(4096)
            except socket.timeout:  # TimeoutError itself from Python 3.10 on only
                continue
            if answer[:2] == number.to_bytes(2, "big"):
                return dhcp_dns.addresses(answer, name)
    except (OSError, ValueError) as error:
        raise RuntimeError(f"asking {address} for {name}: {error}") from error
    finally:
        asked.close()
    raise RuntimeError(f"{address} does not answer DNS")
