"""What an inventory says of the models that an engine serves: filled in, and what of it cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Model = Mapping[str, Any]
Models = Mapping[str, Model]
# What an engine says of its models: `variable`, where they stand; `defaults`, what holds for one that does not say
# otherwise; `needs`, sets of words of which a model says one.
Terms = Mapping[str, Any]

# Their services are called after them, and end in `-canary`.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?")
_BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_PLAIN = re.compile(r"[^@\s]+/[^@:/\s]+")


class Mistake(NamedTuple):
    """Why a model cannot be served, as it follows its name, and what to do about it."""

    model: str
    what: str
    cure: str


def filled(models: Models, terms: Terms) -> dict[str, dict[str, Any]]:
    """Return each model with all that holds for it."""
    return {str(name): {**terms["defaults"], **_words(given)} for name, given in models.items()}


def image_reference(image: str, images: Mapping[str, Any]) -> str | None:
    """Return an image by its digest: as it is written, or as the bundle has it; nothing where neither says it."""
    if _BY_DIGEST.fullmatch(image):
        return image
    return f"{image}:{images[image]['version']}@{images[image]['digest']}" if image in images else None


def mistakes(models: Models, terms: Terms, images: Mapping[str, Any] | None) -> Iterator[Mistake]:
    """Yield everything for which models cannot be served.

    Args:
        images: those of the bundle; None where nobody knows them yet.
    """
    for (name, model), written in zip(filled(models, terms).items(), models.values(), strict=True):
        given = _words(written)
        found = [*_of_words(name, given, terms), *_of_image(model, images)]
        yield from (Mistake(name, what, cure) for what, cure in found)


def _of_words(name: str, given: Model, terms: Terms) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(name):
        yield (
            "its name cannot be a service's",
            "Use small letters, digits and hyphens, a letter first and fifty at most.",
        )
    sets: Sequence[Sequence[str]] = terms["needs"]
    known = [*dict.fromkeys(word for words in sets for word in words), *terms["defaults"]]
    if unknown := sorted(set(given) - set(known)):
        yield f"it says {', '.join(unknown)}, which means nothing", f"It may say {', '.join(known)}."
    if not any(set(words) <= set(given) for words in sets):
        yield "it does not say what it is", f"Say {', or '.join(' and '.join(words) for words in sets)}."
    replicas = {**terms["defaults"], **given}["replicas"]
    if not _is_count(replicas):
        yield f"it has {replicas!r} for `replicas`", "Write how many copies there are, from 1."


def _of_image(model: Model, images: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if "image" not in model:
        return
    image = str(model["image"])
    if image_reference(image, images or {}) is None and (images is not None or not _PLAIN.fullmatch(image)):
        yield (
            f"its image {image} has no digest, and is none of the bundle's",
            "Name it by digest (NAME@sha256:DIGEST), or name one of the bundle without a version.",
        )


def _words(given: Any) -> Model:
    """Return what is written of a model; nothing where that is no mapping."""
    return given if isinstance(given, Mapping) else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
