"""Every image that a role's own manifests would pull is one of its component's artefacts.

Charts are rendered in `tests/integration/test_chart_images_are_bundled.py`: Helm and the charts are
no part of the repository.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from installer.adapters.catalog_files import load_catalog
from installer.adapters.lock_files import read_lock
from tests.rendering import images_in, render, runs_in, workloads
from tests.repository import PROJECT, ROLES, role_folder, text_files

WITH_IMAGES = [role for role in ROLES if workloads(role)]
LOOKED_UP = re.compile(r"(?:images\[|image_reference\()['\"]([^'\"]+)['\"]")


def bundled(role: str) -> dict[str, str]:
    """Return the versions of the images that a component brings."""
    return {image.name: image.version for image in load_catalog(PROJECT / "roles")[role].description.artifacts.images}


def asked_for(role: str) -> set[str]:
    """Return the names of the images that a role looks up in the bundle."""
    files = [
        path for path in text_files(role_folder(role)) if path.parent.name in ("tasks", "templates", "vars", "defaults")
    ]
    return {name for path in files for name in LOOKED_UP.findall(path.read_text())}


def locked() -> set[str]:
    """Return the names of what the lab's bundle has."""
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    return {item.name for item in lock.items}


@pytest.mark.parametrize("role", WITH_IMAGES)
def test_images_of_manifests_are_bundled(role: str, tmp_path: Path) -> None:
    if not runs_in(role, "lab") and not asked_for(role) <= locked():
        pytest.skip("the lab leaves it out, and its bundle has none of its images")
    known = {f"{name}:{version}" for name, version in bundled(role).items()}

    rendered = render(role, "lab", tmp_path)["workloads"]

    images = {image for text in rendered.values() for image in images_in(text)}
    assert images != set()
    assert images <= known


@pytest.mark.parametrize("role", ROLES)
def test_a_role_asks_for_images_of_its_own(role: str) -> None:
    assert asked_for(role) <= set(bundled(role))
