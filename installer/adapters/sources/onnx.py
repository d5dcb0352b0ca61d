"""What an ONNX file is made of, walked through as a protocol buffer: no value is kept, and nothing of it is run.

Operators that lead to Python or to a library beside the model are refused, and weights outside of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from installer.adapters.sources.model_formats import CONVERT, GET_IT_AGAIN, TAKE_OUT, Unfit
from installer.model.models import ONNX, Weights

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Operators that engines bring; others are the model's own functions, or of libraries, one of which runs Python.
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
_PYTHON = frozenset({"PyOp", "PythonOp", "PythonOpGrad"})
_MOST_NAME, _MOST_NESTED = 1024, 16
# Fields of the format's messages, by number.
_MODEL = {7: "graph", 8: "domain", 20: "training", 25: "function"}
_GRAPH = {1: "node", 5: "tensor", 15: "sparse"}
_FUNCTION = {7: "node", 9: "domain"}
_NODE = {5: "attribute"}
_ATTRIBUTE = {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"}
_SPARSE = {1: "tensor", 2: "tensor"}
_TRAINING = {1: "graph", 2: "graph"}
_BELOW = {
    "model": _MODEL, "graph": _GRAPH, "function": _FUNCTION, "node": _NODE, "attribute": _ATTRIBUTE, "sparse": _SPARSE,
    "training": _TRAINING,
}  # fmt: skip
_GRAPH_OF_MODEL, _FUNCTION_OF_MODEL = 7, 25
_OP_TYPE, _OP_DOMAIN, _SET_DOMAIN, _FUNCTION_DOMAIN = 4, 7, 1, 10
_LOCATION, _EXTERNAL = 14, 1


@dataclass(frozen=True)
class _Field:
    """One field of a message: a number, or bytes that lie somewhere in the file."""

    number: int
    value: int
    begin: int
    end: int
    is_bytes: bool


def read_onnx(stream: BinaryIO, size: int) -> Weights:
    """Return what a file is, once all of its parts were found harmless.

    Args:
        stream: the file.
        size: its bytes.

    Raises:
        Unfit: it is no ONNX, is cut short, names what would run code, or keeps weights elsewhere.
    """
    walk = _Walk(stream)
    walk.know_functions(size)
    walk.look("model", 0, size)
    return Weights(ONNX, 0, {})


class _Walk:
    """Goes through messages in messages."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._domains = set(_DOMAINS)

    def know_functions(self, size: int) -> None:
        """Note the domains of the model's own functions, and refuse a file without a graph."""
        fields = [field for field in self.fields(0, size) if field.is_bytes]
        if not any(field.number == _GRAPH_OF_MODEL for field in fields):
            raise Unfit("is no ONNX: it has no graph.", GET_IT_AGAIN)
        functions = [field for field in fields if field.number == _FUNCTION_OF_MODEL]
        self._domains |= {self._text(field.begin, field.end, _FUNCTION_DOMAIN) for field in functions}

    def look(self, kind: str, begin: int, end: int, depth: int = 0) -> None:
        """Refuse a message that names what may not be in a model."""
        if depth > _MOST_NESTED:
            raise Unfit(f"has graphs within graphs, more than {_MOST_NESTED} deep.", GET_IT_AGAIN)
        if kind == "tensor":
            self._refuse_elsewhere(begin, end)
        elif kind == "domain":
            self._refuse_domain(self._text(begin, end, _SET_DOMAIN))
        elif kind == "node":
            self._refuse_operator(begin, end)
        for field in self.fields(begin, end) if kind in _BELOW else ():
            if field.is_bytes and field.number in _BELOW[kind]:
                self.look(_BELOW[kind][field.number], field.begin, field.end, depth + 1)

    def fields(self, begin: int, end: int) -> Iterator[_Field]:
        """Yield the fields of a message between two places of the file."""
        position = begin
        while position < end:
            tag, position = self._varint(position, end)
            number, wire = tag >> 3, tag & 7
            value, start = 0, position
            if wire == _VARINT:
                value, position = self._varint(position, end)
            elif wire == _BYTES:
                length, start = self._varint(position, end)
                position = start + length
            elif wire in (_FIXED64, _FIXED32):
                position += 8 if wire == _FIXED64 else 4
            else:
                raise Unfit(f"is no ONNX: it has a field of the kind {wire} at byte {begin}.", GET_IT_AGAIN)
            if position > end or not number:
                raise Unfit(f"is no ONNX, or is cut short, at byte {start}.", GET_IT_AGAIN)
            yield _Field(number, value, start, position, wire == _BYTES)

    def _refuse_operator(self, begin: int, end: int) -> None:
        operator, domain = self._text(begin, end, _OP_TYPE), self._text(begin, end, _OP_DOMAIN)
        if operator in _PYTHON:
            raise Unfit(f"has the operator {operator}, which runs Python.", "Export the model without it.")
        self._refuse_domain(domain)

    def _refuse_domain(self, domain: str) -> None:
        if domain not in self._domains:
            cure = "Export the model with ONNX's own operators."
            raise Unfit(f"has operators of {domain!r}, which a library beside the model would run.", cure)

    def _refuse_elsewhere(self, begin: int, end: int) -> None:
        if any(field.number == _LOCATION and field.value == _EXTERNAL for field in self.fields(begin, end)):
            raise Unfit("keeps weights in a file beside it, which is not carried.", f"Save it as one file. {CONVERT}")

    def _text(self, begin: int, end: int, number: int) -> str:
        """Return a field's text; the last one counts."""
        found = ""
        for field in self.fields(begin, end):
            if field.number == number and field.is_bytes:
                if field.end - field.begin > _MOST_NAME:
                    raise Unfit(f"has a name of {field.end - field.begin} bytes.", TAKE_OUT)
                self._stream.seek(field.begin)
                found = self._stream.read(field.end - field.begin).decode("utf-8", errors="replace")
        return found

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        self._stream.seek(position)
        value = 0
        for shift, byte in enumerate(self._stream.read(min(10, end - position))):
            value |= (byte & 0x7F) << (7 * shift)
            if byte < 0x80:
                return value, position + shift + 1
        raise Unfit(f"is no ONNX, or is cut short, at byte {position}.", GET_IT_AGAIN)
