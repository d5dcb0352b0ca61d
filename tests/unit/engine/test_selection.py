"""Which components and hosts a command line means."""

from __future__ import annotations

import pytest

from installer.engine.selection import hosts_within, require_known
from installer.errors import UsageError
from tests.fakes import inventory

HOSTS = inventory(admin1="admin", cp1="control_plane", cp2="control_plane", worker1="worker gpu")


def test_an_unknown_name_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(UsageError) as caught:
        require_known("component", ["kubernets"], ["kubernetes", "metrics_server"])

    assert "kubernets" in caught.value.summary
    assert caught.value.hint.startswith("Did you mean kubernetes?")


@pytest.mark.parametrize(
    ("limit", "meant"),
    [
        ("", ("admin1", "cp1", "cp2", "worker1")),
        ("cp1", ("cp1",)),
        ("control_plane", ("cp1", "cp2")),
        ("control_plane[0]", ("cp1",)),
        ("worker1,admin", ("admin1", "worker1")),
        ("all:!control_plane", ("admin1", "worker1")),
        ("!admin1", ("cp1", "cp2", "worker1")),
        ("worker:&gpu", ("worker1",)),
        ("cp*", ("cp1", "cp2")),
    ],
)
def test_a_limit_means_hosts_groups_and_patterns(limit: str, meant: tuple[str, ...]) -> None:
    assert hosts_within(HOSTS, limit) == meant


def test_a_limit_with_an_unknown_host_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UsageError, match="no host or group cp9") as caught:
        hosts_within(HOSTS, "admin1,cp9")

    assert "Did you mean cp" in caught.value.hint


def test_a_limit_that_leaves_no_host_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves no host"):
        hosts_within(HOSTS, "worker:!gpu")
