"""Rules on what a host reaches, and on what listens on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    Questions,
    answer,
    asks_for,
    listed,
)

_REACHED = ("open", "refused")
# All of a few peers, and the next ones in a ring of many: questions must not grow with the square of the hosts.
_MOST_PEERS = 6
_NO_SUCH_NAME = "no-such-name-7f3a"
_SERVER_FAILURE, _REFUSED = 2, 5
# What kubelet gives on to pods at most.
_MOST_SERVERS, _MOST_SEARCH = 3, 32


def ports_free(facts: Facts, ports: Sequence[int | str]) -> Iterator[Finding]:
    """A service does not start on a port that another one has.

    Ports are TCP's, or `number/udp`.
    """
    listening = {(entry["protocol"], entry["port"]): entry for entry in facts["listeners"] if not entry["ours"]}
    for wanted in ports:
        number, _, protocol = str(wanted).partition("/")
        found = listening.get((protocol or "tcp", int(number)))
        if found:
            who = found["process"] or "the kernel"
            unit = f" ({found['unit']})" if found["unit"] else ""
            yield Finding(
                f"has {who}{unit} on {found['protocol']} port {number}, on {found['address']}.",
                f"Stop {who}, or move it to another port.",
            )


def peers_reachable(facts: Facts, address: str, peers: Sequence[str], ports: Sequence[int]) -> Iterator[Finding]:
    """Hosts of a cluster talk to each other all the time; a firewall between them shows late, and badly.

    A port nobody listens on yet is refused at once; what gets no answer at all is filtered.
    """
    yield from _unreached(
        facts, _targets(nearest_peers(address, peers), ports), "let the platform's hosts reach each other"
    )


def admin_reachable(facts: Facts, address: str, ports: Sequence[int]) -> Iterator[Finding]:
    """Packages and images come from the admin host alone."""
    yield from _unreached(facts, _targets([address], ports), "let every host reach the admin host")


def path_mtu(facts: Facts, address: str, peers: Sequence[str]) -> Iterator[Finding]:
    """Where a switch takes smaller packets than the hosts send, small requests work and large answers vanish."""
    for peer in nearest_peers(address, peers):
        found = answer(facts, "path_mtus", f"{peer} {address}")
        if found in ("lost", "too long"):
            yield Finding(
                f"sends packets to {peer} that do not arrive whole at its interface's full size.",
                "Lower the interfaces' MTU, or raise that of what is between them.",
            )


def dns_answers(facts: Facts, servers: Sequence[str], name: str) -> Iterator[Finding]:
    """Pods ask these servers for every name outside the cluster."""
    for server in servers:
        found = answer(facts, "name_servers", f"{server} {name}")
        if not found["answers"]:
            yield Finding(
                f"gets no answer from the name server {server}.",
                "Correct `platform_dns_servers`, or open the way to it.",
            )
        elif found["code"] in (_SERVER_FAILURE, _REFUSED):
            why = "fails" if found["code"] == _SERVER_FAILURE else "refuses"
            yield Finding(
                f"asked the name server {server} for {name}, and it {why}.",
                "Let the server answer the platform's hosts.",
            )


def dns_wildcard(facts: Facts, servers: Sequence[str], domain: str) -> Iterator[Finding]:
    """Where every name has an address, a misspelt one leads somewhere, and services are looked for outside."""
    for server in servers:
        found = answer(facts, "name_servers", f"{server} {_NO_SUCH_NAME}.{domain}")
        if found["addresses"]:
            yield Finding(
                f"asked the name server {server} for {_NO_SUCH_NAME}.{domain}, and got an address.",
                f"Take the wildcard out of {domain}.",
            )


def time_servers_answer(facts: Facts, servers: Sequence[str]) -> Iterator[Finding]:
    """Certificates, tokens and elections need clocks that agree."""
    for server in servers:
        found = answer(facts, "time_servers", server)
        if not found["answers"]:
            yield Finding(
                f"gets no answer from the time server {server}.",
                "Correct `platform_time_servers`, or open UDP port 123 to it.",
            )
        elif not 0 < found["stratum"] < 16:
            yield Finding(
                f"asked the time server {server}, which does not know the time itself.",
                "Mend that server's own source.",
            )


def resolv_conf_sane(facts: Facts) -> Iterator[Finding]:
    """Kubelet gives the host's name servers on to pods, to whom the host's own loopback means nothing."""
    found = facts["resolver"]
    if not found["exists"]:
        yield Finding(
            "has no /etc/resolv.conf, without which kubelet starts no pod.", "Make one; an empty one will do."
        )
    own = [server for server in found["servers"] if ip_address(server.partition("%")[0]).is_loopback]
    if own and not found["stub"]:
        yield Finding(
            f"asks {listed(own)} for names, where pods find nobody.", "Name the site's own servers in /etc/resolv.conf."
        )
    if len(found["servers"]) > _MOST_SERVERS:
        yield Finding(
            f"names {len(found['servers'])} name servers; pods get the first {_MOST_SERVERS}.",
            "Keep three in /etc/resolv.conf.",
        )
    if len(found["search"]) > _MOST_SEARCH:
        yield Finding(
            f"searches {len(found['search'])} domains; pods take {_MOST_SEARCH}.", "Keep fewer in /etc/resolv.conf."
        )


def proxy_environment(facts: Facts, hosts: Sequence[str]) -> Iterator[Finding]:
    """Through a proxy, the platform's own servers are not found."""
    without = {part for entry in facts["proxies"] if entry["name"] == "no_proxy" for part in entry["value"].split(",")}
    for entry in facts["proxies"]:
        if entry["name"] == "no_proxy" or re.search(r"::proxy::", entry["name"]):
            continue
        direct = [
            host for host in hosts if _goes_without(host, without) or _apt_goes_without(facts, entry["name"], host)
        ]
        if len(direct) < len(hosts):
            yield Finding(
                f"asks the proxy {entry['value']} ({entry['where']}) for {listed(sorted(set(hosts) - set(direct)))}.",
                f"Take the proxy away, or except {listed(hosts)} from it.",
            )


def nearest_peers(address: str, peers: Sequence[str]) -> list[str]:
    """Return the peers a host asks after: all of a few, the next ones of many."""
    others = [peer for peer in peers if peer != address]
    if len(others) <= _MOST_PEERS:
        return others
    place = sum(ip_address(peer).packed < ip_address(address).packed for peer in others)
    ring = sorted(others, key=lambda peer: ip_address(peer).packed)
    return [*ring[place:], *ring[:place]][:_MOST_PEERS]


def _unreached(facts: Facts, targets: Sequence[str], what: str) -> Iterator[Finding]:
    silent: dict[tuple[str, str], list[str]] = {}
    for target in targets:
        found = answer(facts, "connections", target)
        if found not in _REACHED:
            host, _, port = target.rpartition(":")
            silent.setdefault((host, found), []).append(port)
    for (host, found), ports in silent.items():
        yield Finding(
            f"does not reach {host} on port {listed(ports)}: {found}.", f"Open the firewalls between hosts: {what}."
        )


def _targets(addresses: Sequence[str], ports: Sequence[int]) -> list[str]:
    return [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in addresses for port in ports]


def _goes_without(host: str, without: set[str]) -> bool:
    return any(
        part == "*" or host == part.strip() or (part and host.endswith("." + part.strip().lstrip(".")))
        for part in without
    )


def _apt_goes_without(facts: Facts, name: str, host: str) -> bool:
    wanted = f"{name}::{host}".lower()
    return any(entry["name"] == wanted and entry["value"].upper() == "DIRECT" for entry in facts["proxies"])


def _asks_peers(given: Mapping[str, Any]) -> Questions:
    return {"connections": _targets(nearest_peers(given["address"], given["peers"]), given["ports"])}


def _asks_admin(given: Mapping[str, Any]) -> Questions:
    return {"connections": _targets([given["address"]], given["ports"])}


def _asks_sizes(given: Mapping[str, Any]) -> Questions:
    return {"path_mtus": [f"{peer} {given['address']}" for peer in nearest_peers(given["address"], given["peers"])]}


def _asks_name(given: Mapping[str, Any]) -> Questions:
    return {"name_servers": [f"{server} {given['name']}" for server in given["servers"]]}


def _asks_no_such_name(given: Mapping[str, Any]) -> Questions:
    return {"name_servers": [f"{server} {_NO_SUCH_NAME}.{given['domain']}" for server in given["servers"]]}


CHECKS = (
    Check(ports_free),
    Check(peers_reachable, _asks_peers),
    Check(admin_reachable, _asks_admin),
    Check(path_mtu, _asks_sizes),
    Check(dns_answers, _asks_name),
    Check(dns_wildcard, _asks_no_such_name, warns=True),
    Check(time_servers_answer, asks_for("time_servers", "servers")),
    Check(resolv_conf_sane),
    Check(proxy_environment),
)
