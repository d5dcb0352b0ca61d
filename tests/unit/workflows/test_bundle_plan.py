"""How large a bundle will be, before anything is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.errors import UsageError
from installer.model.artifact import Lock
from installer.workflows.bundle_plan import plan_sizes
from tests.bundles import MEDIA, SIZES, Maker, content_of, item_of, lock_of, split

BESIDE = {"installer/run": 10, "verify.sh": 3000}


@pytest.fixture(scope="module")
def lock() -> Lock:
    return lock_of(*(item_of(name, content_of(name, size)) for name, size in SIZES.items()))


def test_as_many_media_are_planned_as_the_split_writes(lock: Lock, tmp_path: Path) -> None:
    planned = plan_sizes(lock, "site-bundle", [], BESIDE, MEDIA)

    assert planned.volumes == len(split(Maker(tmp_path).build(), tmp_path / "disk"))


def test_a_plan_without_media_says_only_sizes(lock: Lock) -> None:
    planned = plan_sizes(lock, "site-bundle", [], BESIDE, 0)

    assert (planned.size, planned.volumes) == (sum(SIZES.values()), 0)


def test_what_every_medium_repeats_is_counted(lock: Lock) -> None:
    small, large = (plan_sizes(lock, "site", [], {"installer/run": size}, 0) for size in (512, 5120))

    assert large.front - small.front == 4608


def test_media_too_small_are_refused(lock: Lock) -> None:
    with pytest.raises(UsageError, match="too small"):
        plan_sizes(lock, "site-bundle", [], BESIDE, 700_000)
