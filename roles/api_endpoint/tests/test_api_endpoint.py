"""The API's address, seen from the control-plane hosts."""

from __future__ import annotations

from ipaddress import ip_network

from testinfra.host import Host

testinfra_hosts = ["ansible://control_plane?force_ansible=True"]


def test_something_answers_at_the_address(host: Host) -> None:
    known = host.ansible.get_variables()
    address = (known["platform_api_address"], known["platform_api_port"])
    program = f"import socket; socket.create_connection({address!r}, 3)"

    assert host.run("python3 -c %s", program).rc == 0


def test_both_keepers_are_well(host: Host) -> None:
    assert host.service("keepalived").is_running
    assert host.service("haproxy").is_running
    assert host.service("keepalived").is_enabled


def test_haproxy_accepts_its_settings(host: Host) -> None:
    checked = host.run("haproxy -c -f /etc/haproxy/haproxy.cfg")

    assert checked.rc == 0, checked.stderr


def test_servers_are_judged_by_what_they_answer_over_tls(host: Host) -> None:
    settings = host.file("/etc/haproxy/haproxy.cfg").content_string

    assert "uri /readyz" in settings
    assert "check-ssl verify required" in settings


def test_only_peers_may_claim_the_address(host: Host) -> None:
    rules = host.check_output("nft list chain inet platform_api_endpoint judge")

    assert rules.rstrip().splitlines()[-3].strip().endswith("drop")


def test_who_holds_an_address_is_asked_of_the_network(host: Host) -> None:
    known = host.ansible.get_variables()
    ask = "/usr/local/lib/platform/who-holds %s %s"
    holders = host.check_output(ask, known["platform_api_address"], known["platform_address"]).split()
    nobodys = str(ip_network(known["platform_host_networks"][0]).broadcast_address - 1)

    assert len(holders) == 1
    assert host.check_output(ask, nobodys, known["platform_address"]) == "nobody"
