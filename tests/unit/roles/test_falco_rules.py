"""The rules of Falco: each can be read, names what there is, and is triggered by what it is about alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.platform.base.plugins.filter.detection import detection_exceptions
from ansible_collections.platform.base.plugins.module_utils.detection_conditions import Check, Macro, holds, parts
from ansible_collections.platform.base.plugins.module_utils.detection_rules import (
    Rules,
    faults,
    field_faults,
    load,
    passes_over,
)

from installer.adapters.catalog_files import load_catalog
from tests.repository import PROJECT, ROLES, read, role_folder

ROLE = role_folder("falco")
FIELDS = read(ROLE / "files" / "fields.yml")
EXCEPTIONS: list[dict[str, Any]] = read(ROLE / "files" / "exceptions.yml")
FILES = {
    **{path.name: path.read_text() for path in sorted((ROLE / "files" / "rules").iterdir())},
    "80-known.yaml": detection_exceptions(EXCEPTIONS),
}
RULES: Rules = load(FILES)
CASES: dict[str, dict[str, Any]] = {
    f"{path.stem}: {case['name']}": case
    for path in sorted((ROLE / "tests" / "cases").glob("*.yml"))
    for case in read(path)["cases"]
}
EVENTS = [case["event"] for case in CASES.values()]


def test_nothing_is_wrong_with_the_rules() -> None:
    assert faults(FILES, FIELDS) == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_event_triggers_the_rules_it_must_and_no_other(case: dict[str, Any]) -> None:
    assert sorted(RULES.matching(case["event"])) == sorted(case["triggers"])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_event_has_fields_that_there_are(case: dict[str, Any]) -> None:
    assert [fault for name in case["event"] for fault in field_faults(name, "", FIELDS)] == []
    assert case["event"]["evt.type"] in FIELDS["events"]


def test_every_rule_is_triggered_by_an_event_and_not_by_one_of_the_same_kind() -> None:
    lame = []

    for name in RULES.conditions["rule"]:
        kinds: dict[bool, set[str]] = {True: set(), False: set()}
        for case in CASES.values():
            kinds[name in case["triggers"]].add(case["event"]["evt.type"])
        if not kinds[True] & kinds[False]:
            lame.append(name)

    assert lame == []


@pytest.mark.parametrize("entry", EXCEPTIONS, ids=lambda entry: f"{entry['rule']}: {entry['name']}")
def test_an_exception_keeps_a_rule_from_an_event_that_would_trigger_it(entry: dict[str, Any]) -> None:
    exception = RULES.exceptions(entry["rule"])[entry["name"]]
    condition, names = RULES.conditions["rule"][entry["rule"]], RULES.names

    kept = [event for event in EVENTS if holds(condition, event, names) and passes_over(exception, event, names)]

    assert kept, "no case is passed over by it"


@pytest.mark.parametrize("entry", EXCEPTIONS, ids=lambda entry: f"{entry['rule']}: {entry['name']}")
def test_an_exception_is_of_one_component_and_says_why(entry: dict[str, Any]) -> None:
    spaces = {read(role_folder(role) / "component.yml").get("namespace") for role in ROLES}

    assert len(entry["reason"]) > 20 and not entry["reason"].endswith(".")
    assert set(entry["fields"]["k8s.ns.name"]) <= spaces and entry["fields"]["container.name"]


def test_no_two_exceptions_of_a_rule_have_one_name() -> None:
    named = [(entry["rule"], entry["name"]) for entry in EXCEPTIONS]

    assert len(set(named)) == len(named)


def test_every_list_and_macro_is_used() -> None:
    named = set(_named())

    assert set(RULES.items["macro"]) | set(RULES.items["list"]) <= named


def _named() -> Iterator[str]:
    """Yield every macro and list that a condition names."""
    for conditions in RULES.conditions.values():
        for node in conditions.values():
            for part in parts(node):
                if isinstance(part, Macro):
                    yield part.name
                elif isinstance(part, Check):
                    yield from (value.text for value in part.values if not value.quoted)


def test_a_macro_is_there_before_it_is_named() -> None:
    seen: set[str] = set()
    early = []

    for name in sorted(FILES):
        for entry in yaml.safe_load(FILES[name]):
            if "macro" in entry or "condition" in entry:
                own = entry.get("macro") or entry["rule"]
                node = RULES.conditions["macro" if "macro" in entry else "rule"][own]
                early += [f"{own}: {p.name}" for p in parts(node) if isinstance(p, Macro) and p.name not in seen]
                seen.add(entry.get("macro", ""))

    assert early == []


def test_every_rule_says_what_it_is_about() -> None:
    for name, rule in RULES.items["rule"].items():
        assert rule["desc"].endswith("."), name
        assert {"container", "host"} & set(rule["tags"]), name
        assert any(tag.startswith("mitre_") for tag in rule["tags"]), name
        assert "%proc.cmdline" in rule["output"], name
        assert ("k8s.pod.name" in rule["output"]) or ("%evt.hostname" in rule["output"]), name


def test_there_is_a_rule_of_every_priority_that_alerts_are_sent_by() -> None:
    found = {rule["priority"].lower() for rule in RULES.items["rule"].values()}

    assert found == {"critical", "error", "warning", "notice"}
    assert len(RULES.items["rule"]) >= 25


def test_the_fields_are_those_of_the_version_that_runs() -> None:
    images = load_catalog(PROJECT / "roles")["falco"].description.artifacts.images

    assert FIELDS["versions"]["falco"] == images[0].version


def test_what_verification_looks_for_are_warnings() -> None:
    trials = read(ROLE / "vars" / "main.yml")["__falco_trials"]

    assert {trial["rule"] for trial in trials} <= set(RULES.items["rule"])
    assert {RULES.items["rule"][trial["rule"]]["priority"] for trial in trials} == {"WARNING"}
