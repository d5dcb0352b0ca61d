"""What a registry of models says, and what it is told of the models that a bundle carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from installer.engine.models import locked_models
from installer.model.artifact import Kind, LockedItem
from installer.model.models import REPOSITORY, ModelEntry
from installer.model.registered import CatalogLook, Collection, Promotion, RegisteredVersion


def carried_models(items: Iterable[LockedItem], entries: Iterable[ModelEntry]) -> list[dict[str, str]]:
    """Return the models of a lock as a registry of models is told of them.

    Args:
        items: those of the lock.
        entries: the site's list, which says more of some.
    """
    known = {(entry.image, entry.tag): entry for entry in entries}
    told = []
    for item in locked_models(items):
        entry = known.get((item.name, item.version))
        more = {"base_model": entry.base_model, "quantisation": entry.quantisation} if entry else {}
        told.append(
            {
                "name": item.name.removeprefix(f"{REPOSITORY}/"), "version": item.version.removeprefix("v"),
                "image": f"{item.name}:{item.version}@{item.digest}", "licence": item.licence, **more,
            }
        )  # fmt: skip
    return told


def licences(items: Iterable[LockedItem]) -> dict[str, dict[str, str]]:
    """Return what is known of each image, by digest: a model that an image writes has its licence."""
    return {item.digest: {"licence": item.licence} for item in items if item.kind is Kind.IMAGE and item.licence}


def catalog_look(said: Mapping[str, Any]) -> CatalogLook:
    """Return what plain data says of a registry of models."""
    return CatalogLook(tuple(_version(told) for told in said["versions"]), tuple(said["differs"]))


def promotion(said: Mapping[str, Any], stage: str) -> Promotion:
    """Return what plain data says of an alias that was moved."""
    return Promotion(_version(said["version"]), stage, said["before"], said["moved"])


def collection(said: Mapping[str, Any]) -> Collection:
    """Return what plain data says of versions that nobody needs."""
    return Collection(tuple(_version(told) for told in said["deleted"]), dict(said["kept"]))


def _version(told: Mapping[str, Any]) -> RegisteredVersion:
    return RegisteredVersion(**{**told, "aliases": tuple(told["aliases"])})
