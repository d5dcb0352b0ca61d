"""A fingerprint changes when what a component is made of does, and says which part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from installer.engine.fingerprint import exemptions_in, images_in, ingredients_of, metrics_in, models_named
from installer.model.artifact import Kind
from installer.model.component import Exemption, Metrics
from installer.model.deployed import Ingredients
from tests.bundles import lock_of
from tests.fakes import catalog, component, inventory, item

VARIABLES = {"storage_folder": "/srv", "platform_domain": "example.com", "registry_port": 5000}


def made_of(
    role: str = "role",
    artifacts: tuple[str, ...] = ("one", "two"),
    variables: dict[str, Any] | None = None,
    hosts: dict[str, str] | None = None,
    needs: dict[str, str] | None = None,
) -> Ingredients:
    site = inventory(VARIABLES if variables is None else variables, **(hosts or {"a": "admin", "b": "worker"}))
    return ingredients_of(
        component("storage", "network", runs_on="worker"), role, artifacts, site, needs or {"network": "x"}
    )


BEFORE = made_of()


def test_the_same_things_have_the_same_fingerprint() -> None:
    assert made_of().fingerprint == BEFORE.fingerprint


@pytest.mark.parametrize(
    ("after", "part"),
    [
        (made_of(role="other"), "role"),
        (made_of(artifacts=("one", "three")), "artifacts"),
        (made_of(variables={**VARIABLES, "storage_folder": "/var"}), "variables"),
        (made_of(variables={**VARIABLES, "platform_domain": "example.org"}), "variables"),
        (made_of(hosts={"a": "admin", "b": "worker", "c": "worker"}), "hosts"),
        (made_of(hosts={"a": "admin", "b": "worker gpu"}), "hosts"),
        (made_of(needs={"network": "y"}), "needs"),
    ],
    ids=["role", "artefact", "own variable", "platform-wide variable", "new host", "new group", "need"],
)
def test_what_changed_is_named(after: Ingredients, part: str) -> None:
    changed = after.changed_since(vars(BEFORE))

    assert part in changed
    assert after.fingerprint != BEFORE.fingerprint


@pytest.mark.parametrize(
    "after",
    [made_of(variables={**VARIABLES, "registry_port": 5001}), made_of(artifacts=("two", "one"))],
    ids=["another component's variable", "the order of artefacts"],
)
def test_what_is_none_of_its_business_changes_nothing(after: Ingredients) -> None:
    assert after.changed_since(vars(BEFORE)) == ()


def test_a_part_that_the_journal_lacks_counts_as_changed() -> None:
    before = {name: value for name, value in vars(BEFORE).items() if name != "hosts"}

    assert BEFORE.changed_since(before) == ("hosts",)


def test_what_any_component_exempts_counts() -> None:
    exempt = Exemption(names=("agent-*",), policies=("probes",), reason="part of the host")
    plain = component("storage")
    exempted = replace(plain, description=replace(plain.description, exemptions=(exempt,)))

    digests = {exemptions_in(catalog(entry)) for entry in (plain, exempted)}

    assert len(digests) == 2
    assert exemptions_in(catalog(plain, component("network"))) in digests


def test_what_any_component_tells_of_itself_counts() -> None:
    plain = component("storage")
    telling = replace(plain, description=replace(plain.description, metrics=(Metrics(job="s", port=1, hosts="all"),)))

    digests = {metrics_in(catalog(entry)) for entry in (plain, telling)}

    assert len(digests) == 2
    assert metrics_in(catalog(plain, component("network"))) in digests


def test_every_image_of_a_bundle_counts_for_who_carries_them_and_nothing_else() -> None:
    one, other = (item("example.com/one", content, Kind.IMAGE) for content in (b"old", b"new"))

    assert images_in(lock_of(one)) != images_in(lock_of(other))
    assert images_in(lock_of(one)) == images_in(lock_of(one, item("program")))


@pytest.mark.parametrize(
    ("variables", "counts"),
    [
        ({"engine_models": {"a": {"image": "platform.internal/models/letters"}}}, True),
        ({"other_models": {"a": {"image": "platform.internal/models/letters"}}}, False),
        ({"engine_models": {"a": {"image": "platform.internal/models/figures"}}}, False),
    ],
    ids=["named by its own variables", "named by another's", "not named"],
)
def test_a_model_counts_for_whom_it_is_named_to(variables: dict[str, Any], counts: bool) -> None:
    letters = replace(item("platform.internal/models/letters", kind=Kind.IMAGE), origin={"type": "model"})

    found = models_named(component("engine"), inventory(variables, a="admin"), lock_of(letters))

    assert found == ((letters.digest,) if counts else ())
