from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible_collections.platform.base.plugins.module_utils.preflight_probes import network

from tests.unit.preflight.hosts import Programs, host

_NOBODY: dict[str, list[str]] = {"programs": [], "units": []}
_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def _socket(address: str, port: int, state: str, inode: int) -> str:
    octets = bytes(int(part) for part in address.split("."))
    word = int.from_bytes(octets, sys.byteorder)
    return (
        f"   0: {word:08X}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0 0\n"
    )


def _link(name: str, *addresses: str, flags: tuple[str, ...] = ("UP",)) -> dict[str, object]:
    entries = [
        {"local": address.partition("/")[0], "prefixlen": int(address.partition("/")[2])} for address in addresses
    ]
    return {"ifname": name, "address": "52:54:00:00:00:01", "mtu": 1500, "flags": list(flags), "addr_info": entries}


def test_interfaces_of_single_pods_and_the_loopback_are_left_out() -> None:
    links = [_link("lo", "127.0.0.1/8"), _link("eth0", "192.0.2.11/24", "fe80::1/64"), _link("lxc1234")]

    found = network.interfaces(Programs({"ip": json.dumps(links)}))

    assert [(link["name"], link["addresses"]) for link in found] == [("eth0", ["192.0.2.11/24"])]


def test_a_host_without_the_program_has_no_interfaces() -> None:
    assert network.interfaces(Programs({})) == []


def test_the_default_route_is_told_as_a_network() -> None:
    routes = [
        {"dst": "default", "dev": "eth0"},
        {"dst": "10.244.0.0/24", "dev": "cilium_host"},
        {"dst": "fe80::/64", "dev": "eth0"},
    ]

    found = network.routes(Programs({"ip": json.dumps(routes)}))

    assert {"network": "0.0.0.0/0", "device": "eth0"} in found
    assert all(route["device"] == "eth0" and not route["network"].startswith("fe80") for route in found)


def test_a_listener_is_told_with_its_process_and_unit(tmp_path: Path) -> None:
    files = {
        "/proc/net/tcp": _HEAD + _socket("0.0.0.0", 6443, "0A", 77) + _socket("192.0.2.1", 40000, "01", 78),
        "/proc/311/comm": "nginx\n",
        "/proc/311/cgroup": "0::/system.slice/nginx.service\n",
    }
    root = host(tmp_path, files, links={"/proc/311/fd/5": "socket:[77]", "/proc/311/exe": "/usr/sbin/nginx"})

    found = network.listeners(root, _NOBODY)

    assert found == [
        {
            "protocol": "tcp",
            "port": 6443,
            "address": "0.0.0.0",
            "process": "nginx",
            "unit": "nginx.service",
            "ours": False,
        }
    ]


def test_what_a_unit_of_the_platforms_listens_on_is_the_platforms(tmp_path: Path) -> None:
    files = {
        "/proc/net/udp": _HEAD + _socket("0.0.0.0", 123, "07", 5),
        "/proc/9/cgroup": "0::/system.slice/chrony.service\n",
    }
    root = host(tmp_path, files, links={"/proc/9/fd/1": "socket:[5]"})

    found = network.listeners(root, {"programs": [], "units": ["chrony.service"]})

    assert [(entry["protocol"], entry["port"], entry["ours"]) for entry in found] == [("udp", 123, True)]


def test_pods_are_the_platforms_only_where_its_kubelet_is(tmp_path: Path) -> None:
    files = {
        "/proc/net/tcp": _HEAD + _socket("127.0.0.1", 10257, "0A", 5),
        "/proc/9/cgroup": "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope\n",
    }
    root = host(tmp_path, files, links={"/proc/9/fd/1": "socket:[5]"})

    ours = network.listeners(root, {"programs": ["/usr/local/bin/kubelet"], "units": []})
    theirs = network.listeners(root, _NOBODY)

    assert [entry["ours"] for entry in (*ours, *theirs)] == [True, False]


def test_resolved_is_told_from_a_resolver_of_the_hosts_own(tmp_path: Path) -> None:
    files = {
        "/run/systemd/resolve/stub-resolv.conf": "nameserver 127.0.0.53\nsearch a.example b.example\n",
        "/run/systemd/resolve/resolv.conf": "",
    }
    root = host(tmp_path, files, links={"/etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf"})

    found = network.resolver(root)

    assert found == {"exists": True, "servers": ["127.0.0.53"], "search": ["a.example", "b.example"], "stub": True}


def test_a_host_without_resolv_conf_says_so(tmp_path: Path) -> None:
    assert network.resolver(host(tmp_path, {}))["exists"] is False
