"""What a registry of models is told of a lock, and what it says."""

from __future__ import annotations

from pathlib import Path

from installer.engine.registered import carried_models, catalog_look, collection, licences, promotion
from installer.model.artifact import Blob, Kind, LockedItem
from installer.model.models import ModelEntry

DIGEST = "sha256:" + "1" * 64
TOLD = {
    "name": "letters", "number": "1", "version": "1.0.0", "image": f"an-image@{DIGEST}", "digest": DIGEST,
    "created": 1.0, "aliases": ["dev"], "engine": "", "licence": "MIT", "base_model": "", "quantisation": "",
    "replaces": "", "production_since": "",
}  # fmt: skip


def item(name: str, **origin: str) -> LockedItem:
    return LockedItem(Kind.IMAGE, name, "v1.0.0", DIGEST, (Blob(DIGEST, 1, "image"),), origin, "MIT", ("models",))


def test_models_of_a_lock_are_told_with_what_the_list_says() -> None:
    locked = item("platform.internal/models/letters", type="model")
    entry = ModelEntry("letters", "1.0.0", Path("/srv"), "MIT", base_model="example/base", quantisation="AWQ")

    assert carried_models([locked, item("docker.io/other")], [entry]) == [
        {
            "name": "letters", "version": "1.0.0", "image": f"platform.internal/models/letters:v1.0.0@{DIGEST}",
            "licence": "MIT", "base_model": "example/base", "quantisation": "AWQ",
        }
    ]  # fmt: skip


def test_a_model_that_the_list_names_no_more_is_told_too() -> None:
    locked = item("platform.internal/models/letters", type="model")

    assert [told["licence"] for told in carried_models([locked], [])] == ["MIT"]


def test_images_are_told_with_their_licence() -> None:
    assert licences([item("platform.internal/tiny-model")]) == {DIGEST: {"licence": "MIT"}}


def test_what_is_said_becomes_versions() -> None:
    look = catalog_look({"versions": [{**TOLD, "found": DIGEST, "served": True}], "differs": ["something"]})
    moved = promotion({"version": TOLD, "before": "0.9.0", "moved": True}, "dev")
    gone = collection({"deleted": [TOLD], "kept": {"letters 2.0.0": "it is served"}})

    assert (str(look.versions[0]), look.versions[0].aliases, look.differs) == (
        "letters 1.0.0",
        ("dev",),
        ("something",),
    )
    assert (moved.stage, moved.before, str(moved.version)) == ("dev", "0.9.0", "letters 1.0.0")
    assert (list(map(str, gone.deleted)), gone.kept) == (["letters 1.0.0"], {"letters 2.0.0": "it is served"})
