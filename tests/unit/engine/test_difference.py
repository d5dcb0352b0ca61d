"""What sets two locks apart."""

from __future__ import annotations

import pytest

from installer.engine.difference import compare
from installer.model.artifact import Kind, LockedItem
from tests.fakes import item


def test_the_same_items_do_not_differ() -> None:
    items = [item("kubeadm"), item("kubelet")]

    assert compare(items, reversed(items)).empty


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([], [item("a")], (["a"], [], [])),
        ([item("a")], [], ([], ["a"], [])),
        ([item("a", b"1")], [item("a", b"2")], ([], [], ["a"])),
        ([item("a", scope="trixie")], [item("a", scope="bookworm")], (["a"], ["a"], [])),
        ([item("a")], [item("a", kind=Kind.IMAGE)], (["a"], ["a"], [])),
    ],
    ids=["added", "removed", "other bytes", "other scope", "other kind"],
)
def test_differences_are_sorted_out(
    before: list[LockedItem], after: list[LockedItem], found: tuple[list[str], list[str], list[str]]
) -> None:
    made = compare(before, after)

    assert tuple([change.name for change in part] for part in (made.added, made.removed, made.changed)) == found


def test_a_change_shows_both_sides() -> None:
    before, after = item("a", b"one", version="1.0"), item("a", b"three", version="1.1")

    (change,) = compare([before], [after]).changed

    assert (change.before.split()[0], change.after.split()[0]) == ("1.0", "1.1")
    assert (change.size_before, change.size_after) == (3, 5)


def test_a_version_that_moved_its_tag_is_a_change() -> None:
    (change,) = compare([item("a", b"one")], [item("a", b"two")]).changed

    assert change.before != change.after


def test_bytes_that_both_sides_have_count_once() -> None:
    shared = item("a", b"shared")

    made = compare([shared], [shared, item("b", b"shared"), item("c", b"new")])

    assert (made.bytes_added, made.bytes_removed) == (3, 0)


def test_another_version_beside_the_first_is_added_and_not_a_change() -> None:
    first, second = item("a", b"one", version="1.0"), item("a", b"two", version="2.0")

    made = compare([first], iter([first, second]))

    assert ([change.after.split()[0] for change in made.added], made.removed, made.changed) == (["2.0"], (), ())
    assert made.bytes_added == 3


def test_one_of_two_versions_may_go() -> None:
    first, second = item("a", b"one", version="1.0"), item("a", b"two", version="2.0")

    made = compare([first, second], [second])

    assert ([change.before.split()[0] for change in made.removed], made.added, made.changed) == (["1.0"], (), ())
