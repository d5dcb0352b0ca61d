"""What deploying an engine gives a cluster for models whose copies follow their load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploying import Asked, deployed
from tests.reference import read_reference
from tests.unit.roles.gpu_models import IMAGE

BOUNDS = {"minimum": 1, "maximum": 3}
TINY: dict[str, Any] = {"tiny": 1, "version": "1.0.0"}
ENGINES: dict[str, dict[str, Any]] = {
    "llamacpp": {"scaled": {**TINY, "autoscaling": BOUNDS, "parallel": 4}, "still": {**TINY, "replicas": 2}},
    "vllm": {
        "scaled": {"image": IMAGE, "gpus": 2, "autoscaling": {**BOUNDS, "waiting": 8, "shrink_after_seconds": 1800}},
        "still": {"image": IMAGE},
    },
}
WAITING = {"llamacpp": "llamacpp:requests_deferred", "vllm": "vllm:num_requests_waiting"}
BOTH = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """Return what each engine's deployment asks of a cluster."""
    given: dict[str, dict[str, Any]] = {engine: {f"{engine}_models": models} for engine, models in ENGINES.items()}
    return {engine: deployed(engine, tmp_path_factory.mktemp(engine), **words) for engine, words in given.items()}


def found(asked: Asked, kind: str, name: str = "scaled") -> dict[str, Any]:
    (item,) = [item for item in asked.objects if item["kind"] == kind and item["metadata"]["name"] == name]
    return item


@BOTH
def test_a_model_that_is_scaled_and_no_other_has_what_scales_it(engine: str, asked: dict[str, Asked]) -> None:
    scaled = [item for item in asked[engine].objects if item["kind"] == "ScaledObject"]

    (spec,) = [item["spec"] for item in scaled]
    assert spec["scaleTargetRef"] == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "scaled"}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 3)
    assert scaled[0]["metadata"]["namespace"] == engine


@BOTH
def test_the_next_run_leaves_the_copies_that_there_are_within_their_bounds(
    engine: str, asked: dict[str, Asked]
) -> None:
    rollout, still = found(asked[engine], "Rollout"), found(asked[engine], "Rollout", "still")

    assert rollout["metadata"]["annotations"] == {"platform.internal/scaled-within": "1-3"}
    assert rollout["spec"]["replicas"] == 1
    assert "annotations" not in still["metadata"]
    assert "platform.internal/scaled-within" not in json.dumps(rollout["spec"]["template"])


@BOTH
def test_nothing_goes_while_nobody_measures(engine: str, asked: dict[str, Asked]) -> None:
    spec = found(asked[engine], "ScaledObject")["spec"]

    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    assert spec["fallback"]["replicas"] == spec["minReplicaCount"]
    assert {trigger["metadata"]["ignoreNullValues"] for trigger in spec["triggers"]} == {"false"}


@BOTH
def test_who_is_asked_is_known_and_asked_for_this_engines_queue(engine: str, asked: dict[str, Asked]) -> None:
    trigger = found(asked[engine], "ScaledObject")["spec"]["triggers"][0]["metadata"]

    assert f'sum({WAITING[engine]}{{namespace="{engine}",model_name="scaled"}})' in trigger["query"]
    assert f'exported_namespace="{engine}",name="scaled"' in trigger["query"]
    assert trigger["serverAddress"] == "https://prometheus.monitoring.svc:9090"
    assert "unsafeSsl" not in trigger


def test_what_runs_is_measured_by_the_places_that_a_copy_has(asked: dict[str, Asked]) -> None:
    triggers = {
        engine: {
            trigger["name"]: trigger["metadata"]["threshold"]
            for trigger in found(said, "ScaledObject")["spec"]["triggers"]
        }
        for engine, said in asked.items()
    }

    assert triggers == {"llamacpp": {"waiting": "4", "running": "4"}, "vllm": {"waiting": "8"}}


def test_copies_come_soon_and_go_late_as_the_inventory_says(asked: dict[str, Asked]) -> None:
    behaviour = found(asked["vllm"], "ScaledObject")["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]

    assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 30
    assert behaviour["scaleDown"] == {
        "stabilizationWindowSeconds": 1800, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
    }  # fmt: skip


@BOTH
def test_nothing_is_said_that_keda_leaves_out_when_it_writes_the_object_back(
    engine: str, asked: dict[str, Asked]
) -> None:
    # It has no words for `false` here: every run would find it missing, and apply it anew.
    assert set(found(asked[engine], "ScaledObject")["spec"]["advanced"]) == {"horizontalPodAutoscalerConfig"}


@BOTH
def test_hosts_are_emptied_one_copy_at_a_time(engine: str, asked: dict[str, Asked]) -> None:
    assert found(asked[engine], "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_the_namespace_may_have_the_gpus_of_all_copies_and_of_a_release(asked: dict[str, Asked]) -> None:
    hard = found(asked["vllm"], "ResourceQuota", "platform")["spec"]["hard"]

    # Three copies of two, and what a release of three has beside; one copy of one, and one beside.
    assert hard["requests.nvidia.com/gpu"] == str(2 * (3 + 2) + 2)


def test_a_copy_with_a_long_queue_still_answers_who_measures(asked: dict[str, Asked]) -> None:
    for name in ("scaled", "still"):
        (engine,) = found(asked["llamacpp"], "Rollout", name)["spec"]["template"]["spec"]["containers"]
        assert "--threads-http=128" in engine["args"]


@BOTH
def test_what_scales_a_model_no_more_goes(engine: str, asked: dict[str, Asked]) -> None:
    others = f"--selector platform.internal/part-of={engine},platform.internal/model notin (scaled)"

    assert any(f"get scaledobjects.keda.sh {others}" in question for question in asked[engine].questions)


def test_where_no_model_is_scaled_all_that_did_goes(tmp_path: Path) -> None:
    said = deployed("llamacpp", tmp_path, llamacpp_models={"still": TINY})

    (question,) = [question for question in said.questions if "scaledobjects" in question]
    assert "--selector platform.internal/part-of=llamacpp --namespace" in question
    assert not [item for item in said.objects if item["kind"] == "ScaledObject"]


def test_a_site_that_scales_nothing_is_asked_for_nothing(tmp_path: Path) -> None:
    without = {"keda": "every model has as many copies as it says"}

    said = deployed("llamacpp", tmp_path, llamacpp_models={"still": TINY}, platform_without=without)

    assert "scaledobjects" not in "".join(said.questions)


@BOTH
def test_what_scales_is_what_its_kind_describes(engine: str, asked: dict[str, Asked]) -> None:
    kind = read_reference("charts", "crds", "keda", "scaledobjects.keda.sh.yaml")
    schema = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    errors = jsonschema.Draft7Validator(schema).iter_errors(found(asked[engine], "ScaledObject"))

    assert [f"{error.json_path}: {error.message}" for error in errors] == []
