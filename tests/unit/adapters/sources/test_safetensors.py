"""The header of a safetensors file is believed when nothing in it contradicts itself or the file."""

from __future__ import annotations

import io
import struct

import pytest

from installer.adapters.sources.model_formats import Unfit
from installer.adapters.sources.safetensors import read_safetensors
from tests.models import safetensors_of, tensor


def test_a_header_tells_parameters_and_how_they_are_written() -> None:
    header = {"a": tensor(), "b": tensor(16, (3,), "F32", 4), "empty": tensor(28, (0, 9))}
    content = safetensors_of(header, weights=28)

    found = read_safetensors(io.BytesIO(content), len(content))

    assert found.parameters == 11
    assert found.precisions == {"BF16": 16, "F32": 12}


def test_numbers_of_less_than_a_byte_are_known() -> None:
    content = safetensors_of({"a": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}, weights=2)

    assert read_safetensors(io.BytesIO(content), len(content)).parameters == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"1234", "has 4 bytes, which is less than a header"),
        (struct.pack("<Q", 1 << 60) + b"{}", "has 1152921504606846976 bytes, where 2 is the most"),
        (struct.pack("<Q", 100_000_001) + b"{}", "header has 100000001 bytes"),
        (safetensors_of(b"{not json"), "a header that is no JSON"),
        (safetensors_of(b'{"a": ' + b"[" * 100_000), "header"),
        (safetensors_of(b'{"a": {}, "a": {}}'), "a name is written twice"),
        (safetensors_of({}), "holds no weights"),
        (safetensors_of({"a": [1]}), "does not say of 'a' what it is and where"),
        (safetensors_of({"a": {**tensor(), "shape": [2, -4]}}), "does not say of 'a'"),
        (safetensors_of({"a": {**tensor(), "shape": [2, True]}}), "does not say of 'a'"),
        (safetensors_of({"a": {**tensor(), "dtype": "OBJECT"}}), "of the kind 'OBJECT', which is not known"),
        (safetensors_of({"a": {**tensor(), "data_offsets": [0, 15]}}), "the bytes 0 to 15, where its shape takes 16"),
        (safetensors_of({"a": tensor(), "b": tensor(8)}, weights=24), "'b' at byte 8 of its weights, which shares"),
        (safetensors_of({"a": tensor(), "b": tensor(20)}, weights=36), "leaves 4 bytes to nobody"),
        (safetensors_of({"a": tensor(32)}, weights=16), "leaves 32 bytes to nobody"),
        (safetensors_of(weights=15), "is cut short: its header names 16 bytes of weights, and there are 15"),
        (safetensors_of(weights=17), "goes on for 1 bytes behind the last"),
    ],
)  # fmt: skip
def test_a_header_that_is_wrong_is_refused_with_what_is_wrong(content: bytes, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        read_safetensors(io.BytesIO(content), len(content))

    assert said in caught.value.message
    assert caught.value.cure.startswith("Get the file again")
