from __future__ import annotations

import base64
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.preflight_probes import system

from tests.unit.preflight.hosts import Programs, host

_V2 = "lm cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"
_V3 = f"{_V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"


def test_the_release_is_read_without_its_quotes(tmp_path: Path) -> None:
    content = '# a comment\nID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nPRETTY_NAME="Ubuntu 24.04"\n'
    root = host(tmp_path, {"/etc/os-release": content})

    assert system.release(root) == {
        "id": "ubuntu",
        "version": "24.04",
        "codename": "noble",
        "name": "Ubuntu 24.04",
    }


def test_a_host_without_any_file_has_no_release(tmp_path: Path) -> None:
    assert system.release(host(tmp_path, {})) == {"id": "", "version": "", "codename": "", "name": ""}


@pytest.mark.parametrize(("flags", "level"), [("fpu", 0), ("lm", 1), (_V2, 2), (_V3, 3), (f"{_V3} avx512f", 3)])
def test_a_processors_level_is_the_highest_it_has_all_of(tmp_path: Path, flags: str, level: int) -> None:
    root = host(
        tmp_path, {"/proc/cpuinfo": f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: {flags}\n"}
    )

    assert system.processors(root) == {"count": 2, "level": level}


def test_memory_is_no_more_than_the_hosts_control_group_may_use(tmp_path: Path) -> None:
    meminfo = "MemTotal:       33554432 kB\nMemAvailable:   16777216 kB\n"
    root = host(tmp_path, {"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": f"{4096 << 20}\n"})

    assert system.memory(root) == {"total_mib": 4096, "available_mib": 16384}


def test_memory_without_a_limit_is_the_machines(tmp_path: Path) -> None:
    root = host(tmp_path, {"/proc/meminfo": "MemTotal: 2097152 kB\n", "/sys/fs/cgroup/memory.max": "max\n"})

    assert system.memory(root)["total_mib"] == 2048


def test_the_kernels_lockdown_is_what_stands_in_brackets(tmp_path: Path) -> None:
    files = {
        "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
        "/proc/sys/kernel/osrelease": "6.12.1\n",
    }

    found = system.kernel(host(tmp_path, files), Programs({"uname": "x86_64\n"}))

    assert found == {"release": "6.12.1", "architecture": "x86_64", "lockdown": "integrity"}


def test_the_ssh_key_is_named_by_its_fingerprint(tmp_path: Path) -> None:
    key = base64.b64encode(b"a key").decode()
    root = host(tmp_path, {"/etc/ssh/ssh_host_ed25519_key.pub": f"ssh-ed25519 {key} root@host\n"})

    assert system.ssh_host_key(root) == "SHA256:j6Oqsvqpt54KA5jaW1q9B4AUJEKlvoC5pkYI1xjLH80"


def test_the_time_zone_is_where_its_link_points(tmp_path: Path) -> None:
    root = host(tmp_path, {}, links={"/etc/localtime": "/usr/share/zoneinfo/Europe/Berlin"})

    assert system.time_zone(root) == "Europe/Berlin"


def test_a_host_without_a_time_zone_runs_on_utc(tmp_path: Path) -> None:
    assert system.time_zone(host(tmp_path, {})) == "UTC"


@pytest.mark.parametrize(("content", "mode"), [("1", "enforcing"), ("0", "permissive"), ("", "off")])
def test_selinux_is_what_its_file_system_says(tmp_path: Path, content: str, mode: str) -> None:
    assert system.selinux(host(tmp_path, {"/sys/fs/selinux/enforce": content})) == mode


def test_a_restart_is_due_when_packages_ask_for_it(tmp_path: Path) -> None:
    files = {"/run/reboot-required": "", "/run/reboot-required.pkgs": "libc6\nlinux-base\nlibc6\n"}

    found = system.restart(host(tmp_path, files))

    assert found == {"asked": True, "packages": ["libc6", "linux-base"], "modules_gone": False}


def test_a_kernel_whose_modules_are_gone_is_noticed(tmp_path: Path) -> None:
    files = {"/proc/sys/kernel/osrelease": "6.12.1", "/lib/modules/6.12.9/modules.dep": ""}

    assert system.restart(host(tmp_path, files))["modules_gone"]
