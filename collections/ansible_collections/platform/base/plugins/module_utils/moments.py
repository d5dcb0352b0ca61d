"""Moments as the Kubernetes API writes them: in UTC, to the second."""

from __future__ import annotations

import time
from datetime import datetime


def as_moment(seconds: float) -> str:
    """Return a time in seconds since 1970 as the API writes moments."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def from_moment(text: str) -> float:
    """Return a moment that the API wrote in seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
