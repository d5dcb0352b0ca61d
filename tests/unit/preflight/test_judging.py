from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.preflight_rules import looked
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.hosts import datagrams_pass
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import Unanswered, WrongCheck
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import (
    accept,
    judge,
    questions_of,
    unanswered,
)

from tests.unit.preflight.sites import Site


def test_a_check_that_there_is_not_is_refused() -> None:
    with pytest.raises(WrongCheck, match="no check `cpu_cuont`"):
        questions_of({"cpu_cuont": {"minimum": 2}})


def test_a_parameter_that_a_check_does_not_take_is_refused() -> None:
    with pytest.raises(WrongCheck, match="takes minimum"):
        questions_of({"cpu_count": {"least": 2}})


def test_a_check_that_is_not_wanted_asks_and_judges_nothing(site: Site) -> None:
    wanted = {"disk_write_latency": {"when": False, "paths": ["/var/lib/none"], "maximum_ms": 1}}

    assert questions_of(wanted) == {}
    assert judge(wanted, "node1", site.facts["node1"]) == []


def test_a_cure_names_the_setting_that_moves_the_limit(site: Site) -> None:
    problems = judge({"cpu_count": {"minimum": 99, "setting": "example_cpus"}}, "node1", site.facts["node1"])

    assert problems[0]["cure"].endswith("set `example_cpus` instead.")


def test_only_what_is_not_known_yet_is_asked(site: Site) -> None:
    questions = {"paths": ["/", "/opt"], "files": ["/var/lib/platform/kubernetes.json"]}

    assert unanswered(questions, site.facts["node1"]) == {"paths": ["/opt"]}


def test_a_host_that_could_not_be_looked_at_has_answered_nothing() -> None:
    questions = {"paths": ["/"]}

    assert unanswered(questions, looked.failure("no Python")) == questions


def test_judging_what_was_never_asked_is_a_bug_not_a_pass(site: Site) -> None:
    with pytest.raises(Unanswered):
        judge({"path_noexec": {"paths": ["/opt"]}}, "node1", site.facts["node1"])


def test_what_the_inventory_accepts_keeps_its_reason(site: Site) -> None:
    problems = judge(
        {"cpu_count": {"minimum": 99}, "memory_size": {"minimum_mib": 99999}}, "node1", site.facts["node1"]
    )

    accepted = accept(problems, {"cpu_count": "A test."})

    assert [(p["check"], p["severity"], p.get("reason")) for p in accepted] == [
        ("cpu_count", "accepted", "A test."),
        ("memory_size", "failure", None),
    ]


def test_a_reason_for_a_check_that_there_is_not_is_refused() -> None:
    with pytest.raises(WrongCheck, match="cpu_cuont"):
        accept([], {"cpu_cuont": "A test."})


def test_a_warning_stops_nothing(site: Site) -> None:
    site.facts["node1"]["time_zone"] = "Europe/Berlin"

    assert [problem["severity"] for problem in site.problems()] == ["warning"]


def test_a_second_look_adds_to_the_first() -> None:
    first: dict[str, Any] = {"answers": {"files": {"/a": 1}}, "now": 1.0, "hostname": "node1"}

    facts = looked.completed(first, {"answers": {"files": {"/b": 2}, "paths": {"/": {}}}, "now": 2.0})

    assert facts == {"answers": {"files": {"/a": 1, "/b": 2}, "paths": {"/": {}}}, "now": 2.0, "hostname": "node1"}


def test_a_clock_is_known_as_well_as_the_question_was_quick() -> None:
    assert looked.clock(now=105.0, began=100.0, ended=102.0) == {"earliest": 3.0, "latest": 5.0}


def test_a_skew_within_the_time_the_question_took_is_passed_over(site: Site) -> None:
    site.facts["node1"]["clock"] = {"earliest": -1.0, "latest": 30.0}

    assert site.problems() == []


def test_a_busy_hosts_late_answer_makes_no_other_clock_wrong(site: Site) -> None:
    site.facts["admin1"]["clock"] = {"earliest": -7.0, "latest": 0.1}
    site.facts["node1"]["clock"] = {"earliest": -2.0, "latest": 40.0}
    site.facts["node2"]["clock"] = {"earliest": -1.0, "latest": 45.0}

    assert site.problems() == []


def test_a_host_without_python_is_told_so() -> None:
    problems = looked.problems("node1", looked.failure("/bin/sh: 1: /usr/bin/python3: not found"))

    assert [(problem["check"], problem["cure"]) for problem in problems] == [
        ("python_version", "Install the release's own python3.")
    ]


def test_without_roots_rights_only_what_can_be_known_is_judged(site: Site) -> None:
    facts = {**site.facts["node1"], "user": {"root": False, "login": "operator"}}

    assert set(looked.judged(site.wanted["node1"], facts)) == {"privileges", "python_version", "supported_os"}


def test_a_host_that_is_installed_already_is_not_taken_for_somebody_elses(site: Site) -> None:
    """What the platform itself runs, holds and has left is no fault on the next run."""
    for facts in site.facts.values():
        facts["ours"] = {
            "programs": ["/usr/local/bin/containerd", "/usr/local/bin/kubelet"],
            "units": ["keepalived.service"],
        }
        facts["traces"] = ["/etc/kubernetes", "/var/lib/kubelet", "the link cilium_host"]
        facts["answers"]["files"]["/var/lib/platform/kubernetes.json"] = 17
        facts["answers"]["versions"]["/usr/local/bin/kubelet"] = "v1.36.4"
        facts["answers"]["paths"]["/var/lib/containerd"]["free_mib"] = 20000
        facts["listeners"] = [
            {"protocol": "tcp", "port": 6443, "address": "::", "process": "kube-apiserver", "unit": "pod", "ours": True}
        ]
        for unit in ("containerd.service", "kubelet.service", "haproxy.service"):
            facts["units"][unit] = {"active": True, "enabled": True, "ours": True}
        facts["firewall"]["chains"] = [
            {"table": "inet platform_egress", "chain": "output", "hook": "output", "policy": "accept", "refusing": 1},
            {"table": "ip filter", "chain": "KUBE-FIREWALL", "hook": "", "policy": "accept", "refusing": 1},
        ]
    site.facts["node1"]["answers"]["neighbours"]["192.0.2.100"] = {
        "here": True,
        "on_link": True,
        "mac": "52:54:00:00:00:11",
    }

    assert site.problems() == []


@pytest.mark.parametrize(("listeners", "found"), [([], ["node1"]), ([{"protocol": "udp", "port": 8472}], [])])
def test_of_a_peer_that_listens_and_says_nothing_nothing_is_told(
    listeners: list[dict[str, Any]], found: list[str]
) -> None:
    link = {"name": "eth0", "mac": "52:54:00:00:00:01", "mtu": 1500, "up": True}
    hosts = {
        name: {
            "interfaces": [{**link, "addresses": [f"{own}/24"]}],
            "listeners": listeners,
            "answers": {"datagrams": {f"{peer}:8472": heard}},
        }
        for name, own, peer, heard in (
            ("node1", "192.0.2.11", "192.0.2.12", "no answer"),
            ("node2", "192.0.2.12", "192.0.2.11", "refused"),
        )
    }

    told = datagrams_pass(hosts, "192.0.2.11", ["192.0.2.11", "192.0.2.12"], 8472)

    assert [finding.host for finding in told] == found
