"""Find out what a host reaches: ports, packet sizes, name servers, time servers, neighbours."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Run

_SECONDS = 1.0
_AT_ONCE = 32
_DATAGRAMS = 3
_DNS_PORT, _NTP_PORT = 53, 123
# Sizes of the headers around what `ping` fills.
_PING_HEADERS = {4: 28, 6: 48}
_NTP_CLIENT = b"\x23" + bytes(47)
_ARP, _IPV4 = 0x0806, 0x0800
_ARP_TRIES, _ARP_SECONDS = 3, 0.15
_BROADCAST = b"\xff" * 6

Dial = Callable[[str, int], str]
Send = Callable[[str, int], str]
Exchange = Callable[[str, int, bytes], bytes]
Probe = Callable[[str, str, str, str], str]


def dial(host: str, port: int) -> str:
    """Return how a TCP port answers: `open`, `refused`, or why there is no answer."""
    try:
        with socket.create_connection((host, port), _SECONDS):
            return "open"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def exchange(host: str, port: int, question: bytes) -> bytes:
    """Send a datagram and return what comes back, or nothing."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            channel.settimeout(_SECONDS)
            channel.connect((host, port))
            channel.send(question)
            return channel.recv(4096)
    except OSError:
        return b""


def connections(targets: Sequence[str], how: Dial = dial) -> dict[str, str]:
    """Return how each `host:port` answers."""

    def ask(target: str) -> str:
        host, _, port = target.rpartition(":")
        return how(host.strip("[]"), int(port))

    return _each(targets, ask)


def datagrams(targets: Sequence[str], how: Send | None = None) -> dict[str, str]:
    """Return what is heard of each `host:port` that a datagram is sent to."""

    def ask(target: str) -> str:
        host, _, port = target.rpartition(":")
        return (how or send)(host.strip("[]"), int(port))

    return _each(targets, ask)


def send(host: str, port: int) -> str:
    """Return what is heard of a UDP port: `answered`, `refused` where nobody listens, or why nothing is heard.

    A kernel says only now and then that nobody listens, so it is asked more than once.
    """
    heard = "no answer"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            channel.settimeout(_SECONDS / _DATAGRAMS)
            channel.connect((host, port))
            for _ in range(_DATAGRAMS):
                try:
                    channel.send(b"platform")
                    channel.recv(64)
                except TimeoutError:
                    continue
                return "answered"
    except ConnectionRefusedError:
        heard = "refused"
    except OSError as error:
        heard = (error.strerror or str(error)).lower()
    return heard


def path_mtus(targets: Sequence[str], interfaces: Sequence[dict[str, Any]], run: Run) -> dict[str, str]:
    """Return for each `peer own-address` whether the largest packet of the address' interface passes whole."""
    sizes = {entry.partition("/")[0]: link["mtu"] for link in interfaces for entry in link["addresses"]}

    def ask(target: str) -> str:
        peer, own = target.split()
        return _path_mtu(peer, sizes.get(own, 0), run)

    return _each(targets, ask)


def name_servers(questions: Sequence[str], how: Exchange = exchange) -> dict[str, Any]:
    """Return for each `server name` whether the server answers, with which code and how many addresses."""

    def ask(question: str) -> dict[str, Any]:
        server, name = question.split()
        return _name_server(server, name, how)

    return _each(questions, ask)


def time_servers(names: Sequence[str], how: Exchange = exchange) -> dict[str, Any]:
    """Return for each time server whether it answers, and how many steps it is from a clock."""
    return _each(names, lambda name: _time_server(name, how))


def neighbours(
    addresses: Sequence[str], interfaces: Sequence[dict[str, Any]], how: Probe | None = None
) -> dict[str, Any]:
    """Return for each address whether this host has it, and who else on the network answers for it."""
    return _each(addresses, lambda address: _neighbour(address, interfaces, how or ask_who_has))


def ask_who_has(interface: str, mac: str, own: str, wanted: str) -> str:
    """Ask a network who has an IPv4 address, and return the MAC that answers; nothing remembers the question."""
    source = bytes.fromhex(mac.replace(":", ""))
    target = ipaddress.ip_address(wanted).packed
    frame = struct.pack("!6s6sH", _BROADCAST, source, _ARP)
    frame += struct.pack(
        "!HHBBH6s4s6s4s", 1, _IPV4, 6, 4, 1, source, ipaddress.ip_address(own).packed, bytes(6), target
    )
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as channel:
            channel.bind((interface, 0))
            for _ in range(_ARP_TRIES):
                channel.send(frame)
                end = time.monotonic() + _ARP_SECONDS
                while (left := end - time.monotonic()) > 0:
                    channel.settimeout(left)
                    answer = _arp_answer(channel, target)
                    if answer:
                        return answer
    except OSError:
        pass
    return ""


def _arp_answer(channel: socket.socket, target: bytes) -> str:
    try:
        packet = channel.recv(2048)
    except TimeoutError:
        return ""
    is_reply = packet[20:22] == b"\x00\x02" and packet[28:32] == target
    return ":".join(f"{byte:02x}" for byte in packet[22:28]) if is_reply else ""


def _each(names: Sequence[str], ask: Callable[[str], Any]) -> dict[str, Any]:
    """Ask all at once: most of the time is spent on waiting."""
    if not names:
        return {}
    with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def _path_mtu(address: str, size: int, run: Run) -> str:
    if not size:
        return "unknown"
    content = size - _PING_HEADERS[ipaddress.ip_address(address).version]
    whole = run(["ping", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", str(content), address])
    if whole.status == 0:
        return "passes"
    if "too long" in (whole.output + whole.error).lower() or "frag needed" in whole.output.lower():
        return "too long"
    small = run(["ping", "-c", "1", "-W", "1", address])
    # Where nothing is heard at all, size is not what is wrong.
    return "lost" if small.status == 0 else "unknown"


def _name_server(server: str, name: str, how: Exchange) -> dict[str, Any]:
    identity = os.urandom(2)
    labels = b"".join(bytes([len(label)]) + label.encode("idna") for label in name.rstrip(".").split("."))
    answer = how(
        server, _DNS_PORT, identity + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    )
    if len(answer) < 12 or answer[:2] != identity:
        return {"answers": False, "code": -1, "addresses": 0}
    flags, _questions, found = struct.unpack("!3H", answer[2:8])
    return {"answers": True, "code": flags & 0xF, "addresses": found}


def _time_server(name: str, how: Exchange) -> dict[str, Any]:
    answer = how(name, _NTP_PORT, _NTP_CLIENT)
    return {"answers": len(answer) >= 48, "stratum": answer[1] if len(answer) >= 48 else 0}


def _neighbour(address: str, interfaces: Sequence[dict[str, Any]], how: Probe) -> dict[str, Any]:
    wanted = ipaddress.ip_address(address)
    for link in interfaces:
        for entry in map(ipaddress.ip_interface, link["addresses"]):
            if entry.ip == wanted:
                return {"here": True, "on_link": True, "mac": link["mac"]}
    for link in interfaces:
        for entry in map(ipaddress.ip_interface, link["addresses"]):
            if wanted.version == 4 and wanted in entry.network and entry.network.prefixlen < 32:
                return {"here": False, "on_link": True, "mac": how(link["name"], link["mac"], str(entry.ip), address)}
    return {"here": False, "on_link": False, "mac": ""}
