"""The header of a GGUF file is walked through, and never behind its end."""

from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path

import pytest

from installer.adapters.sources.gguf import read_gguf
from installer.adapters.sources.model_formats import Unfit
from tests.models import ARRAY, GGUF_VALUES, STRING, gguf_of, gguf_tensor, gguf_text, write_gguf_model

HEADER = gguf_of(weights=0)


def read(content: bytes) -> object:
    return read_gguf(io.BytesIO(content), len(content))


def with_value(value: bytes) -> bytes:
    """Return a file whose first value is these bytes."""
    content = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + gguf_text("some.key") + value
    return content + gguf_tensor("a") + bytes(1024)


def test_a_header_tells_what_the_model_is() -> None:
    content = gguf_of(tensors=(gguf_tensor("a", (32, 2)), gguf_tensor("b", (256,), 12, 256)), weights=400)

    found = read_gguf(io.BytesIO(content), len(content))

    assert (found.architecture, found.context_tokens, found.licence) == ("llama", 4096, "mit")
    assert (found.parameters, found.precisions) == (320, {"F32": 256, "Q4_K": 144})
    assert (found.has_tokenizer, found.has_template, found.part) == (True, True, 0)


def test_the_tiny_model_of_sites_is_read(tmp_path: Path) -> None:
    path = write_gguf_model(tmp_path) / "tiny.gguf"
    with path.open("rb") as stream:
        found = read_gguf(stream, path.stat().st_size)

    assert (found.architecture, found.context_tokens, found.precisions) == ("llama", 32768, {"F32": 469_760})


def test_a_kind_of_weights_that_is_not_known_is_taken_as_it_is() -> None:
    content = gguf_of(tensors=(gguf_tensor("a", (7,), 99),), weights=5)

    assert read_gguf(io.BytesIO(content), len(content)).precisions == {"kind 99": 0}


def test_alignment_is_the_files_own() -> None:
    values = {**GGUF_VALUES, "general.alignment": 64}
    content = gguf_of(values, (gguf_tensor("a", (8,)), gguf_tensor("b", (8,), 0, 32)), weights=96)

    with pytest.raises(Unfit, match="'b' at byte 32, no multiple of 64"):
        read(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GGML" + HEADER[4:], "begins with b'GGML', not with GGUF"),
        (gguf_of(start=b"GGUF" + struct.pack("<I", 1)), "is GGUF of version 1; versions 2 and 3 are read"),
        (gguf_of(start=b"GGUF" + struct.pack(">I", 3)), "is of big-endian machines"),
        (gguf_of(counts=(1 << 40, 1)), "says that it has 1099511627776 tensors"),
        (gguf_of(counts=(1, 1 << 40)), "and 1099511627776 keys"),
        (gguf_of(tensors=(), weights=0), "holds no weights"),
        (gguf_of({**GGUF_VALUES, "general.alignment": 33}), "the alignment 33, which is no power of two"),
        (gguf_of(tensors=(gguf_tensor("a"), gguf_tensor("b", begin=128)), weights=512), "byte 128, which is another's"),
        (gguf_of(tensors=(gguf_tensor("a", begin=3),)), "'a' at byte 3, no multiple of 32"),
        (gguf_of(tensors=(gguf_tensor("a", (31,), 2),)), "has 31 weights in 'a', no multiple of the 32 of Q4_0"),
        (gguf_of(tensors=(gguf_tensor("a", (1,) * 5),)), "'a' in 5 dimensions"),
        (gguf_of(weights=255), "is cut short: its header names 256 bytes of weights, and there are 255"),
        (gguf_of()[:60], "is cut short: its header goes on behind its 60 bytes"),
        (b"", "is cut short"),
        (with_value(struct.pack("<I", 77)), "a value of the kind 77, which is not known"),
        (with_value(struct.pack("<IQ", STRING, 1 << 62)), "is cut short"),
        (with_value(struct.pack("<IIQ", ARRAY, 5, 1 << 60)), "is cut short"),
        (with_value(struct.pack("<IIQ", ARRAY, STRING, 1 << 40)), "lists of 1099511627776 texts"),
        (with_value(struct.pack("<I", ARRAY) + struct.pack("<IQ", ARRAY, 1) * 9), "a value of the kind 9"),
    ],
)  # fmt: skip
def test_a_header_that_is_wrong_is_refused_with_what_is_wrong(content: bytes, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        read(content)

    assert said in caught.value.message
    assert caught.value.cure


def test_a_key_written_twice_is_refused() -> None:
    twice = 2 * (gguf_text("a") + struct.pack("<II", 4, 1))
    content = b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + twice + gguf_tensor("a") + bytes(512)

    with pytest.raises(Unfit, match="the key 'a' twice"):
        read(content)


def test_every_beginning_of_a_file_is_refused_and_none_breaks_the_reader() -> None:
    whole = gguf_of()

    for length in range(len(whole)):
        with pytest.raises(Unfit):
            read(whole[:length])


def test_a_large_vocabulary_is_not_kept() -> None:
    content = gguf_of({**GGUF_VALUES, "tokenizer.ggml.tokens": ["x" * 1000] * 20_000})
    stream = io.BytesIO(content)
    tracemalloc.start()

    read_gguf(stream, len(content))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(content) // 20
