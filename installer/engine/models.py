"""Whether a model's folder is a whole model, what it is, and whether it is still the one that was locked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from installer.errors import Problem
from installer.model.artifact import LockedItem, digest_of
from installer.model.models import (
    GGUF,
    ORIGIN,
    REPOSITORY,
    SAFETENSORS,
    ModelDescription,
    ModelEntry,
    ModelFile,
    ModelFolder,
    ModelState,
)

# Each file becomes a layer, and the kernel takes the names of all layers of a mount on one page.
MOST_FILES = 350

_LICENCE = re.compile(r"(licen[cs]e|copying)([._-].*)?", re.IGNORECASE)
_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.(safetensors|gguf))")
_INDEX = ".safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tekken.json")
_CONTEXT = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")
# A part of a model that sees or hears, beside the one that speaks.
_WITHOUT_WORDS = frozenset({"clip"})
_AGAIN = "Get all files of the model again."


def is_licence(name: str) -> bool:
    """Return whether a file of this name holds a licence."""
    return _LICENCE.fullmatch(name) is not None


def problems_in(folder: ModelFolder) -> tuple[Problem, ...]:
    """Return everything that keeps a folder from being carried as a model, in the order of its files."""
    if not folder.is_read:
        return folder.problems
    if not folder.files and not folder.problems:
        return (Problem(str(folder.path), "is empty.", "Put the model's files there, its licence among them."),)
    found = [*folder.problems, *_missing_licence(folder), *_missing_weights(folder)]
    found += [*_lacking_beside_safetensors(folder), *_lacking_in_gguf(folder), *_lacking_parts(folder)]
    if len(folder.files) > MOST_FILES:
        cure = "Merge weights into fewer files."
        found.append(Problem(str(folder.path), f"holds {len(folder.files)} files; {MOST_FILES} can be carried.", cure))
    return tuple(dict.fromkeys(found))


def describe(folder: ModelFolder, digests: Mapping[str, str]) -> ModelDescription:
    """Return what a model is.

    Args:
        folder: a folder without a problem.
        digests: of each of its files, by path.
    """
    config = _document(folder, "config.json")
    weights = [weights for _, weights in folder.weights]
    precisions: dict[str, int] = {}
    for part in weights:
        for name, size in part.precisions.items():
            precisions[name] = precisions.get(name, 0) + size
    packed = _packing(config)
    return ModelDescription(
        formats=tuple(sorted({part.form for part in weights})),
        architecture=next((part.architecture for part in weights if part.architecture), "") or _architecture(config),
        # Numbers that are packed into others are not what they are counted as.
        parameters=0 if packed else sum(part.parameters for part in weights),
        precision=packed or max(precisions, key=lambda name: precisions[name], default=""),
        context_tokens=max((part.context_tokens for part in weights), default=0) or _context(config),
        size=sum(file.size for file in folder.files),
        licence_files=tuple(file.path for file in _licences(folder)),
        licence=next((found for found in _licences_told(folder) if found), ""),
        contents=contents_digest(digests),
        files=dict(sorted(digests.items())),
    )


def contents_digest(digests: Mapping[str, str]) -> str:
    """Return the digest of paths and contents: of what `sha256sum` prints of the files, sorted by path."""
    lines = (f"{digest.removeprefix('sha256:')}  {path}\n" for path, digest in sorted(digests.items()))
    return digest_of("".join(lines).encode())


def changed_files(entry: ModelEntry, locked: LockedItem, found: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return how a folder differs from what a lock pins of the same version.

    Args:
        entry: the model, of the version that is locked.
        locked: its item.
        found: digest of each file there is, by path.
    """
    expected: Mapping[str, str] = locked.origin["files"]
    cure = f"Put back what was locked, or give the model a new version in {entry.where.partition(':')[0]}."
    problems = []
    for path in sorted({*expected, *found}):
        where = str(entry.directory / path)
        if path not in found:
            problems.append(Problem(where, f"is missing: the lock pins it as {expected[path]} in {entry}.", cure))
        elif path not in expected:
            problems.append(Problem(where, f"has the digest {found[path]}, and is not in {entry} as locked.", cure))
        elif found[path] != expected[path]:
            message = f"has the digest {found[path]}; the lock pins {expected[path]} in {entry}."
            problems.append(Problem(where, message, cure))
    return tuple(problems)


def locked_models(items: Iterable[LockedItem]) -> tuple[LockedItem, ...]:
    """Return the items that are models of a site."""
    return tuple(item for item in items if item.origin.get("type") == ORIGIN)


def locked_model(items: Iterable[LockedItem], entry: ModelEntry) -> LockedItem | None:
    """Return the item of a model in just this version, or None."""
    return next((i for i in locked_models(items) if (i.name, i.version) == (entry.image, entry.tag)), None)


def model_states(
    entries: Iterable[ModelEntry], locked: Iterable[LockedItem], bundled: Iterable[LockedItem]
) -> tuple[ModelState, ...]:
    """Return how far each model has come, by name and version.

    Args:
        entries: those that the site's list names.
        locked: items of the lock.
        bundled: items of the bundle.
    """
    listed = {(entry.image, entry.tag): entry for entry in entries}
    in_lock, in_bundle = ({(i.name, i.version): i for i in locked_models(items)} for items in (locked, bundled))
    states = []
    for key in sorted({*listed, *in_lock, *in_bundle}):
        entry, pinned = listed.get(key), in_lock.get(key) or in_bundle.get(key)
        states.append(
            ModelState(
                name=key[0].removeprefix(f"{REPOSITORY}/"),
                version=key[1].removeprefix("v"),
                licence=entry.licence if entry else pinned.licence if pinned else "",
                directory=str(entry.directory) if entry else "",
                size=pinned.size if pinned else 0,
                listed=entry is not None,
                locked=in_lock[key].digest if key in in_lock else "",
                bundled=in_bundle[key].digest if key in in_bundle else "",
                reference=f"{key[0]}:{key[1]}@{pinned.digest}" if pinned else "",
            )
        )
    return tuple(states)


def _missing_licence(folder: ModelFolder) -> Iterator[Problem]:
    if not any(_licences(folder)):
        cure = "Put the licence that the model came with there, as LICENSE."
        yield Problem(str(folder.path), "holds no licence.", cure)


def _missing_weights(folder: ModelFolder) -> Iterator[Problem]:
    if not any(folder.weights) and not folder.problems:
        cure = "Put its .safetensors, .gguf or .onnx files there."
        yield Problem(str(folder.path), "holds no weights.", cure)


def _lacking_beside_safetensors(folder: ModelFolder) -> Iterator[Problem]:
    if not any(weights.form == SAFETENSORS for _, weights in folder.weights):
        return
    where = str(folder.path)
    if not _document(folder, "config.json"):
        yield Problem(where, "holds no config.json that says what the model is.", _AGAIN)
    if not any(folder.find(name) for name in _TOKENIZERS):
        yield Problem(where, f"holds no tokeniser: none of {', '.join(_TOKENIZERS)}.", _AGAIN)
    told = [_document(folder, name) for name in ("tokenizer_config.json", "chat_template.json")]
    if folder.find("chat_template.jinja") is None and not any(document.get("chat_template") for document in told):
        message = "holds no chat template: no `chat_template` in tokenizer_config.json, and no chat_template.jinja."
        cure = "Put the template that its maker publishes there; without one an engine answers no conversation."
        yield Problem(where, message, cure)


def _lacking_in_gguf(folder: ModelFolder) -> Iterator[Problem]:
    for file, weights in folder.weights:
        if weights.form != GGUF or weights.part or weights.architecture in _WITHOUT_WORDS:
            continue
        where = str(folder.path / file.path)
        if not weights.architecture:
            yield Problem(where, "does not say what it is: it lacks `general.architecture`.", "Convert it anew.")
        if not weights.has_tokenizer:
            yield Problem(where, "brings no tokeniser: it lacks `tokenizer.ggml.model`.", "Convert it anew with it.")
        if not weights.has_template:
            cure = "Convert it anew with the template that its maker publishes."
            yield Problem(where, "brings no chat template: it lacks `tokenizer.chat_template`.", cure)


def _lacking_parts(folder: ModelFolder) -> Iterator[Problem]:
    """Yield the files that others name, or that others' names count, and that are not there."""
    there = {file.path for file in folder.files}
    for file in folder.files:
        if file.path.endswith(_INDEX):
            yield from _lacking_of_index(folder, file, there)
        if match := _PART.fullmatch(file.path):
            count = int(match["count"])
            names = [f"{match['stem']}-{n:05}-of-{count:05}{match['suffix']}" for n in range(1, min(count, 9999) + 1)]
            lacking = [name for name in names if name not in there]
            if lacking:
                message = f"is missing: of the model's {count} parts {len(names) - len(lacking)} are there."
                yield Problem(str(folder.path / lacking[0]), message, _AGAIN)


def _lacking_of_index(folder: ModelFolder, file: ModelFile, there: set[str]) -> Iterator[Problem]:
    named = (file.document or {}).get("weight_map")
    where = str(folder.path / file.path)
    if not isinstance(named, dict) or not named or not all(isinstance(name, str) for name in named.values()):
        yield Problem(where, "has no `weight_map` that says where weights are.", _AGAIN)
        return
    for name in sorted(set(named.values())):
        if PurePosixPath(name).name != name:
            yield Problem(where, f"names {name!r}, which lies outside of the model's folder.", _AGAIN)
        elif (path := str(PurePosixPath(file.path).with_name(name))) not in there:
            yield Problem(str(folder.path / path), f"is missing: {file.path} names it.", _AGAIN)


def _licences(folder: ModelFolder) -> Iterator[ModelFile]:
    return (file for file in folder.files if is_licence(PurePosixPath(file.path).name))


def _licences_told(folder: ModelFolder) -> Iterator[str]:
    yield from (weights.licence for _, weights in folder.weights)
    yield from (file.licence for file in folder.files)


def _document(folder: ModelFolder, name: str) -> Mapping[str, Any]:
    file = folder.find(name)
    return (file.document or {}) if file is not None else {}


def _architecture(config: Mapping[str, Any]) -> str:
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else str(config.get("model_type") or "")


def _context(config: Mapping[str, Any]) -> int:
    inner = config.get("text_config")
    for document in (config, inner if isinstance(inner, dict) else {}):
        for name in _CONTEXT:
            if isinstance(document.get(name), int):
                return int(document[name])
    return 0


def _packing(config: Mapping[str, Any]) -> str:
    """Return how weights were quantised, where the model says that they were."""
    said = config.get("quantization_config")
    return str(said.get("quant_method") or "") if isinstance(said, dict) else ""
