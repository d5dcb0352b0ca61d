"""From a host's files and programs to what is wrong with its GPUs: a fault in the host makes exactly its check fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.preflight_probes import gpus
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import HOST_CHECKS, judge

from tests.unit.preflight.gpu_trees import ADDRESSES, DRIVER, KERNEL, GpuHost, above, at, resource, smi

WANTED: dict[str, dict[str, Any]] = {
    "gpu_count": {"count": 2, "device": "2335"},
    "gpu_secure_boot": {"modules": "dkms"},
    "gpu_kernel_known": {"kernels": {"trixie": [KERNEL]}},
    "gpu_driver_offered": {"choice": "dkms", "sets": {"dkms": {"trixie": ["driver"]}}, "in_container": ["noble"]},
    "gpu_fabric_manager": {"wanted": True},
}
CHECKS = {name: WANTED.get(name, {}) for name in HOST_CHECKS if name.startswith("gpu_")}
FIRST, SECOND = ADDRESSES
_LOG = "NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.\n"
_ECC = ("ecc_mode/current_ecc", "ecc_mode/pending_ecc")
_MANAGER = "systemctl is-active nvidia-fabricmanager"
_SLOW = "clocks_event_reasons/clocks_event_reason_hw_thermal_slowdown"
_MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.163\n"

FAULTS: list[tuple[str, str, GpuHost]] = [
    ("gpu_count", "a GPU is not on the bus", GpuHost(without=(f"/sys/bus/pci/devices/{SECOND}",))),
    ("gpu_count", "another kind of GPU", GpuHost(files={at(FIRST, "device"): "0x20b5\n"})),
    ("gpu_nouveau", "the kernel's own driver is loaded", GpuHost(files={"/sys/module/nouveau/refcnt": "0\n"})),
    ("gpu_secure_boot", "there is no key", GpuHost(without=("/var/lib/dkms/mok.pub",))),
    ("gpu_secure_boot", "the key waits", GpuHost(says={"mokutil --test-key": "mok.pub is not enrolled\n"})),
    ("gpu_kernel_known", "another kernel was started", GpuHost(files={"/etc/os-release": "VERSION_CODENAME=trixie\n",
        "/proc/sys/kernel/osrelease": "6.12.9+deb13-amd64\n"})),
    ("gpu_kernel_headers", "headers were deleted by hand", GpuHost(without=("/usr/src/linux-headers-",))),
    ("gpu_compiler", "an older compiler", GpuHost(says={"gcc -dumpversion": "12\n"})),
    ("gpu_iommu", "addresses are translated", GpuHost(files={"/sys/kernel/iommu_groups/20/type": "DMA-FQ\n"})),
    ("gpu_pcie_width", "half the lanes", GpuHost(files={at(SECOND, "current_link_width"): "8\n"})),
    ("gpu_pcie_generation", "an old slot", GpuHost(files={above(FIRST, "max_link_speed"): "16.0 GT/s PCIe\n"})),
    ("gpu_memory_window", "no address above 4G", GpuHost(files={at(FIRST, "resource"): resource(0)})),
    ("gpu_driver_matches", "libraries of another version", GpuHost(says={"nvidia-smi -q -x": _MISMATCH})),
    ("gpu_driver_matches", "an older module", GpuHost(says={"nvidia-smi -q -x": smi({}, "550.163.02")})),
    ("gpu_driver_matches", "a tool that is missing", GpuHost(says={"nvidia-smi -q -x": ""})),
    ("gpu_driver_by_hand", "NVIDIA's own installer", GpuHost(files={"/usr/bin/nvidia-uninstall": "#!/bin/sh\n"})),
    ("gpu_driver_offered", "a release without it", GpuHost(files={"/etc/os-release": "VERSION_CODENAME=noble\n"})),
    ("gpu_fabric_manager", "it does not run", GpuHost(says={_MANAGER: "failed\n"})),
    ("gpu_fabric_manager", "a GPU joined no fabric", GpuHost(reports={"fabric/state": "In Progress"})),
    ("gpu_ecc", "it is off", GpuHost(reports=dict.fromkeys(_ECC, "Disabled"))),
    ("gpu_ecc_errors", "two errors", GpuHost(reports={"ecc_errors/volatile/dram_uncorrectable": "2"})),
    ("gpu_ecc_errors", "as older drivers say it", GpuHost(reports={"ecc_errors/volatile/sram_uncorrectable": "1"})),
    ("gpu_retired_pages", "a page waits", GpuHost(reports={"retired_pages/pending_retirement": "Yes"})),
    ("gpu_retired_pages", "too many", GpuHost(reports={"retired_pages/double_bit_retirement/retired_count": "64"})),
    ("gpu_row_remaps", "one failed", GpuHost(reports={"remapped_rows/remapped_row_failure": "Yes"})),
    ("gpu_row_remaps", "one waits", GpuHost(reports={"remapped_rows/remapped_row_pending": "Yes"})),
    ("gpu_xids", "a GPU fell off the bus", GpuHost(says={"journalctl": _LOG})),
    ("gpu_power_limit", "a limit was set", GpuHost(reports={"gpu_power_readings/current_power_limit": "450.00 W"})),
    ("gpu_temperature", "hot and idle", GpuHost(reports={"temperature/gpu_temp": "78 C"})),
    ("gpu_temperature", "slowed down", GpuHost(reports={_SLOW: "Active"})),
]  # fmt: skip


def wrong(tree: GpuHost, folder: Path) -> list[dict[str, str]]:
    """Return what every check finds on a host."""
    found = gpus.gpus(tree.root(folder), tree.programs(), ["nvidia"])
    wanted = {name: dict(given) for name, given in CHECKS.items()}
    kernel = found["nvidia"]["kernel"]
    if found["nvidia"]["release"] == "noble":
        # Its kernel is known; it is the way to the driver that is not.
        wanted["gpu_kernel_known"] = {"kernels": {"noble": [kernel]}}
    return judge(wanted, "gpu1", {"answers": {"gpus": found}})


def test_a_healthy_host_passes_every_check(tmp_path: Path) -> None:
    assert wrong(GpuHost(), tmp_path) == []


def test_a_host_that_has_no_driver_yet_passes_too(tmp_path: Path) -> None:
    assert wrong(GpuHost(driver=False), tmp_path) == []


@pytest.mark.parametrize(("check", "tree"), [pytest.param(c, tree, id=f"{c}: {what}") for c, what, tree in FAULTS])
def test_a_fault_of_a_host_makes_exactly_its_check_fail(check: str, tree: GpuHost, tmp_path: Path) -> None:
    problems = wrong(tree, tmp_path)

    assert {problem["check"] for problem in problems} == {check}, problems


def test_a_gpu_may_be_hot_while_it_works(tmp_path: Path) -> None:
    at_work = GpuHost(reports={"temperature/gpu_temp": "78 C", "utilization/gpu_util": "97 %"})

    assert wrong(at_work, tmp_path) == []


def test_every_check_has_a_fault() -> None:
    assert {check for check, _, _ in FAULTS} == set(CHECKS)


def test_an_idle_gpu_is_judged_by_what_both_ends_can_do(tmp_path: Path) -> None:
    found = gpus.gpus(GpuHost().root(tmp_path), GpuHost().programs(), ["nvidia"])["nvidia"]["devices"][0]

    assert (found["generation"], found["width"], found["memory_window_mib"]) == (5, 16, 256 * 1024)
    assert (found["id"], found["driver"], found["iommu"]) == ("2335", "nvidia", "identity")


def test_a_host_without_gpus_has_none(tmp_path: Path) -> None:
    bare = GpuHost(without=("/sys/bus/pci",), driver=False)

    found = gpus.gpus(bare.root(tmp_path), bare.programs(), ["nvidia", "other"])

    assert set(found) == {"nvidia"}
    assert (found["nvidia"]["devices"], found["nvidia"]["switches"], found["nvidia"]["reports"]) == ([], 0, [])


def test_a_tool_that_is_cut_off_in_the_middle_tells_nothing(tmp_path: Path) -> None:
    cut = GpuHost(says={"nvidia-smi -q -x": smi({})[:400]})

    found = gpus.gpus(cut.root(tmp_path), cut.programs(), ["nvidia"])["nvidia"]

    assert (found["library"], found["reports"], found["loaded"]) == ("", [], DRIVER)
