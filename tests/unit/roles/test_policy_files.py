"""The policies' files hang together; `tests/integration/test_policies.py` tries what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

_PROJECT = Path(__file__).resolve().parents[3]
_FOLDER = _PROJECT / "roles/gatekeeper/files/policies"
_POLICIES = sorted(path.name for path in _FOLDER.iterdir())
# Resources of the kinds that policies judge.
_PLURALS = {"Ingress": "ingresses", "PodDisruptionBudget": "poddisruptionbudgets"}


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _source(policy: str) -> dict[str, Any]:
    [target] = _read(_FOLDER / policy / "template.yml")["spec"]["targets"]
    [code] = target["code"]
    source: dict[str, Any] = code["source"]
    return source


def _cases(policy: str) -> list[dict[str, Any]]:
    [test] = _read(_FOLDER / policy / "suite.yml")["tests"]
    cases: list[dict[str, Any]] = test["cases"]
    return cases


def test_there_are_policies() -> None:
    assert len(_POLICIES) >= 16


def test_what_policies_share_is_the_same_in_each() -> None:
    assert len({tuple(_source(policy)["libs"]) for policy in _POLICIES}) == 1


@pytest.mark.parametrize("policy", _POLICIES)
def test_every_rule_passes_over_what_is_exempt(policy: str) -> None:
    rego = _source(policy)["rego"]

    assert rego.count("violation contains") == rego.count("  not platform.exempt\n") > 0


@pytest.mark.parametrize("policy", _POLICIES)
def test_a_policy_is_named_after_its_folder(policy: str) -> None:
    kind = _read(_FOLDER / policy / "template.yml")["spec"]["crd"]["spec"]["names"]["kind"]
    constraint = _read(_FOLDER / policy / "constraint.yml")

    assert constraint["kind"] == kind
    assert kind.lower() == f"platform{policy.replace('_', '')}"
    assert constraint["metadata"]["name"] == policy.replace("_", "-")


@pytest.mark.parametrize("policy", _POLICIES)
def test_a_policy_has_cases_that_pass_and_cases_that_are_refused_with_a_cure(policy: str) -> None:
    assertions = [assertion for case in _cases(policy) for assertion in case["assertions"]]

    allowed = [entry for entry in assertions if entry == {"violations": 0}]
    denied = [entry for entry in assertions if entry["violations"] == 1 and entry.get("message")]

    assert allowed
    assert denied
    assert len(allowed) + len(denied) == len(_cases(policy)) == len(assertions)


@pytest.mark.parametrize("policy", _POLICIES)
def test_every_file_of_a_case_is_tried(policy: str) -> None:
    named = {name for case in _cases(policy) for name in (case["object"], *case.get("inventory", ()))}

    assert named == {f"cases/{path.name}" for path in (_FOLDER / policy / "cases").iterdir()}


def test_the_webhook_asks_about_everything_that_policies_judge() -> None:
    rules = _read(_PROJECT / "roles/gatekeeper/vars/main.yml")["__gatekeeper_webhook_rules"]
    asked = {(group, resource) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"]}

    judged = {
        (group, _PLURALS.get(kind, kind.lower() + "s"))
        for policy in _POLICIES
        for entry in _read(_FOLDER / policy / "constraint.yml")["spec"]["match"]["kinds"]
        for group in entry["apiGroups"]
        for kind in entry["kinds"]
    }

    assert judged <= asked


def test_what_policies_know_beside_the_object_is_synchronised() -> None:
    synced = _read(_PROJECT / "roles/gatekeeper/vars/main.yml")["__gatekeeper_synced"]["spec"]["gvks"]

    wanted = {
        entry["kind"] for entry in synced if any(f".{entry['kind']}" in _source(policy)["rego"] for policy in _POLICIES)
    }

    assert wanted == {entry["kind"] for entry in synced}
    assert {policy for policy in _POLICIES if "data.inventory" in _source(policy)["rego"]} == {
        "disruption_budgets", "gpu_quota", "ingress_hosts",
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(_PROJECT.glob("roles/*/component.yml")), ids=lambda path: path.parent.name)
def test_a_component_is_exempt_from_policies_that_there_are(path: Path) -> None:
    exempt = {policy for entry in _read(path).get("exemptions", []) for policy in entry["policies"]}

    assert exempt <= set(_POLICIES)
