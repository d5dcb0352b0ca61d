"""A bundle and its volumes, made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundles import Maker, split


@pytest.fixture(autouse=True)
def hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk: no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a bundle, and its volumes below `disk`."""
    folder = tmp_path_factory.mktemp("made")
    bundle = Maker(folder).build()
    split(bundle, folder / "disk")
    return folder


@pytest.fixture
def volumes(made: Path) -> list[Path]:
    return sorted((made / "disk").iterdir())


@pytest.fixture
def nothing_there(tmp_path: Path) -> Callable[[], bool]:
    """Return what says whether nothing was taken in below the test's folder."""
    return lambda: not (tmp_path / "bundle").exists() and not (tmp_path / "bundle.loading").exists()
