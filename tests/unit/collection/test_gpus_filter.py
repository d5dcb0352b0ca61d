"""What an inventory says of its GPU hosts, shaped for charts, nodes and the scheduler."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.platform.base.plugins.filter import gpus

CLASSES: dict[str, Any] = {
    "whole": {"gpus": 8},
    "divided": {"hosts": ["gpu2"], "gpus": 4, "mig": {"1g.18gb": 4, "3g.71gb": 1}},
    "in_turns": {"hosts": ["gpu3"], "gpus": 2, "sharing": "time_slicing", "replicas": 4},
    "side_by_side": {"hosts": ["gpu4"], "gpus": 2, "sharing": "mps", "replicas": 2},
}
HOSTS = ["gpu1", "gpu2", "gpu3", "gpu4"]
WINDOW = {"days": ["saturday"], "start": "22:00", "stop": "04:00"}
SATURDAY, SUNDAY, MONDAY = 5, 6, 0


def test_a_host_offers_what_its_class_makes_of_its_gpus() -> None:
    offers = {host: found["resources"] for host, found in gpus.gpu_hosts(HOSTS, CLASSES).items()}

    assert offers == {
        "gpu1": {"nvidia.com/gpu": 8},
        "gpu2": {"nvidia.com/mig-1g.18gb": 16, "nvidia.com/mig-3g.71gb": 4},
        "gpu3": {"nvidia.com/gpu.shared": 8},
        "gpu4": {"nvidia.com/gpu.shared": 4},
    }


def test_nodes_choose_their_layout_and_their_sharing_by_labels() -> None:
    labels = gpus.gpu_labels(gpus.gpu_hosts(HOSTS, CLASSES))

    assert {host: tuple(found.values()) for host, found in labels.items()} == {
        "gpu1": ("all-disabled", "exclusive"),
        "gpu2": ("divided", "exclusive"),
        "gpu3": ("all-disabled", "in_turns"),
        "gpu4": ("all-disabled", "side_by_side"),
    }


def test_the_plugin_knows_every_way_of_sharing_that_labels_name() -> None:
    found = {name: yaml.safe_load(text) for name, text in gpus.gpu_sharing(CLASSES).items()}

    assert set(found) == {"exclusive", "in_turns", "side_by_side"}
    assert found["in_turns"]["sharing"]["timeSlicing"] == {
        "renameByDefault": True,
        "failRequestsGreaterThanOne": True,
        "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
    }
    assert list(found["side_by_side"]["sharing"]) == ["mps"]


def test_the_mig_manager_knows_every_layout_that_labels_name() -> None:
    layouts = yaml.safe_load(gpus.gpu_mig(CLASSES))["mig-configs"]

    assert layouts["all-disabled"] == [{"devices": "all", "mig-enabled": False}]
    assert layouts["divided"] == [{"devices": "all", "mig-enabled": True, "mig-devices": {"1g.18gb": 4, "3g.71gb": 1}}]


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        ({"a": {}}, "how many `gpus`"),
        ({"a": {"gpus": 0}}, "how many `gpus`"),
        ({"a": {"gpus": 1, "slices": 2}}, "says slices"),
        ({"a": {"gpus": 1, "sharing": "luck", "replicas": 2}}, "has sharing luck"),
        ({"a": {"gpus": 1, "sharing": "mps"}}, "needs the other"),
        ({"a": {"gpus": 1, "replicas": 2}}, "needs the other"),
        ({"a": {"gpus": 1, "sharing": "mps", "replicas": 2, "mig": {"1g.10gb": 7}}}, "only one is possible"),
        ({"a": {"gpus": 1, "hosts": ["gpu9"]}}, "gpu9, no hosts of the group gpu"),
        ({"a": {"gpus": 1, "hosts": ["gpu1"]}}, "no class for gpu2"),
        ({"a": {"gpus": 1}, "b": {"gpus": 2}}, "a, b for gpu1"),
        ({"a": {"gpus": 1, "hosts": HOSTS}, "b": {"gpus": 2, "hosts": ["gpu2"]}}, "a, b for gpu2"),
    ],
)
def test_a_class_that_cannot_be_is_told(classes: Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        gpus.gpu_hosts(HOSTS, classes)


@pytest.mark.parametrize(
    ("day", "clock", "open_then"),
    [
        (SATURDAY, "21:59", False),
        (SATURDAY, "22:00", True),
        (SUNDAY, "03:59", True),
        (SUNDAY, "04:00", False),
        (SUNDAY, "22:30", False),
        (SATURDAY, "03:00", False),
        (MONDAY, "03:00", False),
    ],
)
def test_a_window_over_midnight_ends_the_next_day(day: int, clock: str, open_then: bool) -> None:
    hours, _, minutes = clock.partition(":")

    assert gpus.in_window(WINDOW, day, int(hours) * 60 + int(minutes)) is open_then


def test_a_window_within_a_day_does_not_go_on() -> None:
    window = {"days": ["monday", "sunday"], "start": "08:00", "stop": "09:30"}

    assert [gpus.in_window(window, MONDAY, minute) for minute in (479, 480, 569, 570)] == [False, True, True, False]


def test_without_a_window_it_is_never_the_time() -> None:
    assert not any(gpus.in_window({}, day, minute) for day in range(7) for minute in (0, 720))


def test_half_a_window_is_told() -> None:
    with pytest.raises(AnsibleFilterError, match="no start, stop"):
        gpus.in_window({"days": ["monday"]}, MONDAY, 0)


def hostvars(**loaded: str) -> dict[str, Any]:
    return {
        host: {"__gpu_operator_found": {"facts": {"answers": {"gpus": {"nvidia": found(version)}}}}}
        for host, version in loaded.items()
    }


def found(loaded: str) -> dict[str, str]:
    return {"loaded": loaded, "release": "trixie", "kernel": "6.12.1"}


def test_only_hosts_with_another_driver_are_changed() -> None:
    known = hostvars(gpu1="550.163.01", gpu2="535.247.01", gpu3="")

    others = gpus.gpu_other_drivers(["gpu1", "gpu2", "gpu3"], known, {"trixie": {"driver": "550.163.01"}})

    assert others == ["gpu2"]


def test_packages_of_a_driver_are_asked_for_by_its_version() -> None:
    sets = {"dkms": {"trixie": ["driver", "headers-{kernel}"]}, "nvswitch": {"noble": ["manager"]}}

    names = gpus.gpu_packages(found(""), sets, ["dkms", "nvswitch"], {"trixie": {"driver": "550.163.01"}})

    assert names == ["driver=550.163.01*", "headers-6.12.1"]


def test_a_key_in_a_source_of_packages_has_no_empty_line() -> None:
    assert gpus.deb822_key("-----BEGIN-----\n\nabc\n-----END-----\n") == "-----BEGIN-----\n.\nabc\n-----END-----"


def test_hosts_with_switches_get_what_joins_their_gpus() -> None:
    classes = {"plain": {"gpus": 1, "hosts": ["gpu1"]}, "switched": {"gpus": 8, "hosts": ["gpu2"], "nvswitch": True}}
    known = gpus.gpu_hosts(["gpu1", "gpu2"], classes)

    assert [gpus.gpu_sets(known[host], "dkms") for host in known] == [["dkms"], ["dkms", "nvswitch"]]
    assert [len(gpus.gpu_units(known[host])) for host in known] == [1, 2]


def test_a_driver_that_is_not_loaded_is_no_other_one() -> None:
    assert gpus.gpu_other_drivers(["gpu1"], hostvars(gpu1=""), {"trixie": {"driver": "550.163.01"}}) == []
