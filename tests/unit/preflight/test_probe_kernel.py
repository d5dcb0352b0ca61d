from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.preflight_probes import kernel

from tests.unit.preflight.hosts import host

_V1 = """\
tmpfs /sys/fs/cgroup tmpfs ro 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
"""


def test_control_groups_of_the_second_version_name_their_controllers(tmp_path: Path) -> None:
    files = {
        "/proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
        "/sys/fs/cgroup/cgroup.controllers": "pids cpu memory\n",
    }

    assert kernel.cgroups(host(tmp_path, files)) == {"version": 2, "controllers": ["cpu", "memory", "pids"]}


def test_a_hybrid_of_control_groups_is_of_the_first_version(tmp_path: Path) -> None:
    enabled = "#subsys_name hierarchy num_cgroups enabled\ncpu 2 1 1\nmemory 3 1 1\npids 4 1 1\n"

    found = kernel.cgroups(host(tmp_path, {"/proc/mounts": _V1, "/proc/cgroups": enabled}))

    assert found == {"version": 1, "controllers": ["cpu", "memory"]}


def test_a_controller_the_kernel_was_told_to_leave_out_is_missing(tmp_path: Path) -> None:
    enabled = "#subsys_name hierarchy num_cgroups enabled\ncpu 2 1 1\nmemory 0 1 0\n"

    found = kernel.cgroups(host(tmp_path, {"/proc/mounts": _V1, "/proc/cgroups": enabled}))

    assert found["controllers"] == ["cpu"]


def test_modules_are_ready_when_built_in_loadable_when_on_disk_absent_otherwise(tmp_path: Path) -> None:
    files = {
        "/proc/sys/kernel/osrelease": "6.1\n",
        "/lib/modules/6.1/modules.builtin": "kernel/net/ipv4/nf_tables.ko\n",
        "/lib/modules/6.1/modules.dep": "kernel/drivers/net/vxlan/vxlan.ko.xz: kernel/net/udp_tunnel.ko\n",
        "/proc/filesystems": "nodev\toverlay\n",
        "/sys/module/veth/refcnt": "0",
    }

    found = kernel.modules(host(tmp_path, files), ["nf_tables", "vxlan", "overlay", "veth", "wireguard"])

    assert found == {
        "nf_tables": "ready",
        "vxlan": "loadable",
        "overlay": "ready",
        "veth": "ready",
        "wireguard": "absent",
    }


def test_what_the_kernel_was_built_with_counts_as_ready(tmp_path: Path) -> None:
    config = gzip.compress(b"CONFIG_NET_CLS_BPF=y\nCONFIG_BRIDGE_NETFILTER=m\n")

    found = kernel.modules(host(tmp_path, {"/proc/config.gz": config}), ["cls_bpf", "br_netfilter"])

    assert found == {"cls_bpf": "ready", "br_netfilter": "absent"}


def test_a_settings_name_may_hold_an_interface_with_a_dot(tmp_path: Path) -> None:
    files = {
        "/proc/sys/net/ipv4/conf/eth0.7/rp_filter": "2\n",
        "/proc/sys/net/ipv4/ip_local_port_range": "1024\t65535\n",
    }

    found = kernel.settings(
        host(tmp_path, files), ["net.ipv4.conf.eth0/7.rp_filter", "net.ipv4.ip_local_port_range", "vm.absent"]
    )

    assert found["net.ipv4.conf.eth0/7.rp_filter"]["value"] == "2"
    assert found["net.ipv4.ip_local_port_range"]["value"] == "1024 65535"
    assert found["vm.absent"] is None


def test_a_kernel_tells_of_the_types_it_has(tmp_path: Path) -> None:
    types = tmp_path / "sys" / "kernel" / "btf" / "vmlinux"
    types.parent.mkdir(parents=True)
    types.write_bytes(b"\x9f\xeb\x01\0\0bpf_ringbuf\0btf_trace_sys_enter\0")

    found = kernel.kernel_types(host(tmp_path, {}), ["bpf_ringbuf", "btf_trace_sys_exit", "ringbuf"])

    assert found == {"bpf_ringbuf": "there", "btf_trace_sys_exit": "absent", "ringbuf": "absent"}


@pytest.mark.parametrize("files", [{}, {"/sys/kernel/btf/vmlinux": "no types"}])
def test_a_kernel_without_a_description_is_silent(tmp_path: Path, files: dict[str, str]) -> None:
    assert kernel.kernel_types(host(tmp_path, files), ["bpf_ringbuf"]) == {"bpf_ringbuf": "silent"}
