"""Policies as a site has them: by environment, with what is exempt."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter.policies import constraints, exemptions, named

ACTIONS = {"dev": "warn", "staging": "deny", "prod": "deny"}
PODS: dict[str, Any] = {
    "kind": "PlatformProbes",
    "metadata": {"name": "probes"},
    "spec": {
        "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]},
        "parameters": {"required": ["readinessProbe"]},
    },
}
ROLES: dict[str, Any] = {
    "kind": "PlatformWildcardRoles",
    "metadata": {"name": "wildcard-roles"},
    "spec": {"match": {"kinds": [{"apiGroups": ["rbac"], "kinds": ["ClusterRole", "Role"]}]}},
}


def made(policies: dict[str, Any], **given: Any) -> dict[str, dict[str, Any]]:
    """Return the specifications of constraints by name."""
    arguments: dict[str, Any] = {"policy_actions": {}, "parameters": {}, "exempt": {}, **given}
    return {
        entry["metadata"]["name"]: entry["spec"] for entry in constraints(policies, ["kube-*"], ACTIONS, **arguments)
    }


def test_each_environment_has_its_action() -> None:
    found = made({"probes": PODS}, policy_actions={"probes": {"staging": "dryrun"}})

    actions = {name: spec["enforcementAction"] for name, spec in found.items()}
    assert actions == {
        "probes-dev": "warn",
        "probes-staging": "dryrun",
        "probes-prod": "deny",
        "probes-platform": "deny",
    }


def test_who_does_not_say_which_environment_is_held_to_the_strictest() -> None:
    selector = made({"probes": PODS})["probes-prod"]["match"]["namespaceSelector"]

    assert selector["matchExpressions"] == [
        {"key": "platform.internal/environment", "operator": "NotIn", "values": ["dev", "staging"]}
    ]


def test_what_has_no_namespace_is_judged_once() -> None:
    found = made({"wildcard_roles": ROLES})

    assert {spec["match"]["scope"] for name, spec in found.items() if name != "wildcard-roles-cluster"} == {
        "Namespaced"
    }
    assert found["wildcard-roles-cluster"]["match"]["scope"] == "Cluster"
    assert found["wildcard-roles-cluster"]["enforcementAction"] == "deny"


def test_a_namespace_is_the_platforms_or_an_environments() -> None:
    found = made({"probes": PODS})

    assert found["probes-platform"]["match"]["namespaces"] == ["kube-*"]
    assert all(found[f"probes-{environment}"]["match"]["excludedNamespaces"] == ["kube-*"] for environment in ACTIONS)


def test_what_a_site_asks_of_its_teams_is_not_asked_of_the_platform() -> None:
    found = made({"probes": PODS}, parameters={"probes": {"required": ["livenessProbe"]}})

    assert found["probes-dev"]["parameters"] == {"required": ["livenessProbe"], "exempt": []}
    assert found["probes-platform"]["parameters"] == {"required": ["readinessProbe"], "exempt": []}


@pytest.mark.parametrize("where", ["policy_actions", "parameters", "exempt"])
def test_a_policy_that_there_is_not_is_told_of(where: str) -> None:
    with pytest.raises(ValueError, match="There is no policy prods; there are probes"):
        made({"probes": PODS}, **{where: {"prods": {}}})


def test_components_exempt_what_is_in_their_own_namespace() -> None:
    entry = {"names": ["agent-*", "operator-*"], "policies": ["probes"], "reason": "part of the host"}

    found = exemptions({"agents": {"namespace": "agents", "exemptions": [entry]}, "others": {}})

    assert found == {
        "probes": [
            {"namespace": "agents", "name": "agent-*", "reason": "part of the host"},
            {"namespace": "agents", "name": "operator-*", "reason": "part of the host"},
        ]
    }


def test_a_site_exempts_what_it_names() -> None:
    mine = {"namespace": "backup", "names": ["agent-*"], "policies": ["probes"], "reason": "reads every volume"}

    found = exemptions({}, [mine, {**mine, "namespace": None}])

    assert [entry["namespace"] for entry in found["probes"]] == ["backup", ""]


def test_documents_are_found_by_their_name() -> None:
    files = {
        "probes/constraint.yml": "kind: One",
        "probes/cases/constraint.yaml": "",
        "seccomp/constraint.yml": "kind: Two",
    }

    assert named(files, "constraint.yml") == {"probes": {"kind": "One"}, "seccomp": {"kind": "Two"}}
