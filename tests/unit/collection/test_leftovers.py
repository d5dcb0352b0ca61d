"""What programs left in the kernel is found by its name, and nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.platform.base.plugins.module_utils import leftovers

Program = Callable[..., Path]
NOTHING: dict[str, list[str]] = {name: [] for name in leftovers.OPTIONS}


def clear(wet: bool = False, **wanted: list[str]) -> list[str]:
    return leftovers.clear({**NOTHING, **wanted}, wet)


def chain(table: str, name: str, hook: str = "") -> dict[str, Any]:
    return {"chain": {"family": "ip", "table": table, "name": name, **({"hook": hook} if hook else {})}}


def rule(table: str, chain: str, handle: int, target: str = "") -> dict[str, Any]:
    expression = [{"jump": {"target": target}}] if target else [{"counter": {}}]
    return {"rule": {"family": "ip", "table": table, "chain": chain, "handle": handle, "expr": expression}}


def ruleset(*entries: dict[str, Any]) -> str:
    return json.dumps({"nftables": list(entries)})


def commands(program: Program, folder: Path, answer: str) -> Path:
    """Put an nft on the path that keeps what it is told."""
    program("nft", answer)
    told = folder / "told"
    script = (folder / "programs" / "nft").read_text()
    (folder / "programs" / "nft").write_text(script.replace("cat ", f'[ "$1" = -f ] && cat >> {told}; cat '))
    return told


def test_a_table_in_which_nothing_stays_goes_as_a_whole(program: Program, tmp_path: Path) -> None:
    found = ruleset(chain("nat", "POSTROUTING", "postrouting"), chain("nat", "KUBE-MARK"),
                    rule("nat", "POSTROUTING", 4, "KUBE-MARK"))  # fmt: skip
    told = commands(program, tmp_path, found)

    clear(wet=True, chains=["KUBE-*"])

    assert told.read_text() == "delete table ip nat"


def test_rules_of_others_stay(program: Program, tmp_path: Path) -> None:
    found = ruleset(chain("filter", "INPUT", "input"), chain("filter", "KUBE-FIREWALL"),
                    rule("filter", "INPUT", 4, "KUBE-FIREWALL"), rule("filter", "INPUT", 5))  # fmt: skip
    told = commands(program, tmp_path, found)

    clear(wet=True, chains=["KUBE-*"])

    assert told.read_text().splitlines() == [
        "delete rule ip filter INPUT handle 4",
        "flush chain ip filter KUBE-FIREWALL",
        "delete chain ip filter KUBE-FIREWALL",
    ]


def test_a_table_with_a_policy_of_its_own_stays(program: Program, tmp_path: Path) -> None:
    guarded = chain("filter", "INPUT", "input")
    guarded["chain"]["policy"] = "drop"
    told = commands(program, tmp_path, ruleset(guarded, chain("filter", "KUBE-FIREWALL")))

    clear(wet=True, chains=["KUBE-*"])

    assert "delete table" not in told.read_text()


def test_chains_of_others_are_not_even_looked_at(program: Program) -> None:
    program("nft", ruleset(chain("filter", "SITE-RULES"), chain("filter", "INPUT", "input")))

    assert clear(chains=["KUBE-*", "CILIUM_*"]) == []


def test_a_rehearsal_deletes_nothing(program: Program, tmp_path: Path) -> None:
    told = commands(program, tmp_path, ruleset({"table": {"family": "inet", "name": "platform_egress"}}))

    found = clear(wet=False, tables=["inet platform_egress"])

    assert found == ["table inet platform_egress"]
    assert not told.exists()


def test_interfaces_go_by_pattern(program: Program) -> None:
    calls = program("ip", json.dumps([{"ifname": name} for name in ("lo", "eth0", "lxc1234", "cilium_host")]))

    found = clear(wet=True, links=["lxc*", "cilium_*"])

    assert found == ["link lxc1234", "link cilium_host"]
    assert calls.read_text().splitlines()[1:] == ["link del lxc1234", "link del cilium_host"]


def test_an_address_goes_with_its_prefix(program: Program) -> None:
    entries = [{"local": "192.0.2.1", "prefixlen": 24}, {"local": "192.0.2.100", "prefixlen": 24}]
    calls = program("ip", json.dumps([{"ifname": "eth0", "addr_info": entries}]))

    clear(wet=True, addresses=["192.0.2.100"])

    assert calls.read_text().splitlines()[1:] == ["address del 192.0.2.100/24 dev eth0"]


def test_nothing_is_mounted_below_a_folder_nobody_uses() -> None:
    assert clear(mounts=["/nowhere/at/all"]) == []


def test_no_program_of_that_name_runs() -> None:
    assert clear(wet=True, processes=["no-such-program-runs"]) == []
