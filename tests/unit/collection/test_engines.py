"""What verification of an engine finds wrong, by what it answers and how its pods are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.engines import Promise, tried

MEASURE = "llamacpp:requests_processing"
CONTAINER = {
    "name": "engine",
    "securityContext": {"readOnlyRootFilesystem": True},
    "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}, {"name": "HOME", "value": "/tmp"}],
}
POD = {"securityContext": {"runAsUser": 1000}, "containers": [CONTAINER]}


class Cluster:
    """Answers as a cluster whose engine keeps its contract, but for what a test says."""

    def __init__(self, **told: Any) -> None:
        self._told: dict[str, Any] = {
            "calls_itself": "tiny",
            "measures": MEASURE,
            "answers": ["hi", "hi"],
            "ready": 2,
            "phase": "Healthy",
            "pod": POD,
        } | told

    def run(self, _: str, *arguments: str, document: Any = None) -> str:
        path = arguments[1].partition("/proxy")[2]
        if path == "/v1/chat/completions":
            assert document["model"] == "tiny"
            said = self._told["answers"].pop(0)
            return json.dumps({"choices": [{"message": said if isinstance(said, dict) else {"content": said}}]})
        answers: dict[str, str] = {
            "/health": '{"status":"ok"}',
            "/v1/models": json.dumps({"data": [{"id": self._told["calls_itself"]}]}),
            "/metrics": self._told["measures"] + " 0",
        }
        return answers[path]

    def get(self, kind: str, *_: str) -> Any:
        if kind == "pods":
            return {"items": self._told.get("pods", [])}
        status = {"readyReplicas": self._told["ready"], "phase": self._told["phase"], "message": "it says so"}
        status |= {"observedGeneration": "4", "abort": self._told.get("abort")}
        status |= {"conditions": self._told.get("conditions", [])}
        metadata = {"generation": self._told.get("generation", 4)}
        return {"metadata": metadata, "status": status, "spec": {"template": {"spec": self._told["pod"]}}}

    def wait_for(self, holds: Callable[[], bool], seconds: float) -> bool:
        assert seconds == 1
        self.waits = not holds()
        return not self.waits


GIVEN = {"namespace": "llamacpp", "models": {"tiny": 2}, "seconds": 1}


def faults(steady: bool = True, **told: Any) -> list[str]:
    cluster: Any = Cluster(**told)
    return tried(cluster, GIVEN, Promise(MEASURE, ["HF_HUB_OFFLINE"], steady))[0]


@pytest.mark.parametrize("phase", ["Healthy", "Paused"])
def test_an_engine_that_keeps_its_contract_has_no_faults(phase: str) -> None:
    assert faults(phase=phase) == []


def test_an_engine_that_does_not_promise_to_be_steady_need_not_be() -> None:
    assert faults(steady=False, answers=["hi", "ho"]) == []


@pytest.mark.parametrize("word", ["reasoning_content", "reasoning"])
def test_a_model_that_is_still_thinking_answers(word: str) -> None:
    thinking = {"content": None, word: "Let me see"}

    assert faults(answers=[thinking, thinking]) == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"calls_itself": "other"}, "tiny: it calls itself other"),
        ({"measures": "up"}, f"tiny: /metrics has no {MEASURE}"),
        ({"answers": ["hi", "ho"]}, "tiny: it answers 'hi', and then 'ho', at temperature 0"),
        ({"answers": ["", ""]}, "tiny: its answer is empty"),
        ({"ready": 1}, "tiny: 1 of 2 copies are ready: it says so"),
        ({"phase": "Degraded"}, "tiny: 2 of 2 copies are ready: it says so"),
        ({"pod": {**POD, "securityContext": {"runAsUser": 0}}}, "tiny: its pods do not run as 1000"),
        (
            {"pod": {**POD, "containers": [{**CONTAINER, "securityContext": {}}]}},
            "tiny: its container engine can write to its root file system",
        ),
        (
            {"pod": {**POD, "containers": [{**CONTAINER, "env": []}]}},
            "tiny: its container engine has no HF_HUB_OFFLINE=1",
        ),
    ],
    ids=["name", "measure", "unsteady", "empty", "copies", "degraded", "account", "root", "offline"],
)
def test_a_broken_promise_is_named(told: dict[str, Any], said: str) -> None:
    assert faults(**told) == [said]


FOUND, EXPECTED = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def waiting(message: str) -> dict[str, Any]:
    """Return a pod whose container cannot be had, as a kubelet tells of it."""
    status = {"name": "engine", "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}}
    return {"spec": {"nodeName": "cp2"}, "status": {"containerStatuses": [status]}}


def test_a_damaged_file_is_named_with_what_was_expected_and_what_was_found() -> None:
    message = (
        'Back-off pulling image "platform.internal/models/tiny:v1": ErrImagePull: failed commit: '
        f"unexpected commit digest {FOUND}, expected {EXPECTED}: failed precondition"
    )

    (fault,) = faults(ready=0, phase="Progressing", pods=[{"status": {}}, waiting(message)])

    assert fault.startswith(
        "tiny: 0 of 2 copies are ready: the registry has a damaged file of platform.internal/models/tiny:v1"
    )
    assert f"expected {EXPECTED}, cp2 found {FOUND}" in fault


@pytest.mark.parametrize(
    ("told", "waits"),
    [({"abort": True}, False), ({"abort": True, "generation": 5}, True), ({}, True)],
    ids=["taken back", "something else is wanted since", "on its way"],
)
def test_a_release_that_was_taken_back_is_not_waited_for(told: dict[str, Any], waits: bool) -> None:
    cluster: Any = Cluster(phase="Degraded", **told)

    (fault,) = tried(cluster, GIVEN, Promise(MEASURE, [], steady=True))[0]

    assert fault == "tiny: 2 of 2 copies are ready: it says so"
    assert cluster.waits == waits


def test_a_rollout_that_is_refused_is_not_well_although_the_old_copies_answer() -> None:
    invalid = {"type": "InvalidSpec", "status": "True", "message": "spec.strategy: it has no end"}
    cluster: Any = Cluster(conditions=[invalid])

    (fault,) = tried(cluster, GIVEN, Promise(MEASURE, [], steady=True))[0]

    assert fault == "tiny: 2 of 2 copies are ready: spec.strategy: it has no end"
    assert not cluster.waits


def test_a_copy_that_waits_for_something_else_is_told_in_the_controllers_words() -> None:
    (fault,) = faults(ready=1, phase="Progressing", pods=[waiting("connection refused")])

    assert fault == "tiny: 1 of 2 copies are ready: it says so"
