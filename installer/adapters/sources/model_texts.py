"""Files of a model that are read by people or by tokenisers: texts, JSON and vocabularies."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from installer.adapters.blob_store import CHUNK
from installer.adapters.sources.model_formats import GET_IT_AGAIN, TAKE_OUT, Unfit

# Tokenisers with the largest vocabularies have some thirty million bytes.
_MOST_JSON = 100_000_000
# Where a model card's head ends at the latest.
_HEAD = 16_384
_CARD = re.compile(r"\A---\n(.*?)^---", re.DOTALL | re.MULTILINE)
_LICENCE = re.compile(r"^licen[cs]e:[ \t]*['\"]?([\w.+ -]+?)['\"]?[ \t]*$", re.MULTILINE)
# A vocabulary as text: a token in base64, and its rank.
_RANK = re.compile(rb"[A-Za-z0-9+/]+=*[ ]\d+\s*\Z")
# The fields of a sentencepiece model; each holds a message.
_PIECES, _FIELDS = 1, range(1, 6)
_MOST_FIELDS = 4_000_000


def read_json(stream: BinaryIO, size: int) -> Mapping[str, Any]:
    """Return what a JSON file holds; nothing where that is no object.

    Raises:
        Unfit: it is no JSON, or too large.
    """
    if size > _MOST_JSON:
        raise Unfit(f"has {size} bytes, where {_MOST_JSON} is the most that JSON may have.", TAKE_OUT)
    try:
        document = json.loads(stream.read(size))
    except ValueError as error:
        raise Unfit(f"is no JSON: {error}.", GET_IT_AGAIN) from error
    except RecursionError as error:
        raise Unfit("is JSON of values within values.", TAKE_OUT) from error
    return document if isinstance(document, dict) else {}


def read_text(stream: BinaryIO) -> str:
    """Return the beginning of a text, once all of it was found to be one.

    Raises:
        Unfit: it is empty, or no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    beginning, any_text = "", False
    try:
        while chunk := stream.read(CHUNK):
            text = decoder.decode(chunk)
            any_text = any_text or not text.isspace()
            if "\0" in text:
                raise Unfit("is no text: it has a zero byte.", TAKE_OUT)
            beginning += text[: max(0, _HEAD - len(beginning))]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Unfit("is no text in UTF-8.", TAKE_OUT) from error
    if not any_text:
        raise Unfit("is empty.", GET_IT_AGAIN)
    return beginning


def licence_of_card(beginning: str) -> str:
    """Return the licence that a model card names in its head; empty when it names none."""
    head = _CARD.match(beginning.replace("\r\n", "\n"))
    found = _LICENCE.search(head[1]) if head else None
    return found[1] if found else ""


def check_vocabulary(stream: BinaryIO, size: int) -> None:
    """Return when a file is the vocabulary of a tokeniser: sentencepiece's message, or lines of tokens and ranks.

    Raises:
        Unfit: it is neither.
    """
    first = stream.readline(4096)
    if _RANK.match(first):
        stream.seek(0)
        read_text(stream)
        return
    position, pieces = 0, 0
    while position < size:
        stream.seek(position)
        field, position = _field(stream.read(12), position)
        pieces += field == _PIECES
        if field not in _FIELDS or position > size or pieces > _MOST_FIELDS:
            raise Unfit("is no vocabulary of sentencepiece, nor one of lines with ranks.", GET_IT_AGAIN)
    if not pieces:
        raise Unfit("is a vocabulary without a token.", GET_IT_AGAIN)


def _field(head: bytes, position: int) -> tuple[int, int]:
    """Return the number of a message's field that holds a message, and where it ends; 0 for any other."""
    length = 0
    for place, byte in enumerate(head[1:11]):
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return (head[0] >> 3 if head[0] & 7 == 2 else 0), position + 2 + place + length
    return 0, position + 1
