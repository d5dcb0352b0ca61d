"""What may leave a host, tried from inside it."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://all?force_ansible=True"]
CONNECT = "import socket; socket.create_connection(('{}', {}), 3)"


def refused(host: Host) -> int:
    """Return how many packets were refused so far."""
    listing = json.loads(host.check_output("nft --json list counter inet platform_egress refused"))
    return next(int(entry["counter"]["packets"]) for entry in listing["nftables"] if "counter" in entry)


@pytest.mark.parametrize("port", [53, 443])
def test_a_connection_outside_is_refused_and_counted(host: Host, port: int) -> None:
    before = refused(host)

    attempt = host.run("python3 -c %s", CONNECT.format("198.51.100.1", port))

    assert attempt.rc == 1
    assert "ConnectionRefusedError" in attempt.stderr, "It must be refused at once, not time out."
    assert refused(host) > before


def test_who_tried_is_known(host: Host) -> None:
    host.run("python3 -c %s", CONNECT.format("198.51.100.1", 8443))

    assert "198.51.100.1 . tcp . 8443" in host.check_output("nft list set inet platform_egress attempts4")


def test_the_platforms_own_network_is_open(host: Host) -> None:
    address = host.ansible.get_variables()["ansible_host"]

    connected = host.run("python3 -c %s", CONNECT.format(address, 22))

    assert connected.rc == 0, connected.stderr


def test_the_rules_come_back_with_the_host(host: Host) -> None:
    assert host.check_output("systemctl is-enabled platform-egress-guard.service") == "enabled"
    assert host.run("nft --check --file /etc/platform/egress.nft").rc == 0


def test_an_attempt_at_what_is_open_is_told_as_a_hole(host: Host) -> None:
    attempt = "['/usr/local/lib/platform/try-egress', '127.0.0.1']"
    program = f"""
import socket, subprocess, sys
with socket.create_server(("127.0.0.1", 443)):
    sys.exit(subprocess.run({attempt}).returncode)
"""

    tried = host.run("python3 -c %s", program)

    assert tried.rc == 1
    assert "127.0.0.1 was reached" in tried.stderr
