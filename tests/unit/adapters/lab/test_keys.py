"""A lab's keys are made once, and every host is known before the first connection."""

from __future__ import annotations

import stat
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from installer.adapters.lab.keys import host_key, prepare_keys
from installer.adapters.lab.layout import LabLayout
from installer.model.lab import Lab, LabHost

HOSTS = tuple(LabHost(f"cp{number}", IPv4Address(f"192.0.2.1{number}"), 1) for number in (1, 2))
LAB = Lab("one", HOSTS, IPv4Network("192.0.2.0/24"), "trixie", ())


@pytest.fixture
def layout(tmp_path: Path) -> LabLayout:
    made = LabLayout("one", tmp_path)
    prepare_keys(LAB, made)
    return made


def test_every_host_has_a_key_of_its_own(layout: LabLayout) -> None:
    keys = {host_key(layout, host.name).read_text() for host in HOSTS}

    assert len(keys) == 2


def test_every_host_is_known_by_name_and_address(layout: LabLayout) -> None:
    lines = layout.known_hosts.read_text().splitlines()

    assert [line.split()[:2] for line in lines] == [
        ["192.0.2.11,cp1", "ssh-ed25519"],
        ["192.0.2.12,cp2", "ssh-ed25519"],
    ]


def test_keys_are_made_once(layout: LabLayout) -> None:
    before = layout.key.read_text(), layout.known_hosts.read_text()

    prepare_keys(LAB, layout)

    assert (layout.key.read_text(), layout.known_hosts.read_text()) == before


def test_a_key_that_is_half_there_is_made_again(layout: LabLayout) -> None:
    layout.key.with_suffix(".pub").unlink()

    prepare_keys(LAB, layout)

    assert layout.key.with_suffix(".pub").exists()


def test_only_its_owner_reads_a_key(layout: LabLayout) -> None:
    assert stat.S_IMODE(layout.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.key.parent.stat().st_mode) == 0o700


def test_ssh_checks_host_keys_inside_the_labs_network(layout: LabLayout) -> None:
    program = layout.ssh.read_text()

    assert "--net=/run/netns/plab-one" in program
    assert "StrictHostKeyChecking=yes" in program
    assert str(layout.known_hosts) in program
    assert stat.S_IMODE(layout.ssh.stat().st_mode) == 0o755
