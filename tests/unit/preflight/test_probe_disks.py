from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.platform.base.plugins.module_utils.preflight_probes import disks

from tests.unit.preflight.hosts import host

_MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
/dev/sdb1 /var/lib/etcd xfs rw,nosuid,noexec 0 0
/dev/sdc1 /mnt/a\\040disk ext4 ro 0 0
"""
_SWAPS = """\
Filename Type Size Used Priority
/dev/sda3 partition 2097148 1024 -2
/dev/zram0 partition 524284 0 100
"""


def _space(_path: str) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, 262144, 131072, 131072, 1000, 500, 400, 0, 255))


def test_a_folder_that_is_not_there_yet_lies_on_what_is_mounted_above(tmp_path: Path) -> None:
    root = host(tmp_path, {"/proc/mounts": _MOUNTS, "/var/lib/dpkg/status": ""})

    found = disks.paths(root, ["/var/lib/platform/volumes"], _space)["/var/lib/platform/volumes"]

    assert (found["exists"], found["mount"], found["type"]) == (False, "/", "ext4")
    assert (found["size_mib"], found["free_mib"], found["inodes"], found["inodes_free"]) == (1024, 512, 1000, 400)


def test_a_folders_own_mount_goes_before_the_root(tmp_path: Path) -> None:
    root = host(tmp_path, {"/proc/mounts": _MOUNTS, "/var/lib/etcd/member/wal": ""})

    found = disks.paths(root, ["/var/lib/etcd"], _space)["/var/lib/etcd"]

    assert (found["mount"], found["type"], found["options"], found["empty"]) == (
        "/var/lib/etcd",
        "xfs",
        ["nosuid", "noexec"],
        False,
    )


def test_a_folder_behind_a_link_is_judged_by_where_it_is(tmp_path: Path) -> None:
    root = host(tmp_path, {"/proc/mounts": _MOUNTS, "/mnt/a disk/x": ""}, links={"/srv": "/mnt/a disk"})

    found = disks.paths(root, ["/srv/bundle"], _space)["/srv/bundle"]

    assert (found["mount"], found["options"]) == ("/mnt/a disk", ["ro"])


def test_a_folder_that_others_may_write_to_is_named(tmp_path: Path) -> None:
    root = host(tmp_path, {"/proc/mounts": _MOUNTS, "/etc/hosts": ""})
    (tmp_path / "etc").chmod(0o777)

    unsafe = disks.paths(root, ["/etc"], _space)["/etc"]["unsafe"]

    assert any(entry.startswith("/etc (") and entry.endswith("mode 0777)") for entry in unsafe)


def test_a_folder_that_others_may_only_add_to_is_safe(tmp_path: Path) -> None:
    root = host(tmp_path, {"/proc/mounts": _MOUNTS, "/tmp/x": ""})
    (tmp_path / "tmp").chmod(0o1777)

    unsafe = disks.paths(root, ["/tmp"], _space)["/tmp"]["unsafe"]

    assert not any("mode 1777" in entry for entry in unsafe)


def test_write_latency_is_the_slow_end_and_leaves_nothing(tmp_path: Path) -> None:
    ticks = _clock([0.001] * 40 + [0.030])
    root = host(tmp_path, {"/var/lib/dpkg/status": ""})

    found = disks.write_latency(root, ["/var/lib/etcd"], lambda: next(ticks))["/var/lib/etcd"]

    assert found["p99_ms"] == 30.0
    assert [path.name for path in (tmp_path / "var/lib").iterdir()] == ["dpkg"]


def test_write_latency_takes_a_bounded_time(tmp_path: Path) -> None:
    ticks = _clock([0.2] * 1000)

    found = disks.write_latency(host(tmp_path, {"/etc/hosts": ""}), ["/etc"], lambda: next(ticks))["/etc"]

    assert found["tries"] <= 3


def test_swap_is_listed_when_fstab_names_its_uuid(tmp_path: Path) -> None:
    files = {
        "/proc/swaps": _SWAPS,
        "/etc/fstab": "# a comment\nUUID=abcd none swap sw 0 0\n",
        "/dev/sda3": "",
    }
    root = host(tmp_path, files, links={"/dev/disk/by-uuid/abcd": "../../sda3"})

    found = disks.swaps(root)

    assert [(entry["device"], entry["used_mib"], entry["listed"]) for entry in found] == [
        ("/dev/sda3", 1, True),
        ("/dev/zram0", 0, False),
    ]


def _clock(writes: list[float]) -> Iterator[float]:
    """Yield times such that each write takes what is given; the rest takes no time, until the time is over."""
    now = 0.0
    yield now
    for taken in writes:
        yield now
        now += taken
        yield now
    while True:
        yield now + 1000
