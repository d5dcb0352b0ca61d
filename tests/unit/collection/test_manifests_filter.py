"""What a program printed is applied with what the site says of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter import manifests as filters

TEXT = """
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: velero, creationTimestamp: null}, status: {}}
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: velero, creationTimestamp: null}, spec: {}, status: {}}
---
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: velero}}
"""


def deployment(**pod: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": "velero"}, "spec": pod}


def names(objects: list[dict[str, Any]]) -> list[str]:
    return [item["kind"] for item in objects]


def test_objects_of_lists_and_of_documents_are_found() -> None:
    assert names(filters.printed(TEXT)) == ["Namespace", "Deployment", "ServiceAccount"]


def test_kinds_are_chosen_or_left_out() -> None:
    assert names(filters.printed(TEXT, kinds=["Namespace"])) == ["Namespace"]
    assert names(filters.printed(TEXT, without=["Namespace"])) == ["Deployment", "ServiceAccount"]


def test_what_a_server_fills_in_is_left_out() -> None:
    (namespace,) = filters.printed(TEXT, kinds=["Namespace"])

    assert namespace == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "velero"}}


def test_what_has_a_name_is_merged_by_it() -> None:
    under = deployment(containers=[{"name": "main", "image": "a", "env": [{"name": "A", "value": "1"}]}])
    over = {"spec": {"containers": [{"name": "main", "env": [{"name": "B", "value": "2"}]}, {"name": "side"}]}}

    (found,) = filters.overlaid([under], {"Deployment/velero": over})

    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert found["spec"]["containers"] == [{"name": "main", "image": "a", "env": env}, {"name": "side"}]


def test_other_lists_are_replaced() -> None:
    over = {"spec": {"tolerations": [{"operator": "Exists"}]}}

    (found,) = filters.overlaid([deployment(tolerations=[{"key": "a"}])], {"Deployment/velero": over})

    assert found["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_objects_without_an_overlay_stay_as_they_are() -> None:
    other = {"kind": "ServiceAccount", "metadata": {"name": "velero"}}

    assert filters.overlaid([other], {}) == [other]


def test_an_overlay_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"Nothing is called Deployment/valero; there are Deployment/velero\."):
        filters.overlaid([deployment()], {"Deployment/valero": {}})
