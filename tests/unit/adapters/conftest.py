"""What tests of adapters share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk: no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
