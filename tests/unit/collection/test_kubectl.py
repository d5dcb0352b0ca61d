"""kubectl is asked again where the API only pauses, and pods are read for the devices they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, is_over, requests

# Fails for as often as a file says, in words that another file holds.
_SCRIPT = """#!/bin/sh
echo "$*" >> {folder}/calls
if [ "$(grep -c . {folder}/calls)" -le "$(cat {folder}/failures)" ]; then cat {folder}/words >&2; exit 1; fi
echo '{{"items": []}}'
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "kubectl").write_text(_SCRIPT.format(folder=tmp_path))
    (tmp_path / "kubectl").chmod(0o755)
    return tmp_path / "calls"


def cluster(calls: Path, failures: int, words: str) -> Kubectl:
    (calls.parent / "failures").write_text(str(failures))
    (calls.parent / "words").write_text(words)
    return Kubectl("/etc/platform/kubeconfig", pause=lambda _: None)


def test_what_the_api_cut_off_is_asked_again(calls: Path) -> None:
    assert cluster(calls, 2, "Unable to connect to the server: EOF").items("pods") == []
    assert len(calls.read_text().splitlines()) == 3


def test_an_api_that_never_comes_back_is_told(calls: Path) -> None:
    with pytest.raises(KubectlFailed, match=r"`kubectl get pods` failed: .*connection refused"):
        cluster(calls, 99, "dial tcp: connection refused").items("pods")

    assert len(calls.read_text().splitlines()) == 5


def test_a_refusal_is_not_asked_again(calls: Path) -> None:
    assert cluster(calls, 99, "pods is forbidden").attempt("create").returncode == 1
    assert len(calls.read_text().splitlines()) == 1


def test_objects_of_a_kind_that_nobody_registered_are_none(calls: Path) -> None:
    assert cluster(calls, 99, 'error: the server doesn\'t have a resource type "clusterpolicies"').items("x") == []


def test_a_host_without_kubectl_has_no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Kubectl("/etc/platform/kubeconfig").attempt("get", "nodes").returncode == 127


def test_what_does_not_come_to_hold_is_given_up() -> None:
    waits: list[float] = []

    assert Kubectl("x", pause=waits.append).wait_for(lambda: False, 0) is False
    assert Kubectl("x", pause=waits.append).wait_for(lambda: len(waits) > 1, 600) is True


def test_devices_of_all_containers_count() -> None:
    limits = [{"resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "1"}}}, {"resources": {}}, {}]
    first = [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]

    assert requests({"spec": {"containers": limits, "initContainers": first}}) == {"nvidia.com/gpu": 3}
    assert requests({"spec": {"containers": limits[1:]}}) == {}


@pytest.mark.parametrize(
    ("phase", "over"), [("Running", False), ("Pending", False), ("Succeeded", True), ("Failed", True)]
)
def test_a_pod_that_has_ended_holds_nothing(phase: str, over: bool) -> None:
    assert is_over({"status": {"phase": phase}}) is over
