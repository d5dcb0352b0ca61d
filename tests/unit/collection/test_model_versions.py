"""Which versions may go, how all of them are read, and which are served."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.model_registry import (
    CatalogRefused,
    ModelRegistry,
    own_password,
)
from ansible_collections.platform.base.plugins.module_utils.model_stages import to_delete
from ansible_collections.platform.base.plugins.module_utils.model_states import models_in
from ansible_collections.platform.base.plugins.module_utils.served_versions import model_image, served_versions

from tests.unit.collection.model_site import NOW, ONE, THREE, TWO, Desk, MlflowDoor, carried, image, registered, served
from tests.unit.collection.release_site import WAITS, Site
from tests.unit.collection.rollouts import NEW, OLD, replica_set
from tests.unit.roles.cluster import Cluster


def test_a_deletion_keeps_the_way_back_from_production() -> None:
    there = [
        registered("1.0.0", ONE, since="2026-01-01T00:00:00Z"),
        registered("2.0.0", TWO, since="2026-02-01T00:00:00Z"),
        registered("3.0.0", THREE, "production", since="2026-03-01T00:00:00Z"),
    ]

    going, staying = to_delete(there, [], 0, NOW)

    assert [entry.version for entry in going] == ["1.0.0"]
    assert staying["letters 2.0.0"] == "its digest is one of the last 2 of production"


def test_two_versions_of_one_digest_are_one_way_back() -> None:
    there = [
        registered("1.0.0", ONE, since="2026-01-01T00:00:00Z"),
        registered("2.0.0", TWO, since="2026-02-01T00:00:00Z"),
        registered("3.0.0", TWO, "production", since="2026-03-01T00:00:00Z"),
    ]

    assert to_delete(there, [], 0, NOW)[0] == []


@pytest.mark.parametrize(
    ("there", "running", "why"),
    [
        (registered("1.0.0", ONE, "dev"), [], "it holds dev"),
        (registered("1.0.0", ONE, "theirs"), [], "it holds theirs"),
        (registered("1.0.0", ONE), [("letters", "1.0.0")], "it is served"),
        (registered("1.0.0", ONE, age=29), [], "it was registered less than 30 days ago"),
    ],
)
def test_what_somebody_needs_stays(there: Any, running: list[tuple[str, str]], why: str) -> None:
    assert to_delete([there], running, 30, NOW) == ([], {"letters 1.0.0": why})


def test_what_is_in_another_models_production_does_not_keep_a_version() -> None:
    going, _ = to_delete([registered("1.0.0", ONE)], [("notes", "1.0.0")], 30, NOW)

    assert [entry.version for entry in going] == ["1.0.0"]


def test_all_pages_are_read() -> None:
    desk = Desk(AuditLog("nowhere"), served("2.0.0", TWO), carried("1.0.0", ONE), carried("3.0.0", THREE))
    for candidate in desk.candidates:
        tags = {"version": candidate.version, "digest": candidate.digest}
        desk.registry.register(candidate.name, candidate.image, tags)
    desk.door.page = 1

    assert [entry.version for entry in desk.registry.versions()] == ["2.0.0", "1.0.0", "3.0.0"]


def test_who_has_no_password_is_refused() -> None:
    nobody = ModelRegistry(MlflowDoor(), "platform", "")

    assert nobody.status() == 401
    with pytest.raises(CatalogRefused, match="401"):
        nobody.versions()


def test_the_password_comes_out_of_the_registrys_namespace() -> None:
    secret = {"metadata": {"name": "platform-account"}, "data": {"password": "c2VjcmV0"}}

    assert own_password(Cluster({("secrets", "platform-account"): secret}), "model-registry") == "secret"


def with_image(pods: str, version: str, digest: str) -> dict[str, Any]:
    found = replica_set(pods, version)
    found["spec"]["template"]["spec"] = {"volumes": [{"name": "model", "image": {"reference": image(digest)}}]}
    return found


def test_a_release_that_is_under_way_is_served_too_and_says_what_it_replaces() -> None:
    cluster = Cluster(
        {
            ("rollouts.argoproj.io", "tiny"): WAITS,
            ("replicasets.apps", "old"): with_image(OLD, "1.0.0", ONE),
            ("replicasets.apps", "new"): with_image(NEW, "1.1.0", TWO),
        }
    )

    found = list(served_versions(models_in(cluster, {"llamacpp": "llamacpp"}), {TWO: {"licence": "MIT"}}))

    assert [(entry.version, entry.digest, entry.tags.get("replaces")) for entry in found] == [
        ("1.0.0", ONE, ""), ("1.1.0", TWO, "1.0.0"),
    ]  # fmt: skip
    assert found[1].tags == {"licence": "MIT", "engine": "llamacpp", "replaces": "1.0.0"}


def test_a_release_that_was_taken_back_is_not_served() -> None:
    taken_back = {**WAITS, "status": {**WAITS["status"], "abort": True}}

    found = list(served_versions(models_in(Site(taken_back), {"llamacpp": "llamacpp"}), {}))

    assert [entry.version for entry in found] == ["1.0.0"]


@pytest.mark.parametrize(
    ("pod", "found"),
    [
        ({"volumes": [{"name": "model", "image": {"reference": "a@sha256:1"}}]}, "a@sha256:1"),
        (
            {
                "volumes": [{"name": "model", "emptyDir": {}}],
                "initContainers": [
                    {"name": "wait", "image": "w@sha256:2"},
                    {"name": "tiny", "image": "t@sha256:3", "volumeMounts": [{"name": "model"}]},
                ],
            },
            "t@sha256:3",
        ),
        ({"volumes": [{"name": "scratch", "image": {"reference": "a@sha256:1"}}]}, ""),
        ({}, ""),
    ],
)
def test_a_pods_model_is_of_the_image_that_it_mounts_or_that_writes_it(pod: dict[str, Any], found: str) -> None:
    assert model_image(pod) == found
