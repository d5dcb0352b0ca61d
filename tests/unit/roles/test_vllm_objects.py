"""What deploying vLLM gives a cluster, for models on GPUs of every kind."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.deploying import Asked, deployed
from tests.reference import read_reference
from tests.site_rendering import digest
from tests.unit.roles.gpu_models import BUNDLED, IMAGE, MODELS


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return deployed("vllm", tmp_path_factory.mktemp("deployed"), images=[BUNDLED], vllm_models=MODELS)


def found(asked: Asked, kind: str, name: str) -> dict[str, Any]:
    (item,) = [item for item in asked.objects if item["kind"] == kind and item["metadata"]["name"] == name]
    return item


def pod(asked: Asked, model: str) -> dict[str, Any]:
    spec: dict[str, Any] = found(asked, "Rollout", model)["spec"]["template"]["spec"]
    return spec


def engine(asked: Asked, model: str) -> dict[str, Any]:
    (container,) = pod(asked, model)["containers"]
    assert isinstance(container, dict)
    return container


def gpus(amounts: dict[str, Any]) -> dict[str, Any]:
    return {name: amount for name, amount in amounts.items() if name.startswith("nvidia.com/")}


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("whole", {"nvidia.com/gpu": "1"}),
        ("large", {"nvidia.com/gpu": "4"}),
        ("divided", {"nvidia.com/mig-1g.18gb": "1"}),
        ("shared", {"nvidia.com/gpu.shared": "1"}),
    ],
)
def test_a_copy_asks_for_its_gpus_and_gets_no_others(asked: Asked, model: str, wanted: dict[str, str]) -> None:
    resources = engine(asked, model)["resources"]

    assert gpus(resources["requests"]) == gpus(resources["limits"]) == wanted
    assert resources["limits"]["memory"] == "32Gi"


@pytest.mark.parametrize(("model", "tensor", "pipeline"), [("whole", 1, 1), ("large", 4, 1), ("deep", 2, 2)])
def test_all_gpus_of_a_copy_have_work(asked: Asked, model: str, tensor: int, pipeline: int) -> None:
    arguments = engine(asked, model)["args"]

    assert {f"--tensor-parallel-size={tensor}", f"--pipeline-parallel-size={pipeline}"} <= set(arguments)


def test_a_model_is_served_as_the_inventory_says(asked: Asked) -> None:
    container = engine(asked, "large")

    assert container["command"] == ["vllm", "serve"]
    assert container["args"][:2] == ["/models/current/fp8", "--served-model-name=large"]
    assert container["args"][-3:] == ["--max-model-len=32768", "--quantization=fp8", "--max-num-seqs=64"]
    assert f"@{digest('docker.io/vllm/vllm-openai')}" in container["image"]


def test_what_is_not_said_is_left_to_the_models_files(asked: Asked) -> None:
    arguments = engine(asked, "whole")["args"]

    assert arguments[0] == "/models/current"
    assert "--dtype=auto" in arguments
    assert not [argument for argument in arguments if argument.startswith(("--max-model-len", "--quantization"))]


@pytest.mark.parametrize(
    ("model", "reference"),
    [("whole", IMAGE), ("divided", f"{BUNDLED}:v1@{digest(BUNDLED)}")],
    ids=["of the site", "of the bundle"],
)
def test_a_models_image_is_mounted_by_digest_and_not_to_be_written(asked: Asked, model: str, reference: str) -> None:
    volumes = {volume["name"]: volume for volume in pod(asked, model)["volumes"]}
    mounts = {mount["name"]: mount for mount in engine(asked, model)["volumeMounts"]}

    assert volumes["model"]["image"] == {"reference": reference, "pullPolicy": "IfNotPresent"}
    assert mounts["model"] == {"name": "model", "mountPath": "/models/current", "readOnly": True}


def test_processes_of_a_copy_speak_to_each_other_by_memory_that_has_an_end(asked: Asked) -> None:
    volumes = {volume["name"]: volume for volume in pod(asked, "large")["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in engine(asked, "large")["volumeMounts"]}

    assert volumes[mounts["/dev/shm"]]["emptyDir"] == {"medium": "Memory", "sizeLimit": "16Gi"}


def test_an_engine_asks_nobody_and_writes_only_where_it_may(asked: Asked) -> None:
    container = engine(asked, "whole")
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}

    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod(asked, "whole")["securityContext"]["runAsUser"] == 1000
    offline = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK")
    assert {variables[name] for name in offline} == {"1"}
    folders = [value for value in variables.values() if value.startswith("/")]
    assert folders and all(value == "/tmp" or value.startswith("/tmp/") for value in folders)
    assert writable == {"/tmp", "/dev/shm"}


def test_the_engine_is_told_nothing_by_variables_of_services(asked: Asked) -> None:
    # A service called vllm would set VLLM_PORT to no number.
    assert pod(asked, "whole")["enableServiceLinks"] is False


def test_nothing_is_expected_of_a_copy_while_it_may_load(asked: Asked) -> None:
    probe = engine(asked, "large")["startupProbe"]
    spec = found(asked, "Rollout", "large")["spec"]

    assert probe["periodSeconds"] * probe["failureThreshold"] == spec["progressDeadlineSeconds"] == 5400


def test_a_copy_that_goes_ends_its_answers_first(asked: Asked) -> None:
    spec, container = pod(asked, "whole"), engine(asked, "whole")
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert "--shutdown-timeout=120" in container["args"]
    assert spec["terminationGracePeriodSeconds"] > before + 120


def test_a_copy_may_run_where_gpus_are_and_there_alone(asked: Asked) -> None:
    tolerated = {entry["key"] for entry in pod(asked, "divided")["tolerations"]}

    assert "nvidia.com/gpu" in tolerated
    assert pod(asked, "divided")["nodeSelector"] == MODELS["divided"]["node_labels"]
    assert "nodeSelector" not in pod(asked, "whole")


def test_the_namespace_may_have_what_its_models_and_one_release_of_each_take(asked: Asked) -> None:
    hard = found(asked, "ResourceQuota", "platform")["spec"]["hard"]

    # Two copies of one GPU and once two of four, each with one more for a release; three of two, with three more.
    assert gpus({name.removeprefix("requests."): amount for name, amount in hard.items()}) == {
        "nvidia.com/gpu": str(3 + 8 + 8 + 12), "nvidia.com/mig-1g.18gb": "5", "nvidia.com/gpu.shared": "2",
    }  # fmt: skip
    assert hard["services.loadbalancers"] == "0"


def test_models_go_before_others_by_a_priority_of_their_own(asked: Asked) -> None:
    assert found(asked, "PriorityClass", "vllm")["value"] == 100000
    assert pod(asked, "whole")["priorityClassName"] == "vllm"


def test_a_release_takes_over_copy_by_copy(asked: Asked) -> None:
    canary = found(asked, "Rollout", "divided")["spec"]["strategy"]["canary"]

    weights = [step["setWeight"] for step in canary["steps"] if "setWeight" in step]
    assert weights == [5, 25, 50, 75]
    assert canary["dynamicStableScale"] is True
    # With a delay, a release that is taken back would wait for its own end.
    assert "abortScaleDownDelaySeconds" not in canary


def test_a_release_at_once_keeps_the_old_copies_until_it_is_judged(asked: Asked) -> None:
    canary = found(asked, "Rollout", "switched")["spec"]["strategy"]["canary"]

    kinds = [next(iter(step)) for step in canary["steps"]]
    assert kinds == ["setCanaryScale", "analysis", "analysis", "setWeight", "analysis"]
    # Old copies would go with their requests. What was taken back gives its GPUs back, as soon as nobody is led to it.
    assert not canary.keys() & {"dynamicStableScale", "abortScaleDownDelaySeconds"}


def test_a_release_has_the_tokens_that_its_first_answer_needs(asked: Asked) -> None:
    metric = found(asked, "AnalysisTemplate", "large-smoke")["spec"]["metrics"][0]

    assert metric["provider"]["web"]["jsonBody"]["max_tokens"] == 200
    assert metric["successCondition"] == 'result == "Yes"'


def test_who_measures_and_who_asks_find_the_engine_by_its_label(asked: Asked) -> None:
    labels = found(asked, "Rollout", "whole")["spec"]["template"]["metadata"]["labels"]
    policy = found(asked, "CiliumNetworkPolicy", "models")["spec"]

    assert labels["platform.internal/engine"] == "vllm"
    assert policy["endpointSelector"]["matchLabels"] == {"platform.internal/engine": "vllm"}
    assert {rule["ports"][0]["port"] for entry in policy["ingress"] for rule in entry.get("toPorts", [])} == {"8000"}


def test_releases_are_what_their_kind_describes(asked: Asked) -> None:
    kind = read_reference("charts", "crds", "argo-rollouts", "rollouts.argoproj.io.yaml")
    schema = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    rollouts = [item for item in asked.objects if item["kind"] == "Rollout"]

    errors = [error for item in rollouts for error in jsonschema.Draft7Validator(schema).iter_errors(item)]

    assert len(rollouts) == len(MODELS)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_without_models_there_is_a_namespace_and_nothing_is_served(tmp_path: Any) -> None:
    asked = deployed("vllm", tmp_path, vllm_models={})

    kinds = {item["kind"] for item in asked.objects}
    assert kinds == {"Namespace", "PriorityClass", "ResourceQuota", "LimitRange", "CiliumNetworkPolicy", "Middleware"}
    assert "nvidia.com" not in json.dumps(asked.objects)
    assert any(
        "get rollouts.argoproj.io --selector platform.internal/part-of=vllm " in line for line in asked.questions
    )
