"""The header of a safetensors file: eight bytes with its length, then JSON, then the weights without a gap."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from math import prod
from typing import Any, BinaryIO

from installer.adapters.sources.model_formats import GET_IT_AGAIN, Unfit
from installer.model.models import SAFETENSORS, Weights

# The most that the format's own library reads.
_MOST_HEADER = 100_000_000
_METADATA = "__metadata__"
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def read_safetensors(stream: BinaryIO, size: int) -> Weights:
    """Return what a file's header tells; no weight is read.

    Args:
        stream: the file, at its begin.
        size: its bytes.

    Raises:
        Unfit: the header is none, or contradicts itself or the file.
    """
    start = stream.read(8)
    if len(start) < 8:
        raise Unfit(f"has {size} bytes, which is less than a header.", GET_IT_AGAIN)
    length = struct.unpack("<Q", start)[0]
    if length > _MOST_HEADER or length > size - 8:
        most = min(_MOST_HEADER, size - 8)
        raise Unfit(f"says that its header has {length} bytes, where {most} is the most there can be.", GET_IT_AGAIN)
    tensors = _tensors(stream.read(length))
    places = {name: _place(name, entry) for name, entry in tensors.items()}
    _refuse_gaps(places, size - 8 - length)
    precisions: dict[str, int] = {}
    for name, (begin, end) in places.items():
        dtype = tensors[name]["dtype"]
        precisions[dtype] = precisions.get(dtype, 0) + end - begin
    return Weights(SAFETENSORS, sum(prod(entry["shape"]) for entry in tensors.values()), precisions)


def _tensors(header: bytes) -> Mapping[str, Any]:
    """Return the entries of a header, without what is for people."""
    try:
        # A name written twice would be read by one program as the first, by another as the last.
        document = json.loads(header.decode(), object_pairs_hook=_unique)
    except ValueError as error:
        raise Unfit(f"has a header that is no JSON: {error}.", GET_IT_AGAIN) from error
    except RecursionError as error:
        raise Unfit("has a header of values within values.", GET_IT_AGAIN) from error
    if not header.startswith(b"{"):
        raise Unfit("has a header that is no JSON object.", GET_IT_AGAIN)
    tensors = {name: entry for name, entry in document.items() if name != _METADATA}
    if not tensors:
        raise Unfit("holds no weights.", GET_IT_AGAIN)
    return tensors


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is written twice")
    return found


def _place(name: str, entry: Any) -> tuple[int, int]:
    """Return where a tensor's bytes begin and end."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise Unfit(f"does not say of {name[:80]!r} what it is and where.", GET_IT_AGAIN) from error
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise Unfit(f"has {name[:80]!r} in numbers of the kind {dtype!r}, which is not known.", GET_IT_AGAIN)
    if not isinstance(shape, list) or not all(map(_is_count, (*shape, begin, end))):
        raise Unfit(f"does not say of {name[:80]!r} what it is and where.", GET_IT_AGAIN)
    needed = prod(shape) * _BITS[dtype]
    if end < begin or (end - begin) * 8 != needed:
        message = f"gives {name[:80]!r} the bytes {begin} to {end}, where its shape takes {needed // 8}."
        raise Unfit(message, GET_IT_AGAIN)
    return begin, end


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _refuse_gaps(places: Mapping[str, tuple[int, int]], room: int) -> None:
    """Refuse tensors that overlap, bytes that are nobody's, and a file that is cut short or goes on."""
    reached = 0
    for (begin, end), name in sorted((place, name) for name, place in places.items()):
        if begin != reached:
            what = "shares bytes with another" if begin < reached else f"leaves {begin - reached} bytes to nobody"
            raise Unfit(f"has {name[:80]!r} at byte {begin} of its weights, which {what}.", GET_IT_AGAIN)
        reached = end
    if reached > room:
        raise Unfit(f"is cut short: its header names {reached} bytes of weights, and there are {room}.", GET_IT_AGAIN)
    if reached < room:
        raise Unfit(f"goes on for {room - reached} bytes behind the last of its weights.", GET_IT_AGAIN)
