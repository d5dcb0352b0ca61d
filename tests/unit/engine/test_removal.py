"""Whoever takes data away is told what goes, by name."""

from __future__ import annotations

from dataclasses import replace

from installer.engine.removal import plan_removal, question_of_data
from installer.model.catalog import Catalog
from installer.model.component import Component
from tests.fakes import catalog, component, inventory


def keeping(name: str, stores: str | None) -> Component:
    plain = component(name)
    return replace(plain, description=replace(plain.description, stores=stores))


CATALOG: Catalog = catalog(keeping("vault", "every secret"), keeping("proxy", None))
HOSTS = inventory(h1="worker")


def asked(*names: str) -> str:
    return question_of_data(CATALOG, plan_removal(CATALOG, HOSTS, {}, names))


def test_what_cannot_be_brought_back_is_named() -> None:
    assert asked("proxy", "vault") == (
        "This is deleted too, and nobody can bring it back:\n  vault: every secret\nDelete it?"
    )


def test_nothing_is_asked_of_components_that_keep_nothing() -> None:
    assert asked("proxy") == ""
