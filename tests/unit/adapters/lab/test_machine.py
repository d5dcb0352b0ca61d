"""A machine that cannot host a lab is told all that it lacks."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from installer.adapters.lab import machine
from installer.adapters.lab.machine import obstacles
from installer.model.lab import OF_A_CONTROL_PLANE, OF_OTHERS, Lab, LabHost


def lab(hosts: int) -> Lab:
    made = (LabHost(f"h{number}", IPv4Address("10.0.0.1") + number, 1 << 30) for number in range(hosts))
    return Lab("one", tuple(made), IPv4Network("10.0.0.0/16"), "trixie", ())


def said(hosts: int, folder: Path, running: int = 0) -> str:
    described = lab(hosts)
    return "\n".join(obstacles(described, folder, described.hosts[running:]))


@pytest.mark.parametrize(("hosts", "refused"), [(1, False), (12, False), (13, True)])
def test_a_lab_has_twelve_hosts_at_most(tmp_path: Path, hosts: int, refused: bool) -> None:
    assert ("a lab has at most 12" in said(hosts, tmp_path, running=hosts)) is refused


# More than any machine has.
MANY = 100_000


@pytest.mark.parametrize("reason", ["GiB of memory are needed for 100000 hosts", "GiB of disk are needed below"])
def test_what_is_too_small_is_told_with_its_size(tmp_path: Path, reason: str) -> None:
    assert reason in said(MANY, tmp_path)


def test_hosts_that_run_need_no_more_memory(tmp_path: Path) -> None:
    assert "of memory" not in said(MANY, tmp_path, running=MANY)


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    assert len(said(MANY, tmp_path).splitlines()) >= 3


def test_a_control_plane_takes_more_memory_than_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_available_memory", lambda: 2 * OF_OTHERS.memory)
    hosts = lab(2).hosts

    assert "of memory" not in "\n".join(obstacles(lab(2), tmp_path, hosts))
    one = replace(hosts[0], needs=OF_A_CONTROL_PLANE)
    assert "3.8 GiB of memory are needed for 2 hosts" in "\n".join(obstacles(lab(2), tmp_path, (one, hosts[1])))
