"""Wheels are unpacked whole or not at all."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.modules.bundle_wheels import WheelRefused, unpack, unpacked


def wheel(bundle: Path, name: str) -> dict[str, Any]:
    """Put a wheel into a bundle, and return its entry."""
    bundle.mkdir(exist_ok=True)
    with zipfile.ZipFile(bundle / name, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
    digest = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    return {"path": name, "digest": f"sha256:{digest}"}


def test_all_wheels_are_unpacked_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    wheels = [wheel(tmp_path / "bundle", name) for name in ("one", "two")]

    unpack(wheels, str(tmp_path / "bundle"), str(tmp_path / "opt/python"), "both")

    assert (tmp_path / "opt/python/one/__init__.py").exists()
    assert (tmp_path / "opt/python/two/__init__.py").exists()
    assert unpacked(str(tmp_path / "opt/python")) == "both"


def test_what_was_there_before_is_gone(tmp_path: Path) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "old").touch()

    unpack([wheel(tmp_path / "bundle", "one")], str(tmp_path / "bundle"), str(tmp_path / "python"), "new")

    assert not (tmp_path / "python" / "old").exists()


def test_a_wheel_with_other_bytes_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "old").touch()
    damaged = {**wheel(tmp_path / "bundle", "one"), "digest": "sha256:" + "0" * 64}

    with pytest.raises(WheelRefused):
        unpack([damaged], str(tmp_path / "bundle"), str(tmp_path / "python"), "new")

    assert (tmp_path / "python" / "old").exists()


def test_a_folder_that_was_killed_half_way_is_not_taken_for_whole(tmp_path: Path) -> None:
    (tmp_path / "python.half").mkdir()
    (tmp_path / "python.half" / "left").touch()

    unpack([wheel(tmp_path / "bundle", "one")], str(tmp_path / "bundle"), str(tmp_path / "python"), "new")

    assert not (tmp_path / "python" / "left").exists()


def test_a_folder_that_is_not_there_was_unpacked_from_nothing(tmp_path: Path) -> None:
    assert unpacked(str(tmp_path / "python")) == ""
