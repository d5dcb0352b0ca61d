"""Rollouts of models as the cluster has them, made with the steps and metrics that the platform gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.filter.releases import (
    golden_condition,
    quiet_metrics,
    release_metrics,
    release_steps,
)

RULES = {
    "looks": 10,
    "look_seconds": 60,
    "window_seconds": 300,
    "least_requests": 300,
    "bad_errors": 0.01,
    "good_errors": 0.001,
    "answer_seconds": 2,
    "first_token_seconds": 2,
}
STEPS = release_steps([5, 25, 50], "tiny", measured=True, approved=True)
OLD, NEW = "6d4b75cb6d", "7c9fd8b5f4"
# Where the rollout is with its steps.
SMOKE, QUIET, JUDGED_AT_5, LAST_PAUSE = 1, 2, 4, len(STEPS) - 1
_HASH = "rollouts-pod-template-hash"


def rollout(model: str = "tiny", version: str = "1.1.0", namespace: str = "llamacpp", **status: Any) -> dict[str, Any]:
    """Return a rollout; healthy, with one version, where nothing else is told."""
    told = {
        "observedGeneration": "4",
        "phase": "Healthy",
        "stableRS": OLD,
        "currentPodHash": OLD,
        "replicas": 2,
        "readyReplicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        "currentStepIndex": len(STEPS),
        "canary": {"weights": weights(0)},
        **status,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": model,
            "namespace": namespace,
            "uid": f"uid-of-{namespace}-{model}",
            "generation": 4,
            "resourceVersion": "1042",
            "labels": {"platform.internal/model": model, "platform.internal/part-of": "llamacpp"},
        },
        "spec": {
            "replicas": 2,
            "strategy": {"canary": {"steps": STEPS}},
            "template": {"metadata": {"annotations": {"platform.internal/model-version": version}}},
        },
        "status": {key: value for key, value in told.items() if value is not None},
    }


def releasing(step: int, share: int = 5, phase: str = "Progressing", **status: Any) -> dict[str, Any]:
    """Return a rollout that brings 1.1.0, at a step."""
    canary = {"weights": weights(share), **status.pop("canary", {})}
    told = {"phase": phase, "currentPodHash": NEW, "currentStepIndex": step, "readyReplicas": 3, "canary": canary}
    return rollout("tiny", "1.1.0", "llamacpp", **{**told, **status})


def taken_back(message: str = "RolloutAborted: Rollout aborted update to revision 2", **status: Any) -> dict[str, Any]:
    """Return a rollout whose release was taken back."""
    gone = {"abort": True, "abortedAt": "2026-01-31T12:09:00Z", "message": message}
    return releasing(0, 0, "Degraded", **gone, **status)


def paused(step: int, reason: str, share: int = 5, **status: Any) -> dict[str, Any]:
    """Return a rollout whose release waits."""
    waits = {"pauseConditions": [{"reason": reason, "startTime": "2026-01-31T12:05:00Z"}], "controllerPause": True}
    return releasing(step, share, "Paused", message=reason, **waits, **status)


def weights(share: int) -> dict[str, Any]:
    """Return what the controller says of the shares of requests."""
    return {
        "canary": {"weight": share, "serviceName": "tiny-canary", "podTemplateHash": NEW},
        "stable": {"weight": 100 - share, "serviceName": "tiny-stable", "podTemplateHash": OLD},
    }


def replica_set(pods: str, version: str, ready: int = 2, wanted: int = 2, model: str = "tiny") -> dict[str, Any]:
    """Return the copies of one version."""
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{model}-{pods}",
            "namespace": "llamacpp",
            "labels": {"platform.internal/model": model, _HASH: pods},
            "ownerReferences": [{"kind": "Rollout", "name": model, "uid": f"uid-of-llamacpp-{model}"}],
        },
        "spec": {
            "replicas": wanted,
            "template": {"metadata": {"annotations": {"platform.internal/model-version": version}}},
        },
        "status": {"replicas": wanted, "readyReplicas": ready, "availableReplicas": ready},
    }


def metrics_of_smoke(answer: str = "Yes.") -> list[dict[str, Any]]:
    """Return what the analysis of the golden prompt asks."""
    web = {"method": "POST", "url": "http://tiny-canary.llamacpp.svc/v1/chat/completions"}
    return [
        {
            "name": "golden-prompt",
            "count": 3,
            "failureLimit": 0,
            "successCondition": golden_condition(answer),
            "provider": {"web": web},
        }
    ]


def metrics_of_release() -> list[dict[str, Any]]:
    """Return what the analysis of what callers see asks."""
    return _by_prometheus(release_metrics("tiny", RULES))


def metrics_of_quiet() -> list[dict[str, Any]]:
    """Return what the analysis of what was measured before asks."""
    return _by_prometheus(quiet_metrics("tiny", "llamacpp", RULES))


def _by_prometheus(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**{key: value for key, value in metric.items() if key != "query"}, "provider": {"prometheus": {}}}
        for metric in metrics
    ]


def analysis(
    step: int, phase: str, metrics: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], **told: Any
) -> dict[str, Any]:
    """Return an analysis of the new release."""
    name = f"tiny-{NEW}-2-{step}"
    return {
        "kind": "AnalysisRun",
        "metadata": {
            "name": told.get("name", name),
            "namespace": "llamacpp",
            "creationTimestamp": told.get("created", "2026-01-31T12:04:00Z"),
            "labels": {
                "platform.internal/model": "tiny",
                _HASH: told.get("pods", NEW),
                "rollout-type": "Step",
                "step-index": str(step),
            },
            "ownerReferences": [{"kind": "Rollout", "name": "tiny", "uid": "uid-of-llamacpp-tiny"}],
        },
        "spec": {"metrics": list(metrics)},
        "status": {"phase": phase, "message": told.get("message", ""), "metricResults": list(results)},
    }


def result(name: str, phase: str, *values: str, **told: Any) -> dict[str, Any]:
    """Return what became of a metric; each look ended as the metric did, unless told otherwise."""
    looks = told.pop("looks", phase)
    measurements = [
        {"phase": looks, "value": value, "startedAt": "2026-01-31T12:05:00Z", "finishedAt": "2026-01-31T12:05:00Z"}
        for value in values
    ]
    return {"name": name, "phase": phase, "count": len(values), "measurements": measurements, **told}
