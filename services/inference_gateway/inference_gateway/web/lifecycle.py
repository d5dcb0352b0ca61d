"""Whether the service has started, and whether it is about to leave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Lifecycle:
    """Told by the server, asked by probes."""

    started: bool = False
    draining: bool = False
