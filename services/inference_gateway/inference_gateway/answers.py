"""What a model said, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from inference_gateway.errors import EngineFailed
from inference_gateway.origin import Origin
from inference_gateway.samples import Sample


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost, in tokens."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        """Return all tokens."""
        return self.prompt + self.completion

    @classmethod
    def read(cls, found: object) -> Usage:
        """Return the usage that an engine reports; what is missing counts nothing."""
        if not isinstance(found, Mapping):
            return cls()
        return cls(*(_count(found.get(name)) for name in ("prompt_tokens", "completion_tokens")))

    def shown(self) -> dict[str, int]:
        """Return OpenAI's shape."""
        return {"prompt_tokens": self.prompt, "completion_tokens": self.completion, "total_tokens": self.total}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, in the engine's own bytes."""

    origin: Origin
    body: bytes
    usage: Usage
    # Not kept with it: one that is given again is not looked at again.
    sample: Sample | None = field(default=None, repr=False, compare=False)

    def packed(self) -> bytes:
        """Return the answer as it is kept: a line about it, then its bytes."""
        about = [self.origin.model, self.origin.version, self.origin.track, self.origin.digest]
        return orjson.dumps([*about, self.usage.prompt, self.usage.completion]) + b"\n" + self.body

    @classmethod
    def unpacked(cls, kept: bytes) -> Answer:
        """Return a kept answer."""
        line, _, body = kept.partition(b"\n")
        *about, prompt, completion = orjson.loads(line)
        return cls(Origin(*about), body, Usage(prompt, completion))

    def content(self) -> dict[str, Any]:
        """Return the answer's JSON.

        Raises:
            EngineFailed: it is none.
        """
        return read_object(self.body)


def read_object(body: bytes) -> dict[str, Any]:
    """Return an engine's JSON object.

    Raises:
        EngineFailed: it is none.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise EngineFailed("The engine's answer is no JSON.") from error
    if not isinstance(content, dict):
        raise EngineFailed("The engine's answer is no JSON object.")
    return content


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
