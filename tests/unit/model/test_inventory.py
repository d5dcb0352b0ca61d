"""Which hosts a pattern means, and where a value comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from installer.model.inventory import Host
from tests.fakes import inventory

SITE = inventory(
    {"platform_name": "site"},
    admin1="admin",
    cp1="control_plane",
    cp2="control_plane worker",
    w1="worker",
    g1="worker gpu",
)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", ("admin1", "cp1", "cp2", "w1", "g1")),
        ("admin", ("admin1",)),
        ("worker", ("cp2", "w1", "g1")),
        ("control_plane:worker", ("cp1", "cp2", "w1", "g1")),
        ("worker:control_plane", ("cp2", "w1", "g1", "cp1")),
        ("control_plane[0]", ("cp1",)),
        ("control_plane[1]", ("cp2",)),
        ("control_plane[9]", ()),
        ("storage", ()),
    ],
)
def test_a_pattern_means_hosts_each_once_in_order(pattern: str, hosts: tuple[str, ...]) -> None:
    assert SITE.members(pattern) == hosts


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"ansible_host": "192.0.2.1", "platform_address": "192.0.2.2"}, "192.0.2.2"),
        ({"ansible_host": "192.0.2.1"}, "192.0.2.1"),
        ({}, "h1"),
    ],
    ids=["platform's network", "as Ansible reaches it", "name"],
)
def test_a_host_is_reached_by_its_platform_address_first(variables: dict[str, str], address: str) -> None:
    assert Host("h1", frozenset(), variables).address == address


def test_a_hosts_own_value_goes_before_everybodys() -> None:
    own = replace(SITE.hosts["cp1"], variables={"platform_name": "own"})
    site = replace(SITE, hosts={**SITE.hosts, "cp1": own})

    assert (site.value("platform_name", "cp1"), site.value("platform_name", "cp2")) == ("own", "site")


def test_a_value_that_nobody_set_is_none() -> None:
    assert SITE.value("platform_domain") is None
