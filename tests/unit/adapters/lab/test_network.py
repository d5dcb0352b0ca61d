"""Names in the kernel are short, and a lab that is down has counted nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.lab import network
from installer.adapters.lab.layout import LabLayout

LAB = LabLayout("no-such-lab", Path("/nonexistent"))


@pytest.mark.parametrize("name", ["cp1", "a-thirteen-ch", "a-control-plane-1", "a" * 63])
def test_a_port_has_a_name_the_kernel_takes(name: str) -> None:
    assert len(network.port_name(LAB.host(name))) <= 15


def test_hosts_whose_names_begin_alike_have_ports_of_their_own() -> None:
    ports = {network.port_name(LAB.host(f"control-plane-{number}")) for number in range(12)}

    assert len(ports) == 12


def test_a_short_name_can_be_read() -> None:
    assert network.port_name(LAB.host("cp1")) == "p-cp1"


def test_a_lab_that_is_down_has_counted_nothing() -> None:
    assert network.sent_outside(LAB.namespace, "bridge") == (0, ())


def test_what_is_not_there_can_be_removed() -> None:
    network.remove_namespace(LAB.namespace)

    assert LAB.namespace not in network.namespaces()
