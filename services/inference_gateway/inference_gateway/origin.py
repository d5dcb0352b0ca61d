"""Where an answer comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Which model answered: its name, and what its track serves."""

    model: str
    version: str
    track: str
    digest: str = ""
