"""A probe asks again when the cluster took only half of what it needs."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils import probe

# The claim is taken; the pod is not before there is an account for it, which is so from the second time on.
HALF_TAKEN = """#!/bin/sh
echo "$*" >> {calls}
case "$*" in *apply*) ;; *) exit 0 ;; esac
echo persistentvolumeclaim/data serverside-applied
if [ "$(grep -c apply {calls})" -le {refusals} ]; then
  echo 'pods "writer" is forbidden: serviceaccount "default" not found' >&2
  exit 1
fi
echo pod/writer serverside-applied
"""


class Failed(Exception):
    """The module ended with a failure."""


def failed(**result: Any) -> None:
    raise Failed(result["msg"])


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("time.sleep", lambda _: None)
    return tmp_path / "calls"


def cluster(calls: Path, refusals: int, seconds: int) -> probe.Cluster:
    kubectl = calls.parent / "kubectl"
    kubectl.write_text(HALF_TAKEN.format(calls=calls, refusals=refusals))
    kubectl.chmod(0o755)
    module: Any = SimpleNamespace(params={"kubeconfig": "k", "seconds": seconds}, fail_json=failed)
    return probe.Cluster(module, "probe")


def test_a_pod_that_was_not_taken_is_offered_again(calls: Path) -> None:
    cluster(calls, refusals=2, seconds=600).create({"kind": "List"})

    assert len(calls.read_text().splitlines()) == 3


def test_a_cluster_that_never_takes_it_is_told_of_and_left_clean(calls: Path) -> None:
    with pytest.raises(Failed, match=r'does not take .* serviceaccount "default" not found'):
        cluster(calls, refusals=1, seconds=0).create({"kind": "List"})

    assert "delete namespace probe" in calls.read_text()


def ended(reason: str, code: int) -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code}}


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ({}, False),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {}}}]}, False),
        ({"phase": "Running", "containerStatuses": [{"state": {"running": {}}, "lastState": {}}]}, False),
        ({"phase": "Running", "containerStatuses": [{"state": {"waiting": {}}, "lastState": ended("Error", 1)}]}, True),
        ({"phase": "Running", "containerStatuses": [{"state": ended("OOMKilled", 137)}]}, True),
        ({"phase": "Pending", "containerStatuses": [{"lastState": ended("StartError", 128)}]}, False),
        ({"phase": "Succeeded", "containerStatuses": [{"state": ended("Completed", 0)}]}, False),
        ({"phase": "Failed", "reason": "Evicted"}, True),
    ],
)
def test_a_program_that_ran_and_ended_badly_has_failed_and_one_that_never_started_has_not(
    status: dict[str, Any], failed: bool
) -> None:
    assert probe.has_failed(status) is failed


def test_a_pod_that_the_runtime_did_not_get_to_start_is_started_again() -> None:
    assert probe.pod("one", {"image": "one:1"})["spec"]["restartPolicy"] == "OnFailure"
