"""The header of a GGUF file: keys with values, then what the weights are and where.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Whatever the header claims, no more is kept of it than a few
values; a vocabulary is walked through, not read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

from installer.adapters.sources.model_formats import GET_IT_AGAIN, Unfit
from installer.model.models import GGUF, Weights

_VERSIONS = (2, 3)
_MOST_KEYS, _MOST_TENSORS, _MOST_DIMENSIONS = 65_536, 100_000, 4
_MOST_NAME, _MOST_KEPT, _MOST_NESTED = 1024, 1 << 20, 4
# Texts in lists: a vocabulary has some hundred thousand.
_MOST_WORDS = 1 << 24
_STRING, _ARRAY = 8, 9
# Bytes of numbers, by their kind.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_KEPT = frozenset({"general.architecture", "general.license", "tokenizer.ggml.model", "tokenizer.chat_template"})
_ALIGNMENT = 32
# What a block of each kind of weights is called, how many it holds, and its bytes.
_BLOCKS = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
}  # fmt: skip

_Values = dict[str, str | int | float]


@dataclass(frozen=True)
class _Tensor:
    """What a header says of some weights; `size` is the least there is of a kind that is not known."""

    name: str
    kind: str
    count: int
    begin: int
    size: int


def read_gguf(stream: BinaryIO, size: int) -> Weights:
    """Return what a file's header tells; no weight is read.

    Args:
        stream: the file, at its begin.
        size: its bytes.

    Raises:
        Unfit: the header is none, or contradicts itself or the file.
    """
    header = _Header(stream, size)
    tensor_count, key_count = header.begin()
    values = header.values(key_count)
    tensors = [header.tensor() for _ in range(tensor_count)]
    alignment = values.get("general.alignment", _ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
        raise Unfit(f"has the alignment {alignment}, which is no power of two.", GET_IT_AGAIN)
    _refuse_places(tensors, alignment, size - header.position - -header.position % alignment)
    return _weights(values, tensors)


def _weights(values: Mapping[str, str | int | float], tensors: list[_Tensor]) -> Weights:
    architecture = str(values.get("general.architecture", ""))
    precisions: dict[str, int] = {}
    for tensor in tensors:
        precisions[tensor.kind] = precisions.get(tensor.kind, 0) + tensor.size
    return Weights(
        GGUF,
        sum(tensor.count for tensor in tensors),
        precisions,
        architecture=architecture,
        context_tokens=_whole(values.get(f"{architecture}.context_length")),
        licence=str(values.get("general.license", "")),
        part=_whole(values.get("split.no")),
        has_tokenizer=bool(values.get("tokenizer.ggml.model")),
        has_template=bool(values.get("tokenizer.chat_template")),
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _refuse_places(tensors: list[_Tensor], alignment: int, room: int) -> None:
    """Refuse weights that overlap or lie outside of the file."""
    reached = 0
    for tensor in sorted(tensors, key=lambda tensor: (tensor.begin, tensor.size)):
        if tensor.begin % alignment:
            raise Unfit(f"has {tensor.name!r} at byte {tensor.begin}, no multiple of {alignment}.", GET_IT_AGAIN)
        if tensor.begin < reached:
            raise Unfit(f"has {tensor.name!r} at byte {tensor.begin}, which is another's as well.", GET_IT_AGAIN)
        reached = tensor.begin + tensor.size
    if reached > room:
        raise Unfit(
            f"is cut short: its header names {reached} bytes of weights, and there are {max(room, 0)}.", GET_IT_AGAIN
        )


class _Header:
    """Reads on through a header, never behind the file's end."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        self.position = 0
        self._words = 0

    def begin(self) -> tuple[int, int]:
        """Return how many tensors and keys follow."""
        magic = self._take(4)
        if magic != b"GGUF":
            raise Unfit(f"begins with {magic!r}, not with GGUF.", GET_IT_AGAIN)
        (version,) = self._numbers("I")
        if version not in _VERSIONS:
            told = "is of big-endian machines" if version & 0xFFFF == 0 else f"is GGUF of version {version}"
            raise Unfit(f"{told}; versions {_VERSIONS[0]} and {_VERSIONS[1]} are read.", "Convert it anew.")
        tensors, keys = self._numbers("QQ")
        if tensors > _MOST_TENSORS or keys > _MOST_KEYS:
            most = f"{_MOST_TENSORS} and {_MOST_KEYS} are the most there can be"
            raise Unfit(f"says that it has {tensors} tensors and {keys} keys, where {most}.", GET_IT_AGAIN)
        if not tensors:
            raise Unfit("holds no weights.", GET_IT_AGAIN)
        return tensors, keys

    def values(self, count: int) -> _Values:
        """Return the values that tell what the model is, and every number."""
        found: _Values = {}
        seen: set[str] = set()
        for _ in range(count):
            key = self._text(_MOST_NAME)
            if key in seen:
                raise Unfit(f"has the key {key!r} twice.", GET_IT_AGAIN)
            seen.add(key)
            (kind,) = self._numbers("I")
            if kind == _STRING and key in _KEPT:
                found[key] = self._text(_MOST_KEPT)
            elif kind in _NUMBERS:
                (found[key],) = self._numbers(_NUMBERS[kind])
            else:
                self._pass_over(kind)
        return found

    def tensor(self) -> _Tensor:
        """Return the next tensor."""
        name = self._text(_MOST_NAME)
        (dimensions,) = self._numbers("I")
        if dimensions > _MOST_DIMENSIONS:
            raise Unfit(f"has {name!r} in {dimensions} dimensions.", GET_IT_AGAIN)
        count = prod(self._numbers(f"{dimensions}Q"))
        kind, begin = self._numbers("IQ")
        label, block, size = _BLOCKS.get(kind, (f"kind {kind}", 1, 0))
        if count % block:
            raise Unfit(f"has {count} weights in {name!r}, no multiple of the {block} of {label}.", GET_IT_AGAIN)
        return _Tensor(name, label, count, begin, count // block * size)

    def _pass_over(self, kind: int, depth: int = 0) -> None:
        """Go past a value, keeping nothing of it."""
        if kind == _STRING:
            self._skip(self._numbers("Q")[0])
        elif kind in _NUMBERS:
            self._skip(struct.calcsize(_NUMBERS[kind]))
        elif kind == _ARRAY and depth < _MOST_NESTED:
            inner, count = self._numbers("IQ")
            if inner in _NUMBERS:
                self._skip(count * struct.calcsize(_NUMBERS[inner]))
                return
            self._words += count
            if self._words > _MOST_WORDS:
                raise Unfit(f"has lists of {self._words} texts, where {_MOST_WORDS} is the most.", GET_IT_AGAIN)
            for _ in range(count):
                self._pass_over(inner, depth + 1)
        else:
            raise Unfit(f"has a value of the kind {kind}, which is not known.", GET_IT_AGAIN)

    def _text(self, most: int) -> str:
        (length,) = self._numbers("Q")
        if length > most:
            raise Unfit(f"has a text of {length} bytes where {most} are the most there can be.", GET_IT_AGAIN)
        return self._take(length).decode("utf-8", errors="replace")

    def _numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self._take(struct.calcsize("<" + form)))

    def _take(self, count: int) -> bytes:
        self._advance(count)
        return self._stream.read(count)

    def _skip(self, count: int) -> None:
        self._advance(count)
        self._stream.seek(self.position)

    def _advance(self, count: int) -> None:
        self.position += count
        if self.position > self._size:
            raise Unfit(f"is cut short: its header goes on behind its {self._size} bytes.", GET_IT_AGAIN)
