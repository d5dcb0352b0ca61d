"""Falco's rules are read as Falco reads them, and what is wrong with them is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.platform.base.plugins.filter.detection import detection_exceptions, detection_output_faults
from ansible_collections.platform.base.plugins.module_utils.detection_conditions import (
    Names,
    WrongCondition,
    holds,
    read,
)
from ansible_collections.platform.base.plugins.module_utils.detection_rules import faults, load

KNOWN: dict[str, Any] = {
    "fields": {
        "evt.type": {"type": "text"},
        "evt.failed": {"type": "boolean"},
        "evt.arg": {"type": "text", "argument": "required"},
        "proc.name": {"type": "text"},
        "proc.aname": {"type": "text", "argument": "allowed"},
        "proc.pid": {"type": "number"},
        "proc.cmdline": {"type": "text"},
    },
    "events": {"execve": ["exe"], "openat": ["name"]},
}
GOOD = {
    "rule": "A rule",
    "desc": "It is one.",
    "condition": "evt.type = execve and proc.name = sh",
    "output": "%proc.name %proc.aname[2] %evt.arg.exe",
    "priority": "WARNING",
}
WRONG = yaml.safe_load((Path(__file__).parent / "wrong_rules.yml").read_text())


def wrong_with(*entries: Any) -> list[str]:
    return faults({"rules.yaml": yaml.safe_dump(list(entries))}, KNOWN)


def test_nothing_is_wrong_with_a_good_rule() -> None:
    assert wrong_with(GOOD) == []


@pytest.mark.parametrize("case", [pytest.param(case, id=case["says"]) for case in WRONG])
def test_what_is_wrong_is_told(case: dict[str, Any]) -> None:
    rule = {key: value for key, value in {**GOOD, **case.get("rule", {})}.items() if value is not None}

    found = wrong_with(*case.get("before", []), rule, *case.get("after", []))

    assert len(found) == 1
    assert case["says"] in found[0]


@pytest.mark.parametrize(("text", "says"), [("- {", "no YAML"), ("rule: x", "no list"), ("- 7", "neither a rule")])
def test_a_file_that_is_none_of_rules_is_told(text: str, says: str) -> None:
    found = faults({"mine.yaml": text}, KNOWN)

    assert len(found) == 1
    assert "mine.yaml" in found[0] and says in found[0]


def test_what_falco_asks_of_itself_is_passed_over() -> None:
    assert wrong_with({"required_engine_version": "0.57.0"}, GOOD) == []


@pytest.mark.parametrize(
    ("text", "event", "wanted"),
    [
        ("a.b = x or a.c = y and a.d = z", {"a.b": "x"}, True),
        ("(a.b = x or a.c = y) and a.d = z", {"a.b": "x"}, False),
        ("not a.b = x", {"a.b": "y"}, True),
        ("not a.b = x", {}, True),
        ("a.b != x", {"a.b": "y"}, True),
        ("a.b != x", {}, False),
        ("a.b exists", {}, False),
        ("a.b exists and not a.c exists", {"a.b": 0}, True),
        ("a.b = true", {"a.b": True}, True),
        ("a.b > 9", {"a.b": 10}, True),
        ("a.b <= 9", {"a.b": 10}, False),
        ("a.b in (x, y)", {"a.b": "y"}, True),
        ("a.b in (x, some)", {"a.b": "one"}, True),
        ('a.b in ("some")', {"a.b": "one"}, False),
        ("a.b in some", {"a.b": "three"}, True),
        ("a.b in ()", {"a.b": ""}, False),
        ("a.b pmatch (/etc)", {"a.b": "/etc/passwd"}, True),
        ("a.b pmatch (/etc)", {"a.b": "/etcetera"}, False),
        ("a.b pmatch (/etc/)", {"a.b": "/etc/x"}, True),
        ("a.b intersects (x, y)", {"a.b": ["z", "y"]}, True),
        ("a.b startswith /etc/ and a.b endswith wd", {"a.b": "/etc/passwd"}, True),
        ("a.b contains 'two words'", {"a.b": "the two words"}, True),
        ("a.b icontains TWO", {"a.b": "the two words"}, True),
        ("a.b glob '/etc/*.d/?'", {"a.b": "/etc/x.d/y"}, True),
        ("a.b regex '[a-z]+'", {"a.b": "abc1"}, False),
        ("tolower(a.b) = x", {"a.b": "X"}, True),
        ("len(a.b) > 2", {"a.b": "abc"}, True),
        ("basename(tolower(a.b)) = sh", {"a.b": "/BIN/SH"}, True),
        ("a.b[2] = x", {"a.b[2]": "x", "a.b": "y"}, True),
        ("known", {"a.b": "x"}, True),
        ("not (known)", {"a.b": "x"}, False),
    ],
)
def test_a_condition_holds_as_falco_would_have_it(text: str, event: dict[str, Any], wanted: bool) -> None:
    names = Names({"known": read("a.b = x")}, {"some": ["one", "three"]})

    assert holds(read(text), event, names) is wanted


def test_a_macro_that_there_is_not_holds_for_nothing_in_silence() -> None:
    with pytest.raises(WrongCondition, match="no macro `unknown`"):
        holds(read("unknown"), {}, Names({}, {}))


def test_a_list_may_name_another() -> None:
    rules = load({"r": "- list: inner\n  items: [b]\n- list: outer\n  items: [a, inner]\n"})

    assert rules.names.lists["outer"] == ["a", "b"]


def test_what_comes_later_adds_to_what_was_before() -> None:
    later = [
        {"list": "shells", "items": ["zsh"], "override": {"items": "append"}},
        {"rule": "A rule", "priority": "ERROR", "override": {"priority": "replace"}},
        {"rule": "A rule", "condition": "and not proc.name = zsh", "override": {"condition": "append"}},
    ]
    first = [{"list": "shells", "items": ["sh"]}, {**GOOD, "condition": "evt.type = execve and proc.name in (shells)"}]

    rules = load({"10.yaml": yaml.safe_dump(first), "90.yaml": yaml.safe_dump(later)})

    assert rules.faults == []
    assert rules.items["rule"]["A rule"]["priority"] == "ERROR"
    assert rules.matching({"evt.type": "execve", "proc.name": "sh"}) == ["A rule"]
    assert rules.matching({"evt.type": "execve", "proc.name": "zsh"}) == []


def test_an_exception_needs_every_field_and_one_value_of_each() -> None:
    known = {
        "rule": "A rule", "name": "mine", "reason": "a test",
        "fields": {"proc.name": ["sh", "bash"], "proc.cmdline": ["sh -c one", "sh -c two"]},
        "comparisons": {"proc.cmdline": "startswith"},
    }  # fmt: skip

    rules = load({"1": yaml.safe_dump([GOOD]), "2": detection_exceptions([known])})

    event = {"evt.type": "execve", "proc.name": "sh"}
    assert rules.faults == []
    assert rules.matching({**event, "proc.cmdline": "sh -c two three"}) == []
    assert rules.matching({**event, "proc.cmdline": "sh -c three"}) == ["A rule"]
    assert rules.matching(event) == ["A rule"]


def test_an_exception_may_be_of_one_field_alone() -> None:
    rules = load(
        {"1": yaml.safe_dump([{**GOOD, "exceptions": [{"name": "m", "fields": "proc.cmdline", "values": ["x"]}]}])}
    )

    assert rules.matching({"evt.type": "execve", "proc.name": "sh", "proc.cmdline": "x"}) == []
    assert rules.matching({"evt.type": "execve", "proc.name": "sh", "proc.cmdline": "y"}) == ["A rule"]


@pytest.mark.parametrize(
    "change",
    [{"reason": ""}, {"fields": {}}, {"why": "so"}, {"comparisons": {"proc.pid": "="}}],
    ids=["no reason", "no fields", "too much", "another field compared"],
)
def test_an_exception_that_says_too_little_is_refused(change: dict[str, Any]) -> None:
    entry = {"rule": "A rule", "name": "mine", "reason": "a test", "fields": {"proc.name": ["sh"]}}

    with pytest.raises(AnsibleFilterError):
        detection_exceptions([{**entry, **change}])


def test_no_exception_is_a_file_without_rules() -> None:
    assert yaml.safe_load(detection_exceptions([])) == []


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (
            {"urls": ["https://one.example.com:9093", "https://two.example.com/path"], "namespace": "m"},
            "two.example.com/path",
        ),
        ({"url": "http://loki.example.com", "namespace": "m"}, "http://loki.example.com"),
        ({"urls": [], "namespace": "m"}, "says no address"),
        ({"networks": ["192.0.2.0/24"]}, "says no address"),
        ({"url": "https://loki.example.com:3100"}, "says neither"),
        ({"url": "https://loki.example.com:3100", "namespace": "", "networks": []}, "says neither"),
    ],
)
def test_where_alerts_cannot_go_is_told(output: dict[str, Any], says: str) -> None:
    found = detection_output_faults({"falco_loki": output})

    assert len(found) == 1
    assert found[0].startswith("`falco_loki`") and says in found[0]


def test_alerts_may_go_nowhere_or_where_they_can() -> None:
    told = {"url": "https://loki.example.com", "networks": ["192.0.2.0/24"]}

    assert detection_output_faults({"falco_alertmanager": {}, "falco_loki": told}) == []
