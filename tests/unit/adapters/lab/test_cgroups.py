"""A host's control groups say which processes are its own, whatever was killed before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from installer.adapters.lab import cgroups

NAME = "platform-lab-one-cp1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a hierarchy like the kernel's, in which some controllers are missing."""
    for name in ("cpu", "cpuset", "freezer", "systemd"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    for name, value in (("cpuset.cpus", "0-1"), ("cpuset.mems", "0")):
        (tmp_path / "cpuset" / name).write_text(value)
    return tmp_path


def group(root: Path, controller: str, **files: str) -> Path:
    """Make a host's group with files in it."""
    folder = root / controller / NAME
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


def test_only_hierarchies_that_are_mounted_count(root: Path) -> None:
    assert [path.name for path in cgroups.hierarchies(root)] == ["cpu", "cpuset", "freezer", "systemd"]


def test_a_host_gets_a_group_in_every_hierarchy(root: Path, tmp_path: Path) -> None:
    groups = cgroups.create(NAME, 1 << 30, tmp_path / "record", root)

    assert groups == tuple(root / name / NAME for name in ("cpu", "cpuset", "freezer", "systemd"))
    assert all(path.is_dir() for path in groups)


def test_the_groups_are_written_down_before_they_are_made(root: Path, tmp_path: Path) -> None:
    (root / "cpuset" / NAME).write_text("in the way")

    with pytest.raises(FileExistsError):
        cgroups.create(NAME, 1 << 30, tmp_path / "record", root)

    assert (tmp_path / "record").read_text().splitlines()[1] == str(root / "cpuset" / NAME)


def test_a_group_of_processors_has_its_parents(root: Path, tmp_path: Path) -> None:
    cgroups.create(NAME, 1 << 30, tmp_path / "record", root)

    assert (root / "cpuset" / NAME / "cpuset.cpus").read_text() == "0-1"


def test_groups_are_made_once(root: Path, tmp_path: Path) -> None:
    first = cgroups.create(NAME, 1 << 30, tmp_path / "record", root)

    assert cgroups.create(NAME, 1 << 30, tmp_path / "record", root) == first


def test_processes_are_found_in_any_group_and_below(root: Path, tmp_path: Path) -> None:
    one = group(root, "cpu", cgroup_procs="7\n8\n")
    two = group(root, "systemd", cgroup_procs="8\n")
    below = two / "system.slice"
    below.mkdir()
    (below / "cgroup.procs").write_text("9\n")
    (tmp_path / "record").write_text(f"{one}\n{two}\n")

    assert cgroups.processes(NAME, tmp_path / "record") == {7, 8, 9}


def test_a_host_that_is_gone_has_no_processes(tmp_path: Path) -> None:
    (tmp_path / "record").write_text(f"{tmp_path / 'gone'}\n")

    assert cgroups.processes(NAME, tmp_path / "record") == frozenset()


def test_memory_is_counted_without_the_page_cache(root: Path, tmp_path: Path) -> None:
    one = group(root, "cpu", memory_stat="cache 900\ntotal_rss 4096\n")
    (tmp_path / "record").write_text(f"{one}\n")

    assert cgroups.memory_used(NAME, tmp_path / "record") == 4096


def test_a_host_that_is_off_uses_no_memory(tmp_path: Path) -> None:
    (tmp_path / "record").write_text("")

    assert cgroups.memory_used(NAME, tmp_path / "record") == 0


def test_frozen_processes_are_thawed(root: Path, tmp_path: Path) -> None:
    one = group(root, "freezer", freezer_state="FROZEN\n")
    (tmp_path / "record").write_text(f"{one}\n")

    cgroups.thaw(NAME, tmp_path / "record")

    assert (one / "freezer.state").read_text() == "THAWED"


def test_groups_are_removed_with_everything_below_and_forgotten(root: Path, tmp_path: Path) -> None:
    groups = cgroups.create(NAME, 1 << 30, tmp_path / "record", root)
    # The kernel's files go with their folder; those made here by hand do not.
    for path in (root / "cpuset" / NAME).iterdir():
        path.unlink()
    (groups[0] / "system.slice" / "ssh.service").mkdir(parents=True)

    cgroups.remove(NAME, tmp_path / "record")

    assert not any(path.exists() for path in groups)
    assert not (tmp_path / "record").exists()


def test_groups_that_go_meanwhile_are_passed_over(root: Path) -> None:
    host = group(root, "systemd")
    for name in ("one", "two"):
        (host / name / "within").mkdir(parents=True)

    seen = []
    for place in cgroups.with_all_below(host):
        seen.append(place)
        if place == host:
            shutil.rmtree(host / "two" / "within")

    assert set(seen) == {host, host / "one", host / "one" / "within", host / "two"}
