"""GPUs are asked for as a user does, used, and measured; what is broken is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils import gpu_pods
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed

from roles.gpu_operator.library import gpu_devices, gpu_probe
from tests.unit.roles.cluster import Cluster, node, pod


def gpu_cluster(*pods: dict[str, Any]) -> Cluster:
    objects = {("pods", item["metadata"]["name"]): item for item in pods}
    return Cluster({**objects, ("node", "gpu1"): node("gpu1", {"nvidia.com/gpu": 4})})


# ---------------------------------------------------------------- asking for GPUs

GIVEN: dict[str, Any] = {
    "nodes": {"gpu1": {"nvidia.com/gpu": 4}}, "image": "pause:1", "command": [], "seconds": 4,
    "priorities": ["gpu-production", "gpu-batch"],
}  # fmt: skip
_REFUSED = 'pods "second" is forbidden: exceeded quota: gpu, requested: requests.nvidia.com/gpu=1'


def scheduler(*pods: dict[str, Any]) -> Cluster:
    cluster = gpu_cluster(*pods)
    for name, value in (("gpu-production", 100000), ("gpu-batch", 1000)):
        cluster.objects["priorityclasses.scheduling.k8s.io", name] = {"metadata": {"name": name}, "value": value}
    cluster.objects["resourcequota", "gpu"] = {"status": {"hard": {"requests.nvidia.com/gpu": "1"}}}
    cluster.refuses = _REFUSED
    return cluster


@pytest.fixture
def admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every pod get the priority of the class it names, as the API does."""
    made = gpu_probe.waiter

    def with_priority(*given: Any) -> dict[str, Any]:
        document = made(*given)
        document["spec"]["priority"] = 1000
        return document

    monkeypatch.setattr(gpu_probe, "waiter", with_priority)


@pytest.mark.usefixtures("admitted")
def test_a_cluster_that_keeps_to_quotas_and_priorities_passes() -> None:
    assert gpu_probe.probe(scheduler(), GIVEN, "probe") is False


@pytest.mark.usefixtures("admitted")
def test_a_node_that_offers_less_than_the_inventory_says_fails() -> None:
    cluster = scheduler()
    cluster.objects["node", "gpu1"]["status"]["allocatable"] = {"nvidia.com/gpu": "3"}

    with pytest.raises(KubectlFailed, match=r"gpu1 offers 3 of nvidia\.com/gpu, the inventory says 4"):
        gpu_probe.probe(cluster, GIVEN, "probe")


@pytest.mark.usefixtures("admitted")
def test_a_quota_that_is_not_kept_fails() -> None:
    cluster = scheduler()
    cluster.refuses = ""

    with pytest.raises(KubectlFailed, match=r"beyond its namespace's quota of nvidia\.com/gpu was admitted"):
        gpu_probe.probe(cluster, GIVEN, "probe")


class Judged(Cluster):
    """Stands for a cluster whose judge refuses, so many times."""

    refusals, because = 0, "The namespace has no quota of nvidia.com/gpu."

    def create(self, document: Mapping[str, Any], namespace: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise KubectlFailed(self.because)
        super().create(document, namespace)


def test_a_quota_that_the_judge_has_not_heard_of_is_waited_for() -> None:
    cluster = Judged({})
    cluster.refusals = 2

    gpu_pods.ask(cluster, gpu_probe.waiter("first", GIVEN, "nvidia.com/gpu", "gpu-batch"), "probe", 60)

    assert cluster.objects["pod", "first"]["spec"]["priorityClassName"] == "gpu-batch"


def test_what_a_judge_refuses_for_good_is_not_asked_again() -> None:
    cluster = Judged({})
    cluster.refusals, cluster.because = 2, "Nothing says how important it is."

    with pytest.raises(KubectlFailed, match="how important"):
        gpu_pods.ask(cluster, gpu_probe.waiter("first", GIVEN, "nvidia.com/gpu", ""), "probe", 60)
    assert cluster.refusals == 1


@pytest.mark.usefixtures("admitted")
def test_a_refusal_for_another_reason_proves_nothing() -> None:
    cluster = scheduler()
    cluster.refuses = "denied the request: no reason"

    with pytest.raises(KubectlFailed, match="for another reason"):
        gpu_probe.probe(cluster, GIVEN, "probe")


def test_a_priority_that_is_not_given_fails() -> None:
    with pytest.raises(KubectlFailed, match="has the priority 0, not 1000"):
        gpu_probe.probe(scheduler(), GIVEN, "probe")


@pytest.mark.usefixtures("admitted")
def test_a_trial_has_the_lowest_priority_and_takes_no_gpu_from_anybody() -> None:
    cluster = scheduler()

    gpu_probe.probe(cluster, GIVEN, "probe")

    assert cluster.objects["pod", "first"]["spec"]["priorityClassName"] == "gpu-batch"


def test_a_priority_class_that_is_gone_fails() -> None:
    with pytest.raises(KubectlFailed, match="no priority class gpu-none"):
        gpu_probe.probe(scheduler(), {**GIVEN, "priorities": ["gpu-none"]}, "probe")


@pytest.mark.usefixtures("admitted")
def test_a_pod_that_waits_although_a_gpu_is_free_fails() -> None:
    cluster = scheduler()
    cluster.objects["status", "first"] = {"phase": "Pending"}

    with pytest.raises(KubectlFailed, match=r"A pod that asks for one nvidia\.com/gpu does not run"):
        gpu_probe.probe(cluster, GIVEN, "probe")


@pytest.mark.usefixtures("admitted")
def test_a_pod_that_waits_while_every_gpu_is_taken_is_no_fault() -> None:
    cluster = scheduler(pod("answers", "gpu1", gpus=4))
    cluster.objects["status", "first"] = {"phase": "Pending"}

    assert gpu_probe.probe(cluster, GIVEN, "probe") is True


@pytest.mark.usefixtures("admitted")
@pytest.mark.parametrize(("taken", "waited"), [(4, False), (3, True)])
def test_where_the_scheduler_says_that_there_is_none_nobody_waits_for_one(taken: int, waited: bool) -> None:
    cluster, waits = scheduler(pod("answers", "gpu1", gpus=taken)), []
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    cluster.objects["status", "first"] = {"phase": "Pending", "conditions": [unscheduled]}

    def a_gpu_is_given_back() -> None:
        waits.append("waited")
        cluster.objects["pod", "first"]["status"] = {"phase": "Running"}

    cluster.each_wait = a_gpu_is_given_back

    assert gpu_probe.probe(cluster, GIVEN, "probe") is not waited
    assert bool(waits) is waited


# ---------------------------------------------------------------- using GPUs

USE: dict[str, Any] = {
    "namespace": "gpu-operator", "nodes": {"gpu1": {"nvidia.com/gpu": 2}}, "gpus": {"gpu1": 2}, "image": "operator:1",
    "metric": "DCGM_FI_DEV_GPU_TEMP", "priorities": [], "seconds": 4,
}  # fmt: skip
_VALIDATOR, _EXPORTER = "nvidia-operator-validator", "nvidia-dcgm-exporter"
_METRICS = "/api/v1/namespaces/gpu-operator/pods/operand:9400/proxy/metrics"
_TEMPERATURES = '# HELP\nDCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-a"} 31\nDCGM_FI_DEV_GPU_TEMP{gpu="1",UUID="GPU-b"} 32\n'


def working() -> Cluster:
    operands = [pod(name, "gpu1", gpus=0, app=app) for name, app in (("validator", _VALIDATOR), ("operand", _EXPORTER))]
    cluster = gpu_cluster(*operands)
    cluster.objects["clusterpolicies.nvidia.com", "cluster-policy"] = {"status": {"state": "ready"}}
    cluster.objects["resourcequota", "gpu"] = {"status": {"hard": {"requests.nvidia.com/gpu": "1"}}}
    cluster.objects["status", "gpu1"] = {"phase": "Succeeded"}
    cluster.answers = {"logs": "Copy output data\nTest PASSED\n", _METRICS: _TEMPERATURES}
    return cluster


def test_gpus_that_add_and_are_measured_pass() -> None:
    assert gpu_devices.use(working(), USE, "probe") == []


def test_a_wrong_sum_fails() -> None:
    cluster = working()
    cluster.answers["logs"] = "Result verification failed at element 3!\n"

    with pytest.raises(KubectlFailed, match="Adding vectors on gpu1 failed"):
        gpu_devices.use(cluster, USE, "probe")


def test_a_sum_that_ended_badly_fails_although_it_is_begun_again() -> None:
    cluster = working()
    ended = {"lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    cluster.objects["status", "gpu1"] = {"phase": "Running", "containerStatuses": [ended]}

    with pytest.raises(KubectlFailed, match="Adding vectors on gpu1 failed"):
        gpu_devices.use(cluster, USE, "probe")


def test_an_operator_that_is_not_done_fails() -> None:
    cluster = working()
    cluster.objects["clusterpolicies.nvidia.com", "cluster-policy"]["status"]["state"] = "notReady"

    with pytest.raises(KubectlFailed, match="policy is notReady"):
        gpu_devices.use(cluster, USE, "probe")


def test_a_gpu_that_is_not_measured_fails() -> None:
    cluster = working()
    cluster.answers[_METRICS] = _TEMPERATURES.partition('\nDCGM_FI_DEV_GPU_TEMP{gpu="1"')[0] + "\n"

    with pytest.raises(KubectlFailed, match="gpu1 measures 1 of its 2 GPUs"):
        gpu_devices.use(cluster, USE, "probe")


def test_a_node_whose_every_gpu_is_taken_is_told_and_no_fault() -> None:
    cluster = working()
    cluster.objects["status", "gpu1"] = {
        "phase": "Pending",
        "conditions": [{"message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}],
    }

    assert gpu_devices.use(cluster, USE, "probe") == ["gpu1"]
