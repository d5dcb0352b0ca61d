"""Labs of different names share nothing but the root file systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.lab.layout import LabLayout

ONE, OTHER = LabLayout("one", Path("/srv/labs")), LabLayout("other", Path("/srv/labs"))


@pytest.mark.parametrize("name", ["folder", "media", "key", "known_hosts", "ssh", "sockets", "namespace"])
def test_labs_do_not_meet(name: str) -> None:
    assert getattr(ONE, name) != getattr(OTHER, name)


@pytest.mark.parametrize(
    "name", ["folder", "root", "upper", "namespace", "cgroup", "console", "cgroup_record", "running"]
)
def test_hosts_of_the_same_name_in_two_labs_do_not_meet(name: str) -> None:
    assert getattr(ONE.host("cp1"), name) != getattr(OTHER.host("cp1"), name)


@pytest.mark.parametrize(
    "name", ["folder", "root", "upper", "namespace", "cgroup", "console", "cgroup_record", "running"]
)
def test_hosts_of_one_lab_do_not_meet(name: str) -> None:
    assert getattr(ONE.host("cp1"), name) != getattr(ONE.host("cp2"), name)


def test_root_file_systems_are_shared() -> None:
    assert ONE.roots == OTHER.roots


@pytest.mark.parametrize("name", ["media", "key", "known_hosts", "ssh", "sockets"])
def test_everything_of_a_lab_lies_in_its_folder(name: str) -> None:
    assert getattr(ONE, name).is_relative_to(ONE.folder)


def test_the_path_of_a_shared_connection_stays_short() -> None:
    # ssh appends a dot, 16 characters and a colon's worth of a digest; a socket's path has 108 bytes.
    assert len(str(LabLayout("a-rather-long-name").sockets)) + 60 < 108
