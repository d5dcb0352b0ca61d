"""GPU nodes are labelled, drained, changed and given back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed

from roles.gpu_operator.library import gpu_driver, gpu_nodes, gpu_rollout
from tests.unit.roles.cluster import Cluster, node, pod

MIG = {gpu_nodes.MIG: "divided", gpu_nodes.SHARING: "exclusive"}


def gpu_cluster(*pods: dict[str, Any], **labels: str) -> Cluster:
    objects = {("pods", item["metadata"]["name"]): item for item in pods}
    return Cluster({**objects, ("node", "gpu1"): node("gpu1", {"nvidia.com/gpu": 4}, **labels)})


# ---------------------------------------------------------------- labels


def test_labels_are_set_once() -> None:
    cluster = gpu_cluster()

    first = gpu_nodes.labelled(cluster, "gpu1", MIG, wet=True)
    second = gpu_nodes.labelled(cluster, "gpu1", MIG, wet=True)

    assert (len(first), second) == (2, [])
    assert cluster.objects["node", "gpu1"]["metadata"]["labels"] == MIG


def test_a_layout_does_not_change_under_pods_that_use_gpus() -> None:
    cluster = gpu_cluster(pod("answers", "gpu1"))

    with pytest.raises(KubectlFailed, match="while pods use them: team/answers"):
        gpu_nodes.labelled(cluster, "gpu1", MIG, wet=True)

    assert cluster.objects["node", "gpu1"]["metadata"]["labels"] == {}


def test_another_way_of_sharing_is_chosen_although_pods_use_gpus() -> None:
    cluster = gpu_cluster(pod("answers", "gpu1"), **{gpu_nodes.MIG: "all-disabled"})

    changed = gpu_nodes.labelled(cluster, "gpu1", {gpu_nodes.SHARING: "in_turns"}, wet=True)

    assert changed == [f"gpu1: {gpu_nodes.SHARING}=in_turns"]


def test_check_mode_sets_no_label() -> None:
    cluster = gpu_cluster()

    assert gpu_nodes.labelled(cluster, "gpu1", MIG, wet=False)
    assert cluster.objects["node", "gpu1"]["metadata"]["labels"] == {}


# ---------------------------------------------------------------- draining


def test_pods_without_a_gpu_stay_when_a_node_is_drained() -> None:
    cluster = gpu_cluster(pod("answers", "gpu1"), pod("logs", "gpu1", gpus=0))

    gpu_nodes.drained(cluster, "gpu1", wait_seconds=0, seconds=10)

    assert ("pods", "answers") not in cluster.objects
    assert ("pods", "logs") in cluster.objects
    assert cluster.objects["node", "gpu1"]["spec"]["unschedulable"] is True


def test_jobs_may_end_before_anybody_is_asked_to_leave() -> None:
    cluster = gpu_cluster(pod("training", "gpu1", owner="Job"), pod("answers", "gpu1"))
    evictions: list[int] = []

    def end_the_job() -> None:
        evictions.append(sum("eviction" in line for line in cluster.asked))
        cluster.objects.pop(("pods", "training"), None)

    cluster.each_wait = end_the_job
    gpu_nodes.drained(cluster, "gpu1", wait_seconds=60, seconds=10)

    assert evictions[0] == 0
    assert not any("training/eviction" in line for line in cluster.asked)


def test_a_node_offers_nothing_more_before_anybody_is_asked_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = gpu_cluster(pod("answers", "gpu1"))
    offers: list[str] = []
    evict = gpu_nodes.evict

    def note(asked: Cluster, item: dict[str, Any]) -> None:
        offers.append(asked.objects["node", "gpu1"]["metadata"]["labels"].get(gpu_nodes.OPERANDS, "still"))
        evict(asked, item)

    monkeypatch.setattr(gpu_nodes, "evict", note)
    gpu_nodes.drained(cluster, "gpu1", wait_seconds=0, seconds=10)

    assert offers == ["false"]


def test_who_does_not_leave_is_named_and_the_node_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = gpu_cluster(pod("answers", "gpu1"))
    monkeypatch.setattr(gpu_nodes, "evict", lambda *_: None)

    with pytest.raises(KubectlFailed, match="do not leave gpu1: team/answers"):
        gpu_nodes.drained(cluster, "gpu1", wait_seconds=0, seconds=10)

    assert cluster.objects["node", "gpu1"]["spec"]["unschedulable"] is True


def test_a_drained_node_is_given_back_as_it_was() -> None:
    cluster = gpu_cluster()
    gpu_nodes.drained(cluster, "gpu1", wait_seconds=0, seconds=10)

    first = gpu_nodes.returned(cluster, "gpu1", 10, wet=True)
    second = gpu_nodes.returned(cluster, "gpu1", 10, wet=True)

    found = cluster.objects["node", "gpu1"]
    assert (first, second) == (["gpu1: returned"], [])
    assert (found["spec"], found["metadata"]["labels"], found["metadata"]["annotations"]) == (
        {"unschedulable": False},
        {},
        {},
    )


def test_a_node_that_an_operator_closed_stays_closed() -> None:
    cluster = gpu_cluster()
    cluster.objects["node", "gpu1"]["spec"]["unschedulable"] = True
    gpu_nodes.drained(cluster, "gpu1", wait_seconds=0, seconds=10)

    gpu_nodes.returned(cluster, "gpu1", 10, wet=True)

    assert cluster.objects["node", "gpu1"]["spec"]["unschedulable"] is True


def test_a_node_that_nobody_took_is_not_given_back() -> None:
    cluster = gpu_cluster()
    cluster.objects["node", "gpu1"]["spec"]["unschedulable"] = True

    assert gpu_nodes.returned(cluster, "gpu1", 10, wet=True) == []


def test_every_label_of_the_vendor_goes_with_the_component() -> None:
    labels = {"nvidia.com/gpu.product": "H200", "kubernetes.io/os": "linux"}
    cluster = Cluster({("nodes", "gpu1"): node("gpu1", **labels)})

    assert gpu_nodes.absent(cluster, "gpu1", wet=True) == ["gpu1: 1 labels gone"]
    assert cluster.objects["nodes", "gpu1"]["metadata"]["labels"] == {"kubernetes.io/os": "linux"}
    assert gpu_nodes.absent(cluster, "gpu1", wet=True) == []


def test_a_node_that_is_gone_has_no_labels_to_lose() -> None:
    assert gpu_nodes.absent(Cluster({}), "gpu1", wet=True) == []


# ---------------------------------------------------------------- drivers


def test_processes_that_hold_a_gpu_are_named(tmp_path: Path) -> None:
    for number, target in (("41", "/dev/nvidia0"), ("42", "/dev/null")):
        (tmp_path / number / "fd").mkdir(parents=True)
        (tmp_path / number / "fd" / "3").symlink_to(target)
        (tmp_path / number / "comm").write_text("python3\n")
    (tmp_path / "self").mkdir()

    assert gpu_driver.holders(str(tmp_path)) == ["python3 (41)"]


def test_a_driver_comes_from_the_platforms_packages_alone() -> None:
    command = " ".join(gpu_driver.install(["driver=550*"]))

    assert "Dir::Etc::sourceparts=-" in command and "platform.sources" in command
    assert command.endswith(" driver=550*")


_DRIVER = "nvidia-driver-daemonset"


def drivers(**hashes: str) -> Cluster:
    revisions: list[dict[str, Any]] = [
        {
            "metadata": {"labels": {"controller-revision-hash": name}, "ownerReferences": [{"name": "driver"}]},
            "revision": number,
        }
        for number, name in ((1, "old"), (2, "new"))
    ]
    for entry in revisions:
        entry["metadata"]["labels"]["app"] = _DRIVER
    objects: dict[tuple[str, str], Any] = {
        ("controllerrevisions", entry["metadata"]["labels"]["controller-revision-hash"]): entry for entry in revisions
    }
    for host, found in hashes.items():
        objects["pods", host] = pod(f"driver-{host}", host)
        objects["pods", host]["metadata"]["labels"] = {"controller-revision-hash": found, "app": _DRIVER}
    objects["clusterpolicies.nvidia.com", "cluster-policy"] = {"spec": {"driver": {}}}
    return Cluster(objects)


def switched(cluster: Cluster) -> Any:
    policy = cluster.objects["clusterpolicies.nvidia.com", "cluster-policy"]
    return policy["spec"]["driver"].get("upgradePolicy", {}).get("autoUpgrade")


def test_containers_of_another_version_are_found() -> None:
    assert gpu_rollout.outdated(drivers(gpu1="new", gpu2="old"), "gpu-operator") == ["gpu2"]


def test_the_operator_may_change_drivers_for_as_long_as_that_takes() -> None:
    cluster, seen = drivers(gpu1="old"), []

    def replace() -> None:
        seen.append(switched(cluster))
        cluster.objects["pods", "gpu1"]["metadata"]["labels"]["controller-revision-hash"] = "new"

    cluster.each_wait = replace
    gpu_rollout.roll_out(cluster, {"namespace": "gpu-operator", "seconds": 60})

    assert (seen, switched(cluster)) == ([True], False)


def test_a_node_on_which_it_gave_up_is_named_and_it_is_switched_off() -> None:
    cluster = drivers(gpu1="old")
    failed = {"nvidia.com/gpu-driver-upgrade-state": "upgrade-failed"}
    cluster.objects["nodes", "gpu1"] = node("gpu1", **failed)

    with pytest.raises(KubectlFailed, match="could not change the driver of gpu1"):
        gpu_rollout.roll_out(cluster, {"namespace": "gpu-operator", "seconds": 60})

    assert switched(cluster) is False
