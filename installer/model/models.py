"""Models that a site brings: what its list says of them, and what their folders hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer.errors import Problem

# The list beside an inventory, and who needs in a lock what the list names: no component does.
LIST = "models.yml"
OWNER = "models"
# How an item of a lock was had.
ORIGIN = "model"
REPOSITORY = "platform.internal/models"

SAFETENSORS, GGUF, ONNX = "safetensors", "GGUF", "ONNX"


@dataclass(frozen=True)
class ModelEntry:
    """One model of a site's list.

    Attributes:
        version: semantic: three numbers, and what may stand behind a hyphen.
        directory: where its files are, on the machine that builds the bundle.
        licence: SPDX expression.
        base_model: what it was made from, for people.
        quantisation: how its weights were made smaller, for people.
        where: `file:line` of the entry.
    """

    name: str
    version: str
    directory: Path
    licence: str
    base_model: str = ""
    quantisation: str = ""
    where: str = ""

    @property
    def image(self) -> str:
        """Return the name of the image that carries it."""
        return f"{REPOSITORY}/{self.name}"

    @property
    def tag(self) -> str:
        """Return the tag of that image."""
        return f"v{self.version}"

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Weights:
    """What the header of a file of weights tells.

    Attributes:
        form: the file's format.
        parameters: how many numbers it holds; 0 when its header does not tell.
        precisions: bytes of weights by how numbers are written.
        architecture: empty when the header does not tell, as the next three.
        context_tokens: 0 when the header does not tell.
        licence: as the model's maker wrote it.
        part: which part of a model in several files it is, from 0.
        has_tokenizer: it brings how text becomes tokens.
        has_template: it brings how a conversation becomes text.
    """

    form: str
    parameters: int
    precisions: Mapping[str, int]
    architecture: str = ""
    context_tokens: int = 0
    licence: str = ""
    part: int = 0
    has_tokenizer: bool = False
    has_template: bool = False


@dataclass(frozen=True)
class ModelFile:
    """One file of a model that may be carried.

    Attributes:
        path: below the model's folder.
        size: in bytes.
        state: what differs once it is written to or replaced.
        weights: what its header tells, for weights.
        document: what it holds, for the JSON files that say what the model is.
        licence: what a model card's head says.
    """

    path: str
    size: int
    state: tuple[int, ...]
    weights: Weights | None = None
    document: Mapping[str, Any] | None = None
    licence: str = ""


@dataclass(frozen=True)
class ModelFolder:
    """What lies in a model's folder.

    Attributes:
        files: those that may be carried, by path.
        problems: what is wrong with single files and with those that may not be carried.
        is_read: whether it could be looked into at all.
    """

    path: Path
    files: tuple[ModelFile, ...]
    problems: tuple[Problem, ...] = ()
    is_read: bool = True

    @property
    def weights(self) -> Iterator[tuple[ModelFile, Weights]]:
        """Yield the files of weights with what their headers tell."""
        for file in self.files:
            if file.weights is not None:
                yield file, file.weights

    def find(self, path: str) -> ModelFile | None:
        """Return the file of a path, or None."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True)
class ModelDescription:
    """What a model is.

    Attributes:
        formats: formats of its weights.
        parameters: 0 when its files do not tell.
        precision: how most of its weights are written.
        context_tokens: 0 when its files do not tell.
        size: bytes of all its files.
        licence_files: files that hold a licence.
        licence: as its maker wrote it; empty when its files do not tell.
        contents: digest of paths and contents of all its files.
        files: digest of each file, by path.
    """

    formats: tuple[str, ...]
    architecture: str
    parameters: int
    precision: str
    context_tokens: int
    size: int
    licence_files: tuple[str, ...]
    licence: str
    contents: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelState:
    """How far a model has come: named by the list, pinned by the lock, in the bundle.

    Attributes:
        directory: where the list says that its files are; empty when it does not name the model.
        size: bytes of its image; 0 while it is not pinned.
        listed: the list names it.
        locked: digest of the image that the lock pins; empty when it pins none.
        bundled: digest of the image in the bundle; empty when it has none, or there is no bundle.
        reference: how an engine may be told of just this version; empty while it is not pinned.
    """

    name: str
    version: str
    licence: str
    directory: str
    size: int
    listed: bool
    locked: str
    bundled: str
    reference: str
