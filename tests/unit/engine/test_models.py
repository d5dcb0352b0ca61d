"""Whether files make a whole model, what it is, and whether it is still the one that was locked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.engine.models import MOST_FILES, changed_files, contents_digest, describe, problems_in
from installer.errors import Problem
from installer.model.artifact import LockedItem, digest_of
from installer.model.models import GGUF, ONNX, SAFETENSORS, ModelFile, ModelFolder, Weights
from tests.bundles import item_of
from tests.models import entry_of

FOLDER = Path("/srv/letters")
TENSORS = Weights(SAFETENSORS, 8, {"BF16": 16})
WHOLE_GGUF = Weights(GGUF, 9, {"Q4_K": 5, "F32": 4}, "llama", 4096, "mit", has_tokenizer=True, has_template=True)
TEMPLATE = {"chat_template": "{{ messages }}"}


def file(
    path: str, weights: Weights | None = None, document: dict[str, Any] | None = None, size: int = 10
) -> ModelFile:
    return ModelFile(path, size, (), weights, document)


def folder(*files: ModelFile | str, problems: tuple[Problem, ...] = ()) -> ModelFolder:
    """Return a folder with a licence, and with these files."""
    found = [entry if isinstance(entry, ModelFile) else file(entry) for entry in (*files, "LICENSE")]
    return ModelFolder(FOLDER, tuple(found), problems)


def safetensors(*files: ModelFile | str) -> ModelFolder:
    """Return a model that lacks nothing, with further files."""
    config = file("config.json", document={"model_type": "letters"})
    told = file("tokenizer_config.json", document=TEMPLATE)
    return folder(config, told, "tokenizer.json", file("model.safetensors", TENSORS), *files)


def without(found: ModelFolder, *paths: str) -> ModelFolder:
    return replace(found, files=tuple(entry for entry in found.files if entry.path not in paths))


@pytest.mark.parametrize(
    "found",
    [
        safetensors(),
        without(safetensors("tokenizer.model"), "tokenizer.json"),
        without(safetensors("chat_template.jinja"), "tokenizer_config.json"),
        without(safetensors(file("chat_template.json", document=TEMPLATE)), "tokenizer_config.json"),
        folder(file("a.gguf", WHOLE_GGUF)),
        folder(file("a.gguf", WHOLE_GGUF), file("eyes.gguf", Weights(GGUF, 1, {}, "clip"))),
        folder(file("a-00001-of-00002.gguf", WHOLE_GGUF), file("a-00002-of-00002.gguf", Weights(GGUF, 1, {}, part=1))),
        folder(file("a.onnx", Weights(ONNX, 0, {}))),
        without(replace(safetensors("COPYING")), "LICENSE"),
    ],
)  # fmt: skip
def test_a_whole_model_has_no_problem(found: ModelFolder) -> None:
    assert problems_in(found) == ()


@pytest.mark.parametrize(
    ("found", "where", "said"),
    [
        (ModelFolder(FOLDER, ()), "", "is empty."),
        (without(safetensors(), "LICENSE"), "", "holds no licence."),
        (folder("config.json"), "", "holds no weights."),
        (without(safetensors(), "config.json"), "", "holds no config.json"),
        (without(safetensors(), "tokenizer.json"), "", "holds no tokeniser: none of tokenizer.json, tokenizer.model"),
        (without(safetensors(), "tokenizer_config.json"), "", "holds no chat template: no `chat_template` in token"),
        (folder(file("a.gguf", replace(WHOLE_GGUF, architecture=""))), "/a.gguf", "lacks `general.architecture`"),
        (folder(file("a.gguf", replace(WHOLE_GGUF, has_tokenizer=False))), "/a.gguf", "lacks `tokenizer.ggml.model`"),
        (folder(file("a.gguf", replace(WHOLE_GGUF, has_template=False))), "/a.gguf", "lacks `tokenizer.chat_template`"),
        (folder(file("a-00001-of-00002.gguf", WHOLE_GGUF)), "/a-00002-of-00002.gguf", "of the model's 2 parts 1 are"),
        (safetensors(file("a-00001-of-00003.safetensors", TENSORS)), "/a-00002-of-00003.safetensors", "3 parts 1 are"),
        (safetensors(*map(str, range(MOST_FILES))), "", f"files; {MOST_FILES} can be carried"),
    ],
)  # fmt: skip
def test_what_a_model_lacks_is_told_with_its_place_and_a_cure(found: ModelFolder, where: str, said: str) -> None:
    (problem,) = problems_in(found)

    assert problem.where == f"{FOLDER}{where}"
    assert said in problem.message
    assert problem.cure


@pytest.mark.parametrize(
    ("weight_map", "where", "said"),
    [
        (
            {"a": "model.safetensors", "b": "more.safetensors"},
            "more.safetensors",
            "is missing: model.safetensors.index",
        ),
        ({"a": "../other/model.safetensors"}, "model.safetensors.index.json", "lies outside of the model's folder"),
        ({"a": "/etc/passwd"}, "model.safetensors.index.json", "lies outside of the model's folder"),
        ({}, "model.safetensors.index.json", "has no `weight_map`"),
        ({"a": 1}, "model.safetensors.index.json", "has no `weight_map`"),
        (None, "model.safetensors.index.json", "has no `weight_map`"),
    ],
)
def test_an_index_names_files_that_are_there(weight_map: object, where: str, said: str) -> None:
    found = safetensors(file("model.safetensors.index.json", document={"weight_map": weight_map}))

    (problem,) = problems_in(found)

    assert problem.where == str(FOLDER / where)
    assert said in problem.message


def test_what_is_wrong_with_files_is_told_before_what_is_missing() -> None:
    refused = Problem(str(FOLDER / "a.bin"), "is a pickle.")
    found = replace(without(folder("README.md"), "LICENSE"), problems=(refused,))

    assert [problem.message for problem in problems_in(found)] == ["is a pickle.", "holds no licence."]


def test_a_model_is_described_by_its_header() -> None:
    found = folder(file("a.gguf", WHOLE_GGUF, size=5000))

    made = describe(found, {"a.gguf": digest_of(b"a"), "LICENSE": digest_of(b"b")})

    assert (made.formats, made.architecture, made.parameters, made.precision) == (("GGUF",), "llama", 9, "Q4_K")
    assert (made.context_tokens, made.size, made.licence, made.licence_files) == (4096, 5010, "mit", ("LICENSE",))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"architectures": ["A"], "max_position_embeddings": 99}, ("A", 99, 8, "BF16")),
        ({"model_type": "b", "text_config": {"max_position_embeddings": 7}}, ("b", 7, 8, "BF16")),
        ({"model_type": "c", "quantization_config": {"quant_method": "awq"}}, ("c", 0, 0, "awq")),
    ],
    ids=["plain", "of several parts", "packed"],
)
def test_a_model_is_described_by_its_config(config: dict[str, Any], told: tuple[object, ...]) -> None:
    found = without(safetensors(), "config.json")
    found = replace(found, files=(*found.files, file("config.json", document=config)))

    made = describe(found, {})

    assert (made.architecture, made.context_tokens, made.parameters, made.precision) == told


def test_the_digest_of_the_contents_is_that_of_what_sha256sum_prints() -> None:
    digests = {"b": digest_of(b"2"), "a": digest_of(b"1")}

    lines = "".join(f"{digests[path].removeprefix('sha256:')}  {path}\n" for path in ("a", "b"))

    assert contents_digest(digests) == digest_of(lines.encode())


def locked(**files: str) -> LockedItem:
    return replace(item_of("platform.internal/models/letters", b""), origin={"type": "model", "files": files})


def test_a_folder_as_locked_is_no_change() -> None:
    assert changed_files(entry_of(FOLDER), locked(a="sha256:1"), {"a": "sha256:1"}) == ()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": "sha256:2"}, "has the digest sha256:2; the lock pins sha256:1 in letters 1.0.0."),
        ({}, "is missing: the lock pins it as sha256:1 in letters 1.0.0."),
        ({"a": "sha256:1", "b": "sha256:3"}, "has the digest sha256:3, and is not in letters 1.0.0 as locked."),
    ],
    ids=["changed", "gone", "new"],
)
def test_a_change_names_the_file_and_both_digests(found: dict[str, str], said: str) -> None:
    (problem,) = changed_files(entry_of(FOLDER), locked(a="sha256:1"), found)

    assert problem.where.startswith("/srv/letters/")
    assert problem.message == said
    assert "a new version in models.yml" in problem.cure
