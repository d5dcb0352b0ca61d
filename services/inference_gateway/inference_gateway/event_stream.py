"""Server-sent events of an engine: whole ones, their usage, their end."""

from __future__ import annotations

from typing import Any

import orjson

from inference_gateway.answers import Usage
from inference_gateway.samples import HEAD_BYTES

DONE = b"[DONE]"
# An event that does not end would fill the memory.
MOST_BYTES = 4 << 20


class EventTooLarge(Exception):
    """An event has no end."""


class EventReader:
    """Takes bytes as they come and gives whole events; remembers what the stream said about its usage."""

    def __init__(self, *, show_usage: bool) -> None:
        """Take whether the caller wants the event that tells the usage."""
        self._show_usage = show_usage
        self._rest = b""
        self.usage: Usage | None = None
        # The engine's first bytes, as they came.
        self.head = b""
        self.events = 0
        self.done = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the bytes of the events that are whole now, as they came, without what the caller did not ask for.

        Raises:
            EventTooLarge: an event has no end.
        """
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[:HEAD_BYTES]
        data = self._rest + chunk if self._rest else chunk
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            self._rest = data
            if len(data) > MOST_BYTES:
                raise EventTooLarge
            return b""
        self._rest = data[end:]
        whole = data[:end]
        self.events += whole.count(b"\n\n")
        if DONE in whole[-16:]:
            self.done = True
        if b'"usage"' in whole:
            return b"".join(event + b"\n\n" for event in whole[:-2].split(b"\n\n") if self._is_shown(event))
        return whole

    def _is_shown(self, event: bytes) -> bool:
        if b'"usage"' not in event:
            return True
        content = event_content(event)
        if content is None or not isinstance(content.get("usage"), dict):
            return True
        self.usage = Usage.read(content["usage"])
        # An engine that tells the usage in the last piece of text does not get that piece lost.
        return self._show_usage or bool(content.get("choices"))


def event_content(event: bytes) -> dict[str, Any] | None:
    """Return the JSON object of an event; None where there is none."""
    data = b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) else None


def make_event(content: dict[str, Any]) -> bytes:
    """Return an event."""
    return b"data: " + orjson.dumps(content) + b"\n\n"


class InferenceEvents:
    """Turns an engine's events into those of POST /v1/inference: pieces of text, then what is known about all of it."""

    def __init__(self, reader: EventReader, about: dict[str, Any]) -> None:
        """Take the reader of the engine's events, and what is known from the start."""
        self._reader = reader
        self._about = about
        self._id = ""

    def feed(self, chunk: bytes) -> bytes:
        """Return the events that an engine's bytes make."""
        made = []
        for event in self._reader.feed(chunk).split(b"\n\n"):
            content = event_content(event)
            if content is None:
                if event.strip() == b"data: " + DONE:
                    usage = self._reader.usage or Usage()
                    made.append(
                        make_event(
                            {"id": self._id, **self._about, "usage": usage.shown(), "cached": False, "done": True}
                        )
                    )
                continue
            if "error" in content:
                made.append(make_event(content))
                continue
            self._id = str(content.get("id", self._id))
            text = "".join(_text(choice) for choice in content.get("choices") or [])
            if text:
                made.append(make_event({"id": self._id, **self._about, "output": text}))
        return b"".join(made)


def _text(choice: dict[str, Any]) -> str:
    return str((choice.get("delta") or {}).get("content") or choice.get("text") or "")
