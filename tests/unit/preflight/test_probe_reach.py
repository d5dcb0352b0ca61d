from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.preflight_probes import reach
from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Answer

_LINKS: list[dict[str, Any]] = [
    {"name": "eth0", "mac": "52:54:00:00:00:01", "mtu": 1500, "addresses": ["192.0.2.11/24"]}
]


def test_a_connection_is_asked_for_by_host_and_port() -> None:
    asked = []

    def dial(host: str, port: int) -> str:
        asked.append((host, port))
        return "open"

    found = reach.connections(["[2001:db8::1]:6443"], dial)

    assert (found, asked) == ({"[2001:db8::1]:6443": "open"}, [("2001:db8::1", 6443)])


@pytest.mark.parametrize(
    ("whole", "small", "found"),
    [
        (Answer(0, "", ""), Answer(0, "", ""), "passes"),
        (Answer(1, "", "ping: sendmsg: Message too long"), Answer(0, "", ""), "too long"),
        (Answer(1, "", ""), Answer(0, "", ""), "lost"),
        (Answer(1, "", ""), Answer(1, "", ""), "unknown"),
    ],
)
def test_a_path_is_too_narrow_when_only_small_packets_arrive(whole: Answer, small: Answer, found: str) -> None:
    answer = reach.path_mtus(["192.0.2.12 192.0.2.11"], _LINKS, lambda words: whole if "do" in words else small)

    assert answer == {"192.0.2.12 192.0.2.11": found}


def test_packets_are_as_large_as_the_interface_sends_them() -> None:
    lines = []

    def run(words: Any) -> Answer:
        lines.append(" ".join(words))
        return Answer(0, "", "")

    reach.path_mtus(["192.0.2.12 192.0.2.11"], _LINKS, run)

    assert "-s 1472" in lines[0]


def test_a_name_servers_answer_is_read() -> None:
    def exchange(_host: str, _port: int, question: bytes) -> bytes:
        return question[:2] + struct.pack("!5H", 0x8183, 1, 2, 0, 0)

    found = reach.name_servers(["192.0.2.130 example.com"], exchange)

    assert found["192.0.2.130 example.com"] == {"answers": True, "code": 3, "addresses": 2}


def test_an_answer_to_another_question_is_none() -> None:
    found = reach.name_servers(["192.0.2.130 example.com"], lambda *_: b"\0" * 3)

    assert not found["192.0.2.130 example.com"]["answers"]


def test_a_time_servers_stratum_is_read() -> None:
    found = reach.time_servers(
        ["a.example", "b.example"], lambda host, *_: bytes([36, 2, *[0] * 46]) if host == "a.example" else b""
    )

    assert found == {"a.example": {"answers": True, "stratum": 2}, "b.example": {"answers": False, "stratum": 0}}


def test_an_address_of_the_hosts_own_is_not_asked_after() -> None:
    found = reach.neighbours(["192.0.2.11"], _LINKS, lambda *_: "52:54:00:ff:ff:ff")

    assert found["192.0.2.11"] == {"here": True, "on_link": True, "mac": "52:54:00:00:00:01"}


def test_an_address_on_the_network_is_asked_after() -> None:
    found = reach.neighbours(["192.0.2.100", "198.51.100.1"], _LINKS, lambda *_: "52:54:00:ff:ff:ff")

    assert found["192.0.2.100"] == {"here": False, "on_link": True, "mac": "52:54:00:ff:ff:ff"}
    assert found["198.51.100.1"] == {"here": False, "on_link": False, "mac": ""}


@pytest.fixture
def channel() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


def test_a_datagram_that_is_answered_is_heard_of(channel: socket.socket) -> None:
    def echo() -> None:
        content, sender = channel.recvfrom(64)
        channel.sendto(content, sender)

    thread = threading.Thread(target=echo)
    thread.start()
    found = reach.send("127.0.0.1", channel.getsockname()[1])
    thread.join()

    assert found == "answered"


def test_a_datagram_that_nobody_takes_is_heard_of(channel: socket.socket) -> None:
    port = channel.getsockname()[1]
    channel.close()

    assert reach.datagrams([f"127.0.0.1:{port}"]) == {f"127.0.0.1:{port}": "refused"}


def test_of_a_listener_that_says_nothing_nothing_is_heard(channel: socket.socket) -> None:
    assert reach.send("127.0.0.1", channel.getsockname()[1]) == "no answer"
