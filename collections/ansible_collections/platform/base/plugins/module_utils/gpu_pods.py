"""Pods that ask for GPUs for a trial, as the platform's policies want it: within a quota, and with a priority."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

# What a policy says until it has heard of a quota that was just made.
_NOT_HEARD = "The namespace has no quota of"


def quota(amounts: Mapping[str, int]) -> dict[str, Any]:
    """Return what lets the pods of a namespace have so much of each resource together."""
    hard = {f"requests.{resource}": str(amount) for resource, amount in amounts.items()}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpu"}, "spec": {"hard": hard}}


def await_quota(cluster: Kubectl, namespace: str, seconds: float) -> None:
    """Wait until a namespace's quota is counted.

    Raises:
        KubectlFailed: it is not, in time.
    """
    place = ("resourcequota", "gpu", "--namespace", namespace)
    if not cluster.wait_for(lambda: bool(cluster.get(*place).get("status", {}).get("hard")), seconds):
        raise KubectlFailed("A quota is not counted. Look at the controller manager's log.")


def lowest(cluster: Kubectl, names: list[str]) -> tuple[str, int]:
    """See that priorities are there, and return the lowest: whoever asks for a trial takes no GPU from anybody.

    Raises:
        KubectlFailed: one is not.
    """
    there = {item["metadata"]["name"]: item["value"] for item in cluster.items("priorityclasses.scheduling.k8s.io")}
    if missing := [name for name in names if name not in there]:
        raise KubectlFailed(f"There is no priority class {', '.join(missing)}. Deploy gpu_operator again.")
    return min(((name, there[name]) for name in names), key=lambda pair: pair[1], default=("", 0))


def ask(cluster: Kubectl, wanted: Mapping[str, Any], namespace: str, seconds: float) -> None:
    """Ask for a pod, again while who judges it has not heard of its namespace's quota.

    Raises:
        KubectlFailed: it is refused.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return cluster.create(wanted, namespace)
        except KubectlFailed as refusal:
            if _NOT_HEARD not in str(refusal) or time.monotonic() >= end:
                raise
        cluster.pause()
