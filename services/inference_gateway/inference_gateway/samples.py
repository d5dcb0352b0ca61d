"""What is looked at of a question and its answer to count how they are; it is never kept longer than the request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from inference_gateway.directions import Vector, read_vector
from inference_gateway.refusals import LONGEST_START

# The bytes of a stream that hold the beginning of its answer, and how many of its pieces are read.
HEAD_BYTES = 8 << 10
MOST_PIECES = 24
# Pieces are found without reading the events around them, which would cost more than all else. In a text these signs
# have a backslash before each quotation mark.
_CHAT_PIECE = re.compile(rb'"content": ?"([^"\\]*(?:\\.[^"\\]*)*)"')
_COMPLETION_PIECE = re.compile(rb'"text": ?"([^"\\]*(?:\\.[^"\\]*)*)"')
_REFUSED = (b'"content_filter"', b'"refusal":"', b'"refusal": "')


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of an answer.

    Attributes:
        start: how its text begins; None where it has none, as a call of a tool has.
        refused: the engine says itself that it is a refusal.
        vector: one of its vectors; None where it has none.
    """

    start: str | None = None
    refused: bool = False
    vector: Vector | None = None


def sample_of(content: Mapping[str, Any], number: int) -> Sample | None:
    """Return what is looked at of an engine's whole answer; None where it is of no shape that is known.

    Args:
        number: any; of several vectors it chooses one, so that the first is not always the one.
    """
    try:
        return _sample_of(content, number)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def sample_of_stream(head: bytes) -> Sample:
    """Return what is looked at of an engine's stream, whose first bytes these are."""
    piece = _CHAT_PIECE if b'"delta"' in head else _COMPLETION_PIECE
    pieces = [found[1] for found in islice(piece.finditer(head), MOST_PIECES)]
    return Sample(_cut(orjson.loads(b'"' + b"".join(pieces) + b'"')), any(sign in head for sign in _REFUSED))


def asked_text(body: Mapping[str, Any], number: int) -> str | None:
    """Return what a person wrote of a question to an engine; None where that is no text.

    Args:
        number: any; of several inputs it chooses one.
    """
    for message in reversed(body.get("messages") or ()):
        if message["role"] == "user":
            return _text_of(message.get("content"))
    given = body.get("prompt") or body.get("input")
    if isinstance(given, list) and given:
        given = given[number % len(given)]
    return given if isinstance(given, str) else None


def _sample_of(content: Mapping[str, Any], number: int) -> Sample:
    data = content.get("data")
    if isinstance(data, list) and data:
        return Sample(vector=read_vector(data[number % len(data)].get("embedding")))
    choices = content.get("choices") or [{}]
    choice = choices[0]
    message = choice.get("message") or {}
    start = message.get("content") or choice.get("text")
    return Sample(_cut(start), bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter")


def _text_of(content: object) -> str | None:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if part.get("type") == "text"]
        return next((part for part in parts if part), None)
    return content if isinstance(content, str) else None


def _cut(text: object) -> str | None:
    return text[:LONGEST_START] if isinstance(text, str) and text else None
