"""What lies in a model's folder: every file opened, none of them trusted by its name."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from installer.adapters.blob_store import CHUNK, open_regular
from installer.adapters.sources.gguf import read_gguf
from installer.adapters.sources.model_formats import HEAD, TAKE_OUT, Form, Unfit, danger, form_of, refusal
from installer.adapters.sources.model_texts import check_vocabulary, licence_of_card, read_json, read_text
from installer.adapters.sources.onnx import read_onnx
from installer.adapters.sources.safetensors import read_safetensors
from installer.engine.models import problems_in
from installer.errors import InvalidConfiguration, Problem
from installer.model.events import Progress
from installer.model.models import ModelFile, ModelFolder, Weights
from installer.ports import Reporter

Measured = TypeVar("Measured")

_READERS = {Form.SAFETENSORS: read_safetensors, Form.GGUF: read_gguf, Form.ONNX: read_onnx}
_BUFFER = 1 << 16
# What says of a model what it is; of other documents it is enough that they are JSON.
_TELLING = ("config.json", "tokenizer_config.json", "chat_template.json", ".index.json")


def read_model(folder: Path) -> ModelFolder:
    """Return what a model's folder holds, and what is wrong with each of its files."""
    try:
        paths = sorted(_paths(folder))
    except OSError as error:
        cure = "Name the folder with the model's files."
        problem = Problem(str(error.filename or folder), f"cannot be read: {error.strerror}.", cure)
        return ModelFolder(folder, (), (problem,), is_read=False)
    files, problems = [], []
    for path in paths:
        try:
            files.append(_file(folder, path))
        except Unfit as fault:
            problems.append(Problem(str(folder / path), fault.message, fault.cure))
        except OSError as error:
            problems.append(Problem(str(folder / path), f"cannot be read: {error.strerror}."))
    return ModelFolder(folder, tuple(files), tuple(problems))


def require_fit(folder: Path) -> ModelFolder:
    """Return what a folder holds that is a whole model, and nothing else.

    Raises:
        InvalidConfiguration: with everything that is wrong with it.
    """
    found = read_model(folder)
    if problems := problems_in(found):
        raise InvalidConfiguration(problems, "the model")
    return found


def hash_model(folder: ModelFolder, reporter: Reporter) -> dict[str, str]:
    """Return the digest of each file of a model, by path.

    Raises:
        InvalidConfiguration: a file was changed meanwhile.
    """
    digests = each_file(folder, lambda file: _digest(folder, file), folder.path.name, reporter)
    return {file.path: digest for file, digest in zip(folder.files, digests, strict=True)}


def each_file(
    folder: ModelFolder, measure: Callable[[ModelFile], Measured], name: str, reporter: Reporter
) -> list[Measured]:
    """Return what is measured of each file of a model, several at once.

    Args:
        name: what the model is called before the operator.
        reporter: told how far it is.
    """
    total, done, found = sum(file.size for file in folder.files), 0, []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, measured in zip(folder.files, pool.map(measure, folder.files), strict=True):
            found.append(measured)
            done += file.size
            reporter.emit(Progress(f"read {name}", file.path, done, total))
    return found


def chunks(folder: Path, file: ModelFile) -> Iterator[bytes]:
    """Yield the bytes of a file that is still the one that was looked at.

    Raises:
        InvalidConfiguration: it is not, or cannot be read to its end.
    """
    try:
        with open_regular(folder / file.path, os.O_NOFOLLOW) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
            if _state(stream) != file.state:
                raise OSError(0, "it was changed while it was read")
    except OSError as error:
        problem = Problem(str(folder / file.path), f"cannot be read: {error.strerror}.", "Let nobody write there.")
        raise InvalidConfiguration([problem], "the model") from error


def _digest(folder: ModelFolder, file: ModelFile) -> str:
    hasher = hashlib.sha256()
    for chunk in chunks(folder.path, file):
        hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


def _paths(folder: Path) -> Iterator[str]:
    """Yield everything below a folder that is no folder itself; links are not followed."""

    def refuse(error: OSError) -> None:
        raise error

    for place, below, files in os.walk(folder, onerror=refuse):
        for name in [*files, *(entry for entry in below if (Path(place) / entry).is_symlink())]:
            yield (Path(place) / name).relative_to(folder).as_posix()


def _file(folder: Path, path: str) -> ModelFile:
    place = folder / path
    if not path.isprintable() or "\\" in path:
        raise Unfit("has a name that is no text, or that may be read as another.", "Give it another name.")
    kind = place.lstat().st_mode
    if stat.S_ISLNK(kind):
        cure = "Put the file itself there: `cp -rL` copies a folder with what its links lead to."
        raise Unfit(f"is a link to {place.readlink()}.", cure)
    if not stat.S_ISREG(kind):
        raise Unfit("is no regular file.", TAKE_OUT)
    with open_regular(place, os.O_NOFOLLOW) as raw:
        stream = io.BufferedReader(cast("io.RawIOBase", raw), _BUFFER)
        size, state = os.fstat(raw.fileno()).st_size, _state(raw)
        head = stream.read(HEAD)
        form = form_of(path)
        if form is None:
            raise refusal(path, head)
        stream.seek(0)
        try:
            return _read(ModelFile(path, size, state), form, stream)
        except Unfit as fault:
            if (betrayed := danger(head)) is not None:
                raise betrayed from fault
            raise


def _read(file: ModelFile, form: Form, stream: BinaryIO) -> ModelFile:
    weights: Weights | None = None
    document, licence = None, ""
    if form in _READERS:
        weights = _READERS[form](stream, file.size)
    elif form is Form.JSON:
        held = read_json(stream, file.size)
        document = held if file.path.endswith(_TELLING) else None
    elif form is Form.TOKENS:
        check_vocabulary(stream, file.size)
    else:
        beginning = read_text(stream)
        licence = licence_of_card(beginning) if file.path.lower() == "readme.md" else ""
    return ModelFile(file.path, file.size, file.state, weights, document, licence)


def _state(stream: BinaryIO) -> tuple[int, ...]:
    found = os.fstat(stream.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
