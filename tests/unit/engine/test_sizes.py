"""How large a bundle will be."""

from __future__ import annotations

import pytest

from installer.engine.sizes import component_sizes, format_size, host_disks, parse_size, runs_on_kind
from installer.errors import UsageError
from installer.model.artifact import Artifacts, ImageSpec, Kind
from installer.model.component import Component, Description, Layer
from tests.bundles import item_of, lock_of


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("700M", 700_000_000),
        ("4.7G", 4_700_000_000),
        ("32GB", 32_000_000_000),
        ("1TiB", 1 << 40),
        ("512 KiB", 1 << 19),
        ("123", 123),
        ("123b", 123),
        ("2g", 2_000_000_000),
    ],
)
def test_a_size_is_read_as_media_are_sold(text: str, amount: int) -> None:
    assert parse_size(text) == amount


@pytest.mark.parametrize("text", ["", "large", "-1G", "0", "0.0G", "4,7G", "1e9", "3PB", "٣G"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text)

    assert "4.7G" in caught.value.hint


@pytest.mark.parametrize("amount", [1, 999, 1000, 1001, 49_999, 700_000_000, 999_999_999, 4_700_000_001])
def test_a_size_written_for_the_operator_is_never_too_small(amount: int) -> None:
    assert amount <= parse_size(format_size(amount)) <= amount * 1.1


def test_a_blob_counts_for_the_first_component_that_needs_it() -> None:
    shared = item_of("shared", bytes(100), needed_by=("late", "early"))
    own = item_of("own", bytes(30), needed_by=("late",))

    early, late = component_sizes([shared, own], ["early", "late"])

    assert (early.name, early.size, early.shared) == ("early", 100, 0)
    assert (late.name, late.items, late.size, late.shared) == ("late", 2, 30, 100)


def test_what_no_component_ordered_is_counted_at_the_end() -> None:
    item = item_of("own", bytes(30), needed_by=("installer",))

    assert [found.name for found in component_sizes([item], ["early"])] == ["installer"]


@pytest.mark.parametrize(
    ("pattern", "kind", "reaches"),
    [
        ("all", "worker", True),
        ("admin[0]", "admin", True),
        ("control_plane:worker", "worker", True),
        ("control_plane,gpu", "worker", True),
        ("control_plane", "worker", False),
        ("gpu", "control_plane", False),
    ],
)
def test_a_pattern_reaches_a_kind_of_host(pattern: str, kind: str, reaches: bool) -> None:
    assert runs_on_kind(pattern, kind) is reaches


def test_only_the_admin_host_keeps_the_bundle_and_only_nodes_keep_images() -> None:
    image = item_of("example.com/one", bytes(1000), Kind.IMAGE)
    artifacts = Artifacts(images=(ImageSpec("example.com/one", "1.0", "Apache-2.0", hosts="control_plane"),))
    component = Component("one", Description("One.", Layer.CLUSTER, "control_plane", artifacts=artifacts), frozenset())

    disks = {disk.kind: disk for disk in host_disks(lock_of(image), [component], front=10)}

    assert [kind for kind, disk in disks.items() if disk.bundle] == ["admin"]
    assert [kind for kind, disk in disks.items() if disk.images > 1000] == ["control_plane"]
