"""A host that has answered since it was started is known to have."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from installer.adapters.lab.host import NspawnHost
from installer.adapters.lab.layout import LabLayout
from installer.model.lab import Lab, LabHost


def started(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.fixture
def leader(tmp_path: Path) -> Path:
    """Return the file that names a first process: here the tests' own, which runs."""
    path = LabLayout("one", tmp_path).host("h1").running
    path.parent.mkdir(parents=True)
    path.write_text(f"{os.getpid()} {started(os.getpid())}")
    return path


@pytest.fixture
def host(tmp_path: Path) -> NspawnHost:
    described = LabHost("h1", IPv4Address("10.0.0.1"), 1 << 30)
    lab = Lab("one", (described,), IPv4Network("10.0.0.0/16"), "trixie", ())
    return NspawnHost(lab, described, LabLayout("one", tmp_path).host("h1"))


def test_a_host_has_answered_when_it_was_noted(host: NspawnHost, leader: Path) -> None:
    assert not host.has_answered

    host.note_answer()

    assert host.has_answered


def test_an_answer_does_not_outlive_the_start_it_was_given_in(host: NspawnHost, leader: Path) -> None:
    host.note_answer()

    leader.write_text(f"{os.getppid()} {started(os.getppid())}")

    assert host.leader == os.getppid()
    assert not host.has_answered


def test_a_host_that_ended_has_not_answered(host: NspawnHost, leader: Path) -> None:
    host.note_answer()

    leader.write_text(f"{os.getpid()} 0")

    assert not host.has_answered
