"""Rules on hosts beside each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    AllFacts,
    Check,
    Facts,
    HostFinding,
    Questions,
    addresses_in,
    answer,
    asks_for,
    listed,
    version_of,
)
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.reach import nearest_peers

# As many addresses of a range as are asked after; each is a question to the whole network.
_MOST_ADDRESSES = 32
# What images call their hosts until somebody names them, which the platform does.
_UNNAMED = ("debian", "localhost", "localhost.localdomain", "ubuntu")
_CLONE = "It was probably cloned."


def duplicate_hostname(hosts: AllFacts) -> Iterator[HostFinding]:
    """Two hosts of one name are one node, which is now here and now there."""
    for name, same in _same(hosts, lambda facts: {facts["hostname"].lower()} - set(_UNNAMED)):
        yield _of(same, f"calls itself {name}, and so do", "Give each host its own name with `hostnamectl`.")


def duplicate_machine_id(hosts: AllFacts) -> Iterator[HostFinding]:
    """Two hosts with one machine id get one address by DHCP, and one place in the logs."""
    for identity, same in _same(hosts, lambda facts: [facts["machine_id"]] if facts["machine_id"] else []):
        cure = f"{_CLONE} Run `rm -f /etc/machine-id; systemd-machine-id-setup`, then restart."
        yield _of(same, f"has the machine id {identity}, and so have", cure)


def duplicate_ssh_host_key(hosts: AllFacts) -> Iterator[HostFinding]:
    """Whoever has one host's key can stand in for every host that shares it."""
    for key, same in _same(hosts, lambda facts: [facts["ssh_host_key"]] if facts["ssh_host_key"] else []):
        cure = f"{_CLONE} Run `rm /etc/ssh/ssh_host_*; dpkg-reconfigure openssh-server`."
        yield _of(same, f"has the ssh key {key}, and so have", cure)


def duplicate_mac(hosts: AllFacts, networks: Sequence[str]) -> Iterator[HostFinding]:
    """A switch sends what is for two equal MACs now to one host, now to the other."""
    for mac, same in _same(hosts, lambda facts: [link["mac"] for link in addresses_in(facts, networks).values()]):
        yield _of(same, f"has the MAC {mac} on the platform's networks, and so have", f"{_CLONE} Give each its own.")


def duplicate_address(hosts: AllFacts, networks: Sequence[str], shared: Sequence[str]) -> Iterator[HostFinding]:
    """Two hosts with one address answer in turns.

    `shared` are addresses that move between hosts.
    """
    for address, same in _same(hosts, lambda facts: set(addresses_in(facts, networks)) - set(shared)):
        yield _of(same, f"has the address {address}, and so have", "Give each host its own.")


def mtu_equal(hosts: AllFacts, networks: Sequence[str]) -> Iterator[HostFinding]:
    """A host that sends larger packets than the others take is heard only when it says little."""
    found = {
        name: max((link["mtu"] for link in addresses_in(facts, networks).values()), default=0)
        for name, facts in hosts.items()
    }
    yield from _odd_ones(
        {name: mtu for name, mtu in found.items() if mtu}, "has an MTU of {}", "Give all interfaces the same MTU."
    )


def time_zone_equal(hosts: AllFacts) -> Iterator[HostFinding]:
    """Logs of hosts in different time zones cannot be read side by side."""
    found = {name: facts["time_zone"].replace("Etc/UTC", "UTC") for name, facts in hosts.items()}
    yield from _odd_ones(found, "has the time zone {}", "Choose one with `timedatectl set-timezone`.")


def time_skew(hosts: AllFacts, maximum_seconds: float) -> Iterator[HostFinding]:
    """Certificates made on one host are not yet good on a host whose clock is behind.

    Each clock was read within some bounds only; what may be due to these is passed over.
    """
    if not hosts:
        return
    first, last = _agreed([(facts["clock"]["earliest"], facts["clock"]["latest"]) for facts in hosts.values()])
    for name, facts in hosts.items():
        clock = facts["clock"]
        off = max(clock["earliest"] - last, first - clock["latest"], 0.0)
        if off > float(maximum_seconds):
            ahead = "ahead of" if clock["earliest"] > last else "behind"
            yield HostFinding(
                name,
                f"has its clock {off:.0f} s {ahead} most hosts'; {maximum_seconds} s are allowed.",
                "Set it with `date --utc --set`, and look at its battery or its hypervisor.",
            )


def api_address_free(hosts: AllFacts, address: str, keeper: str) -> Iterator[HostFinding]:
    """An address that something else answers for leads clients of the API astray.

    `keeper` is the unit that holds the address where the platform is installed already.
    """
    macs = {link["mac"] for facts in hosts.values() for link in facts["interfaces"]}
    told: set[str] = set()
    for name, facts in hosts.items():
        found = facts["answers"].get("neighbours", {}).get(address)
        if not found:
            continue
        if found["here"] and keeper not in facts["ours"]["units"]:
            yield HostFinding(
                name,
                f"has the API's address {address} for its own.",
                "Take it off the host, or choose another `platform_api_address`.",
            )
        elif not found["here"] and found["mac"] and found["mac"] not in macs | told:
            told.add(found["mac"])
            yield HostFinding(
                name,
                f"sees {found['mac']} answer for the API's address {address}.",
                "Choose another `platform_api_address`.",
            )


def load_balancer_range_free(hosts: AllFacts, start: str, stop: str, addresses: Sequence[str]) -> Iterator[HostFinding]:
    """A service given an address that something has already is reached now and then.

    `addresses` are the platform's own that must not be in the range either.
    """
    first, last = ip_address(start).packed, ip_address(stop).packed
    macs = {link["mac"] for facts in hosts.values() for link in facts["interfaces"]}
    cure = "Choose other `platform_load_balancer_addresses`."
    for name, facts in hosts.items():
        own = [
            str(address)
            for address in addresses_in(facts, ["0.0.0.0/0", "::/0"])
            if first <= ip_address(address).packed <= last
        ]
        if own:
            yield HostFinding(name, f"has {listed(own)}, within the addresses for services.", cure)
        seen = {
            address: found["mac"] for address, found in facts["answers"].get("neighbours", {}).items() if found["mac"]
        }
        others = [address for address in _range(start, stop) if seen.get(address) and seen[address] not in macs]
        if others:
            yield HostFinding(
                name, f"sees something answer for {listed(others)}, within the addresses for services.", cure
            )
    within = [address for address in addresses if first <= ip_address(address).packed <= last]
    if within:
        yield HostFinding(next(iter(hosts)), f"would share {listed(within)} with the addresses for services.", cure)


def same_authority(hosts: AllFacts, path: str) -> Iterator[HostFinding]:
    """A host that another site was installed on trusts that site's authority, not this one's."""
    found = {name: facts["answers"].get("digests", {}).get(path) for name, facts in hosts.items()}
    cure = "Wipe the host that comes from another site, or take the old authority's file away."
    yield from _odd_ones(
        {name: digest for name, digest in found.items() if digest},
        f"has an authority of its own in {path} ({{}})",
        cure,
    )


def same_cluster(hosts: AllFacts, path: str) -> Iterator[HostFinding]:
    """Nodes of two clusters cannot be joined into one."""
    found = {name: facts["answers"].get("digests", {}).get(path) for name, facts in hosts.items()}
    cure = "Reset the host that comes from another cluster (`kubeadm reset`)."
    yield from _odd_ones(
        {name: digest for name, digest in found.items() if digest}, f"is of another cluster, by its {path} ({{}})", cure
    )


def versions_apart(hosts: AllFacts, program: str) -> Iterator[HostFinding]:
    """Nodes more than one minor version apart do not work together.

    One apart is what an interrupted upgrade leaves, and goes on from.
    """
    found = {name: facts["answers"].get("versions", {}).get(program, "") for name, facts in hosts.items()}
    minors = {name: version_of(version)[:2] for name, version in found.items() if version}
    newest = max(minors.values(), default=())
    for name, minor in minors.items():
        if minor[0] != newest[0] or newest[1] - minor[1] > 1:
            yield HostFinding(
                name,
                f"has {found[name]}, and others have {newest[0]}.{newest[1]} already.",
                "Upgrade it with the bundles in between.",
            )


def _agreed(bounds: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the bounds that most clocks agree on; of several, those nearest to the installer's own clock."""

    def holding(time: float) -> list[tuple[float, float]]:
        return [(first, last) for first, last in bounds if first <= time <= last]

    best = max((first for first, _ in bounds), key=lambda first: (len(holding(first)), -abs(first)))
    return best, min(last for _, last in holding(best))


def _same(hosts: AllFacts, of: Callable[[Facts], Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each value that several hosts have, with these."""
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for name, facts in hosts.items():
        for value in sorted(set(of(facts))):
            owners[value].append(name)
    yield from ((value, names) for value, names in owners.items() if len(names) > 1)


def _of(names: Sequence[str], message: str, cure: str) -> HostFinding:
    return HostFinding(names[0], f"{message} {listed(names[1:])}.", cure)


def datagrams_pass(hosts: AllFacts, address: str, peers: Sequence[str], port: int) -> Iterator[HostFinding]:
    """Pods of different hosts reach each other through tunnels of UDP, which firewalls often forget.

    Where nobody listens yet, the peer's kernel says so; who listens says nothing, and cannot be told from a firewall.
    """
    del address  # each host asked by its own
    owners = {own: name for name, facts in hosts.items() for own in addresses_in(facts, ["0.0.0.0/0", "::/0"])}
    for own, name in owners.items():
        for peer in nearest_peers(own, peers) if own in peers else []:
            heard = answer(hosts[name], "datagrams", _place(peer, port))
            if peer not in owners or heard in ("answered", "refused") or _listens(hosts[owners[peer]], port):
                continue
            yield HostFinding(
                name,
                f"hears nothing of {owners[peer]} ({peer}) when it sends to UDP port {port} there: {heard}.",
                "Open that port between the hosts, both ways, and let ICMP pass that says when nobody listens.",
            )


def _listens(facts: Facts, port: int) -> bool:
    return any(entry["protocol"] == "udp" and entry["port"] == port for entry in facts["listeners"])


def _place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _asks_datagrams(given: Mapping[str, Any]) -> Questions:
    return {"datagrams": [_place(peer, given["port"]) for peer in nearest_peers(given["address"], given["peers"])]}


def _odd_ones(values: Mapping[str, Any], message: str, cure: str) -> Iterator[HostFinding]:
    """Yield the hosts whose value is not what most have."""
    if len(set(values.values())) < 2:
        return
    usual = Counter(values.values()).most_common(1)[0][0]
    for name, value in values.items():
        if value != usual:
            most = f"most hosts have {_short(usual)}" if len(values) > 2 else f"the other has {_short(usual)}"
            yield HostFinding(name, f"{message.format(_short(value))}; {most}.", cure)


def _short(value: Any) -> str:
    return str(value).removeprefix("sha256:")[:12] if str(value).startswith("sha256:") else str(value)


def _range(start: str, stop: str) -> list[str]:
    first, last = ip_address(start), ip_address(stop)
    count = min(int(last) - int(first) + 1, _MOST_ADDRESSES)
    return [str(first + step) for step in range(count)]


def _asks_range(given: Mapping[str, Any]) -> Questions:
    return {"neighbours": _range(given["start"], given["stop"])}


CHECKS = (
    Check(duplicate_hostname),
    Check(duplicate_machine_id),
    Check(duplicate_ssh_host_key),
    Check(duplicate_mac),
    Check(duplicate_address),
    Check(mtu_equal),
    Check(time_zone_equal, warns=True),
    Check(time_skew),
    Check(api_address_free, asks_for("neighbours", "address")),
    Check(load_balancer_range_free, _asks_range),
    Check(datagrams_pass, _asks_datagrams, warns=True),
    Check(same_authority, asks_for("digests", "path")),
    Check(same_cluster, asks_for("digests", "path")),
    Check(versions_apart, asks_for("versions", "program")),
)
