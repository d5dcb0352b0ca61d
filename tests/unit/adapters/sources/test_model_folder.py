"""Every file of a model is opened, and none is trusted by its name."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest

from installer.adapters.sources.model_folder import hash_model, read_model, require_fit
from installer.errors import InvalidConfiguration
from installer.model.artifact import digest_of
from tests.fakes import RecordingReporter
from tests.models import message, safetensors_of, write_gguf_model, write_safetensors_model


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/owned",)


def pickled(protocol: int) -> bytes:
    return pickle.dumps(Evil(), protocol)


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return stream.getvalue()


def array(descr: str) -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(8)


TORCH = zipped("archive/data.pkl", "archive/version")
PIECES = message((1, message((1, b"<s>"))), (2, b""))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.pkl", pickled(4), "is a pickle, which runs whatever code it names"),
        ("model.pkl", pickled(0), "has the name of a pickle"),
        ("model.pickle", b"", "has the name of a pickle"),
        ("pytorch_model.bin", TORCH, "is a PyTorch archive with a pickle in it"),
        ("model.pt", TORCH, "is a PyTorch archive with a pickle in it"),
        ("model.pth", pickled(2), "is a pickle"),
        ("epoch.ckpt", pickled(3), "is a pickle"),
        ("model.joblib", pickled(5), "is a pickle"),
        ("rows.npy", array("|O"), "is an array of NumPy's with objects, which are pickles"),
        ("rows.npy", array("<f4"), "is an array of NumPy's that no engine reads"),
        ("rows.npz", zipped("a.npy"), "is an archive of NumPy's"),
        ("model.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "is HDF5, in which Keras' Lambda layers run code"),
        ("model.keras", zipped("metadata.json", "config.json"), "is a Keras file, whose Lambda layers run code"),
        ("modeling_letters.py", b"import os\n", "is code, which a model must not bring"),
        ("run.sh", b"#!/bin/sh\n", "is a script"),
        ("licence.py", b"import os\n", "is code"),
        ("ops.so", b"\x7fELF" + bytes(99), "is a program or a library"),
        ("ops.pyc", b"\xa7\x0d\r\n" + bytes(99), "is compiled Python"),
        ("all.tar", bytes(257) + b"ustar" + bytes(250), "is a tar archive"),
        ("weights.safetensors.gz", b"\x1f\x8b" + bytes(99), "is compressed"),
        (".gitattributes", b"*.bin lfs\n", "is none of the formats that are carried: safetensors, GGUF"),
        ("picture.png", b"\x89PNG\r\n\x1a\n", "is none of the formats that are carried"),
    ],
)  # fmt: skip
def test_a_format_that_can_run_code_or_is_not_known_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)

    (problem,) = read_model(tmp_path).problems

    assert problem.where == str(tmp_path / name)
    assert said in problem.message
    assert problem.cure


@pytest.mark.parametrize("name", ["m.safetensors", "m.gguf", "m.onnx", "tokenizer.model", "a.json", "a.txt", "a.md"])
@pytest.mark.parametrize(
    ("content", "said"), [(pickled(4), "is a pickle"), (TORCH, "is a PyTorch archive"), (array("|O"), "with objects")],
    ids=["pickle", "torch", "numpy"],
)  # fmt: skip
def test_a_harmless_name_does_not_help_what_runs_code(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)

    (problem,) = read_model(tmp_path).problems

    assert said in problem.message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", b"{not", "is no JSON"),
        ("config.json", b"[" * 100_000, "JSON"),
        ("vocab.txt", b"a\0b", "is no text: it has a zero byte"),
        ("vocab.txt", b"\xff\xfe", "is no text in UTF-8"),
        ("LICENSE", b" \n", "is empty"),
        ("tokenizer.model", b"\x0a\xff\xff\x7f", "is no vocabulary"),
        ("tokenizer.model", message((2, b"")), "is a vocabulary without a token"),
        ("model.safetensors", b"", "has 0 bytes"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)

    (problem,) = read_model(tmp_path).problems

    assert said in problem.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.model", PIECES),
        ("tokenizer.model", b"IQ== 0\nIg== 1\n"),
        ("COPYING.LESSER", b"You may.\n"),
        ("Notice.txt", b"Made by us.\n"),
        ("merges.txt", "Ġt h\n".encode()),
        ("chat_template.jinja", b"{{ messages }}"),
        ("sub/vocab.json", b"[1]"),
    ],
)
def test_what_models_are_made_of_is_taken(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)

    found = read_model(tmp_path)

    assert ([file.path for file in found.files], found.problems) == ([name], ())


def test_a_header_whose_length_looks_like_a_pickle_is_none(tmp_path: Path) -> None:
    # The eight bytes before the header are 0x0280 and zeros, or the first ones of a pickle.
    header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode().ljust(0x0280)
    (tmp_path / "a.safetensors").write_bytes(safetensors_of(header, weights=1))

    assert read_model(tmp_path).problems == ()


def test_links_and_special_files_are_refused_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").symlink_to(tmp_path / "outside")
    (folder / "below").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.txt")

    found = read_model(folder)

    assert found.files == ()
    assert [problem.message.partition("/")[0] for problem in found.problems] == [
        "is a link to ", "is a link to ", "is no regular file."
    ]  # fmt: skip
    assert "cp -rL" in found.problems[0].cure


@pytest.mark.parametrize("name", ["a\nb.json", "a\\b.json", "a\x1b[2J.json"])
def test_a_name_that_deceives_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")

    (problem,) = read_model(tmp_path).problems

    assert "has a name that is no text" in problem.message


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (problem,) = read_model(tmp_path / "nowhere").problems

    assert "cannot be read: No such file" in problem.message


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    folder = write_safetensors_model(tmp_path / "model")
    (folder / "config.json").unlink()
    (folder / "LICENSE").unlink()
    (folder / "model.bin").write_bytes(TORCH)

    with pytest.raises(InvalidConfiguration) as caught:
        require_fit(folder)

    assert len(caught.value.problems) == 3
    assert caught.value.summary == "3 mistakes in the model; nothing was changed."


@pytest.mark.parametrize("write", [write_safetensors_model, write_gguf_model])
def test_a_whole_model_has_nothing_wrong(tmp_path: Path, write: object) -> None:
    folder = write(tmp_path / "model")  # type: ignore[operator]

    assert require_fit(folder).files


def test_digests_are_those_of_the_files_and_progress_is_told(tmp_path: Path) -> None:
    folder, reporter = read_model(write_safetensors_model(tmp_path)), RecordingReporter()

    found = hash_model(folder, reporter)

    assert found["config.json"] == digest_of((tmp_path / "config.json").read_bytes())
    assert len(reporter.events) == len(found) == 6


def test_a_file_that_changed_since_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    folder = read_model(write_safetensors_model(tmp_path))
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(InvalidConfiguration, match="1 mistake") as caught:
        hash_model(folder, RecordingReporter())

    assert "config.json: cannot be read: it was changed while it was read." in caught.value.details[0]
