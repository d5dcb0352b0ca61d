"""What verification of vLLM finds wrong, beside what it asks of any engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded

PROBE = loaded(role_folder("vllm") / "library/vllm_probe.py")
GPUS = {"nvidia.com/gpu": "4"}
MODEL = {
    "replicas": 1, "gpus": 4, "gpu_resource": "nvidia.com/gpu", "context_tokens": 32768,
    "golden": {"prompt": "Is water wet?", "answer": "Yes", "tokens": 4},
}  # fmt: skip


class Cluster:
    """Answers as a cluster whose model is as the inventory says, but for what a test says."""

    def __init__(self, **told: Any) -> None:
        self._told: dict[str, Any] = {
            "context": 32768, "golden": "Yes", "requests": GPUS, "limits": GPUS, "offline": "1",
        } | told  # fmt: skip
        self._answers = iter("abcdefgh")

    def run(self, _: str, *arguments: str, document: Any = None) -> str:
        path = arguments[1].partition("/proxy")[2]
        if path == "/v1/chat/completions":
            is_golden = document["messages"][0]["content"] == "Is water wet?"
            said = self._told["golden"] if is_golden else next(self._answers)
            return json.dumps({"choices": [{"message": {"content": said}}]})
        answers: dict[str, str] = {
            "/health": "",
            "/v1/models": json.dumps({"data": [{"id": "letters", "max_model_len": self._told["context"]}]}),
            "/metrics": 'vllm:num_requests_waiting{model_name="letters"} 0',
        }
        return answers[path]

    def get(self, *_: str) -> Any:
        container = {
            "name": "engine",
            "securityContext": {"readOnlyRootFilesystem": True},
            "env": [{"name": "VLLM_NO_USAGE_STATS", "value": self._told["offline"]}],
            "resources": {"requests": {"cpu": "4", **self._told["requests"]}, "limits": self._told["limits"]},
        }
        pod = {"securityContext": {"runAsUser": 1000}, "containers": [container]}
        return {"status": {"readyReplicas": 1, "phase": "Healthy"}, "spec": {"template": {"spec": pod}}}

    def wait_for(self, holds: Callable[[], bool], seconds: float) -> bool:
        return holds()


def faults(model: dict[str, Any] | None = None, **told: Any) -> list[str]:
    given = {
        "namespace": "vllm", "models": {"letters": model or MODEL}, "offline": ["VLLM_NO_USAGE_STATS"], "seconds": 1,
    }  # fmt: skip
    found: list[str] = PROBE.broken(Cluster(**told), given)[0]
    return found


def test_a_model_as_the_inventory_says_has_no_faults_although_its_answers_differ() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"context": 4096}, "letters: its context is 4096 tokens, and not 32768"),
        ({"golden": "No"}, "letters: it answers 'No' to its golden prompt, and not 'Yes'"),
        ({"limits": {"nvidia.com/gpu": "8"}}, "letters: its limits of GPUs are {'nvidia.com/gpu': '8'}, and not"),
        ({"requests": {}}, "letters: its requests of GPUs are {}, and not {'nvidia.com/gpu': '4'}"),
        ({"offline": "0"}, "letters: its container engine has no VLLM_NO_USAGE_STATS=1"),
    ],
    ids=["context", "golden", "limits", "requests", "offline"],
)
def test_what_is_otherwise_is_named(told: dict[str, Any], said: str) -> None:
    (fault,) = faults(**told)

    assert fault.startswith(said)


def test_a_model_whose_context_and_answer_are_its_own_may_have_any() -> None:
    model = {**MODEL, "context_tokens": 0, "golden": {"prompt": "Is water wet?", "answer": "", "tokens": 4}}

    assert faults(model, context=4096, golden="No") == []
