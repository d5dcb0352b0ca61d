"""What an inventory says of the models that an engine serves: filled in, what of it cannot be, and what it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ansible_collections.platform.base.plugins.module_utils.model_scaling import (
    WORD,
    counts_of,
    scaling_mistakes,
    with_scaling,
)

Model = Mapping[str, Any]
Models = Mapping[str, Model]
# What an engine says of its models: `variable`, where they stand; `defaults`, what holds for one that does not say
# otherwise; `needs`, sets of words of which a model says one; `arguments`, those that are not a model's to give, each
# with what says it; `autoscaling`, what holds for models whose copies follow their load.
Terms = Mapping[str, Any]

# Their services are called after them, and end in `-canary`.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?")
_BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_PLAIN = re.compile(r"[^@\s]+/[^@:/\s]+")
_WHOLE, _SHARED = "nvidia.com/gpu", "nvidia.com/gpu.shared"
_DIVIDED = re.compile(r"nvidia\.com/mig-[0-9a-z.]+")

# How a release takes over: by shares of requests, or at once, from copies that were all there before.
BY_SHARES, AT_ONCE = "canary", "blue_green"

_SHORT = {
    "-tp": "--tensor-parallel-size", "-pp": "--pipeline-parallel-size", "-dp": "--data-parallel-size",
    "-q": "--quantization",
}  # fmt: skip


class Mistake(NamedTuple):
    """Why a model cannot be served, as it follows its name, and what to do about it."""

    model: str
    what: str
    cure: str


class Copy(NamedTuple):
    """A copy of a model that wants GPUs of one host."""

    model: str
    resource: str
    gpus: int


def filled(models: Models, terms: Terms) -> dict[str, dict[str, Any]]:
    """Return each model with all that holds for it; of its golden prompt, what it does not say itself."""
    return {
        str(name): with_scaling(_over(terms["defaults"], words), words, terms)
        for name, words in ((name, _words(given)) for name, given in models.items())
    }


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
        found += _of_arguments(model, terms.get("arguments", {}))
        if model.get("release", BY_SHARES) not in (BY_SHARES, AT_ONCE):
            found.append((f"it has {model['release']!r} for `release`", f"Write {BY_SHARES} or {AT_ONCE}."))
        if "gpus" in model:
            found += _of_gpus(model, given)
        found += scaling_mistakes(model, given, terms)
        yield from (Mistake(name, what, cure) for what, cure in found)


def release_weights(shares: Sequence[int], copies: int) -> list[int]:
    """Return the shares of requests that a release has one after another, in percent.

    Between those that are judged it takes over copy by copy where copies are scarce: old ones go as new ones come.

    Args:
        shares: those that are judged.
        copies: how many copies take over one by one; 1 where there is room for all.
    """
    each = {100 * done // copies for done in range(1, copies)}
    return sorted({*shares, *(weight for weight in each if weight > shares[0])})


def most_copies(shares: Sequence[int], copies: int, at_most: int = 0) -> int:
    """Return how many copies of a model there are at most while a release takes over, where they are scarce.

    The new version's come before requests are led to them, and the old one's go afterwards.

    Args:
        at_most: the copies that its steps are made for, where it may have more than it has.
    """

    def most(judged: Sequence[int]) -> int:
        steps = [*release_weights(judged, at_most or copies), 100]
        return max(_part(after, copies) + _part(100 - before, copies) for before, after in pairwise(steps))

    # Where nothing measures, a release knows its first share alone.
    return max(copies + 1, most(shares), most(shares[:1]))


def copies_in_release(model: Model, shares: Sequence[int]) -> int:
    """Return how many copies of a model that has GPUs there are at most while a release takes over.

    Args:
        model: all that holds for it.
        shares: those of requests after which a release is judged.
    """
    counts = counts_of(model)
    if model.get("release") == AT_ONCE:
        return 2 * counts[-1]
    return max(most_copies(shares, copies, counts[-1]) for copies in counts)


def gpus_asked_for(models: Models, shares: Sequence[int]) -> dict[str, int]:
    """Return how many of each resource the models that have GPUs take at most, while all of them are released."""
    asked: dict[str, int] = {}
    for model in models.values():
        if "gpus" in model:
            amount = model["gpus"] * copies_in_release(model, shares)
            asked[model["gpu_resource"]] = asked.get(model["gpu_resource"], 0) + amount
    return asked


def copies_of(models: Models) -> list[Copy]:
    """Return every copy of the models that have GPUs, as many as there may be."""
    return [
        Copy(name, model["gpu_resource"], model["gpus"])
        for name, model in models.items()
        if "gpus" in model
        for _ in range(counts_of(model)[-1])
    ]


def without_a_place(copies: Sequence[Copy], offered: Mapping[str, Mapping[str, int]]) -> list[Copy]:
    """Return the copies that find their GPUs on no host, when the largest are placed first.

    Args:
        offered: by host, how many of each resource it has.
    """
    free = {host: dict(resources) for host, resources in offered.items()}
    left = []
    for copy in sorted(copies, key=lambda copy: -copy.gpus):
        fitting = [host for host in free if free[host].get(copy.resource, 0) >= copy.gpus]
        if not fitting:
            left.append(copy)
            continue
        free[min(fitting, key=lambda host: free[host][copy.resource])][copy.resource] -= copy.gpus
    return left


def _of_words(name: str, given: Model, terms: Terms) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(name):
        yield (
            "its name cannot be a service's",
            "Use small letters, digits and hyphens, a letter first and fifty at most.",
        )
    sets: Sequence[Sequence[str]] = terms["needs"]
    known = [*dict.fromkeys(word for words in sets for word in words), *terms["defaults"]]
    known += [WORD] if WORD in terms else []
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


def _of_arguments(model: Model, others: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for argument in model.get("arguments", []):
        word = _SHORT.get(str(argument).split("=")[0], str(argument).split("=")[0].replace("_", "-"))
        if word in others:
            yield f"its `arguments` have {argument}, which the platform gives", f"Leave it out; {others[word]} says it."


def _of_gpus(model: Model, given: Model) -> Iterator[tuple[str, str]]:
    gpus, resource = model["gpus"], str(model["gpu_resource"])
    if not _is_count(gpus):
        yield f"it has {gpus!r} for `gpus`", "Write how many GPUs a copy has, from 1."
        return
    if resource not in (_WHOLE, _SHARED) and not _DIVIDED.fullmatch(resource):
        yield (
            f"it asks for GPUs as {resource}, which no host gives out",
            f"Write {_WHOLE}, {_SHARED} or such as nvidia.com/mig-1g.18gb, as the hosts' class has it.",
        )
    elif resource != _WHOLE and gpus > 1:
        yield (
            f"it asks for {gpus} of {resource}, and parts of GPUs do not work together",
            "Ask for one, or for whole ones.",
        )
    if "tensor_parallel" in model and not _divides(model["tensor_parallel"], gpus):
        yield (
            f"it has {model['tensor_parallel']!r} for `tensor_parallel`, and {gpus} GPUs",
            "Write a number by which these can be divided, or 0 for all of them.",
        )
    if "gpu_memory" in model and not _is_part(model["gpu_memory"]):
        yield f"it has {model['gpu_memory']!r} for `gpu_memory`", "Write a part of a GPU's memory, such as 0.9."
    if "gpu_memory" in model and resource == _SHARED and "gpu_memory" not in given:
        yield (
            "it has a share of a GPU, and does not say what part of its memory that is",
            "Set its `gpu_memory`, such as 0.2 where a GPU has four shares.",
        )


def _over(defaults: Model, words: Model) -> dict[str, Any]:
    golden = {**_words(defaults.get("golden")), **_words(words.get("golden"))}
    return {**defaults, **words, **({"golden": golden} if golden else {})}


def _words(given: Any) -> Model:
    """Return what is written of a model; nothing where that is no mapping."""
    return given if isinstance(given, Mapping) else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _divides(value: Any, whole: int) -> bool:
    return value == 0 or (_is_count(value) and whole % value == 0)


def _is_part(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _part(percent: int, copies: int) -> int:
    """Return the copies that a share of requests needs, as Argo Rollouts rounds them."""
    return -(-percent * copies // 100)
