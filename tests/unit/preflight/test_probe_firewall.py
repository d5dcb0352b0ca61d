from __future__ import annotations

from pathlib import Path

from ansible_collections.platform.base.plugins.module_utils.preflight_probes import firewall

from tests.unit.preflight.hosts import Programs, host

_NFT = """\
table inet site {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established accept
	}
	chain audit {
		tcp dport 25 log prefix "drop this" accept comment "reject later"
	}
	chain bad {
		ip saddr 198.51.100.7 drop
		tcp dport 6443 reject with tcp reset
	}
}
"""
_IPTABLES = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:SITE - [0:0]
-A SITE -p tcp -m comment --comment "DROP everything" -j ACCEPT
-A SITE -p tcp --dport 6443 -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""


def test_only_chains_that_refuse_are_told() -> None:
    found = firewall.from_nft(_NFT)

    assert [(chain["table"], chain["chain"], chain["policy"], chain["refusing"]) for chain in found] == [
        ("inet site", "input", "drop", 0),
        ("inet site", "bad", "accept", 2),
    ]


def test_older_filters_are_read_where_there_is_no_nft(tmp_path: Path) -> None:
    found = firewall.firewall(host(tmp_path, {}), Programs({"iptables-save": _IPTABLES}))["chains"]

    assert [(chain["table"], chain["chain"], chain["policy"], chain["refusing"]) for chain in found] == [
        ("ip filter", "FORWARD", "drop", 0),
        ("ip filter", "SITE", "accept", 1),
    ]


def test_both_kinds_of_filters_are_read_where_both_are(tmp_path: Path) -> None:
    root = host(tmp_path, {"/proc/net/ip_tables_names": "filter\n"})
    programs = Programs({"nft": _NFT, "iptables-legacy-save": _IPTABLES})

    found = firewall.firewall(root, programs)

    assert len(found["chains"]) == 4


def test_ufw_is_on_when_its_settings_say_so(tmp_path: Path) -> None:
    root = host(tmp_path, {"/etc/ufw/ufw.conf": "# ENABLED=no\nENABLED=yes\n"})

    assert firewall.firewall(root, Programs({}))["ufw"]
