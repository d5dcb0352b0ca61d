"""The lab's network joins its hosts, leads nowhere, and counts who tries."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from installer.adapters.lab import network
from installer.adapters.lab.layout import LabLayout
from installer.adapters.process import CommandFailed

NETWORK, GATEWAY = IPv4Network("10.213.0.0/24"), IPv4Address("10.213.0.1")
ONE, TWO, OUTSIDE = IPv4Address("10.213.0.11"), IPv4Address("10.213.0.12"), "198.51.100.7"
NEEDED = ("ip", "nft", "nsenter")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or any(shutil.which(name) is None for name in NEEDED),
    reason=f"network namespaces need root and {', '.join(NEEDED)}",
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabLayout]:
    """Return a lab's network with two hosts; nothing of it is left afterwards."""
    layout = LabLayout(f"test{os.getpid()}", tmp_path)
    network.create_bridge(layout, NETWORK, GATEWAY)
    network.connect(layout.host("one"), ONE, NETWORK, GATEWAY)
    network.connect(layout.host("two"), TWO, NETWORK, GATEWAY)
    yield layout
    for name in ("one", "two"):
        network.disconnect(layout.host(name))
    network.remove_namespace(layout.namespace)


def sends(lab: LabLayout, host: str, target: object) -> None:
    """Let a host send one datagram."""
    code = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{target}', 9))"
    subprocess.run(["nsenter", f"--net=/run/netns/{lab.host(host).namespace}", "python3", "-c", code], check=True)


def neighbours(lab: LabLayout, host: str) -> str:
    command = ["ip", "-n", lab.host(host).namespace, "neigh", "show"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def counted(lab: LabLayout) -> tuple[int, int]:
    """Return what the host and the bridge counted."""
    host, bridge = (
        network.sent_outside(lab.host("one").namespace, "inet"),
        network.sent_outside(lab.namespace, "bridge"),
    )
    return host[0], bridge[0]


def test_hosts_reach_each_other_and_are_not_counted(lab: LabLayout) -> None:
    sends(lab, "one", TWO)

    assert f"{TWO} dev eth0 lladdr" in neighbours(lab, "one")
    assert counted(lab) == (0, 0)


def test_what_tries_to_leave_is_counted_by_host_and_bridge_and_named(lab: LabLayout) -> None:
    sends(lab, "one", OUTSIDE)

    assert counted(lab) == (1, 1)
    named = (f"{ONE} > {OUTSIDE} udp 9",)
    assert network.sent_outside(lab.namespace, "bridge")[1] == named
    assert network.sent_outside(lab.host("one").namespace, "inet")[1] == named


def test_a_namespace_in_which_nobody_counts_is_not_taken_for_a_quiet_one(lab: LabLayout) -> None:
    one = lab.host("one").namespace
    subprocess.run(["nsenter", f"--net=/run/netns/{one}", "nft", "flush", "ruleset"], check=True)

    with pytest.raises(CommandFailed):
        network.sent_outside(one, "inet")


def test_a_network_that_is_whole_is_left_alone(lab: LabLayout) -> None:
    sends(lab, "one", OUTSIDE)

    network.create_bridge(lab, NETWORK, GATEWAY)

    assert counted(lab) == (1, 1)


def test_a_network_without_its_rules_is_made_anew(lab: LabLayout) -> None:
    subprocess.run(["nsenter", f"--net=/run/netns/{lab.namespace}", "nft", "flush", "ruleset"], check=True)

    network.create_bridge(lab, NETWORK, GATEWAY)

    listing = subprocess.run(
        ["nsenter", f"--net=/run/netns/{lab.namespace}", "nft", "list", "ruleset"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "counter left" in listing.stdout


def test_a_host_that_is_disconnected_leaves_nothing(lab: LabLayout) -> None:
    network.disconnect(lab.host("one"))

    assert lab.host("one").namespace not in network.namespaces()
    network.connect(lab.host("one"), ONE, NETWORK, GATEWAY)
