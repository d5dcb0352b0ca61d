"""What a bundle will carry is named before anything is pinned."""

from __future__ import annotations

from pathlib import Path

from installer.engine.declared_items import DeclaredItem, declared_items
from installer.model.artifact import Artifacts, ChartSpec, ImageSpec
from installer.model.component import Component, Description, Layer
from tests.models import entry_of


def component(name: str, artifacts: Artifacts) -> Component:
    return Component(name, Description(name, Layer.GPU, "gpu", artifacts=artifacts), frozenset())


def test_every_item_is_named_with_its_component() -> None:
    artifacts = Artifacts(
        charts=(ChartSpec("operator", "1.0", "Apache-2.0", "https://charts.example.com"),),
        images=(ImageSpec("images.example.com/driver", "550", "MIT"),),
        wheels=("library==2.0",),
    )

    found = declared_items([component("gpus", artifacts)], {})

    assert found == (
        DeclaredItem("gpus", "chart", "operator", "1.0"),
        DeclaredItem("gpus", "image", "images.example.com/driver", "550"),
        DeclaredItem("gpus", "wheel", "library", "2.0"),
    )


def test_packages_are_named_for_every_release_and_kernel() -> None:
    sets = {"compiled": {"trixie": ("headers-{kernel}",), "noble": ("modules",)}}

    found = declared_items([component("gpus", Artifacts(package_sets=sets))], {"trixie": ("6.1", "6.2"), "noble": ()})

    assert [(item.name, item.scope) for item in found] == [
        ("headers-6.1", "trixie"),
        ("headers-6.2", "trixie"),
        ("modules", "noble"),
    ]


def test_the_models_of_a_site_are_named_behind_what_components_declare() -> None:
    (item,) = declared_items([], {}, [entry_of(Path("/srv/letters"))])

    assert item == DeclaredItem("models", "image", "platform.internal/models/letters", "v1.0.0")
