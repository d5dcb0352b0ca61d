"""What a run finds changed, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from installer.cli.runs import Runs
from installer.model.artifact import Kind, Lock
from installer.model.deployed import Ingredients
from tests.bundles import lock_of
from tests.fakes import catalog, component, inventory, item

SITE = (component("seed_registry", carries_images=True), component("host_baseline", "seed_registry"))


def made_of(lock: Lock) -> Mapping[str, Ingredients]:
    site: Any = SimpleNamespace(catalog=catalog(*SITE), inventory=inventory({}, a="admin"), lock=lock)
    return Runs(site).ingredients


def test_a_new_image_is_offered_again_and_nothing_that_stands_on_the_offer_is_deployed_again() -> None:
    before = made_of(lock_of())

    after = made_of(lock_of(item("platform.internal/models/letters", kind=Kind.IMAGE)))

    changed = [name for name, parts in after.items() if parts.fingerprint != before[name].fingerprint]
    assert changed == ["seed_registry"]
