"""The package repository lies over the bundle's blobs, and its signature can be checked with its own key."""

from __future__ import annotations

import hashlib
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from installer.adapters.package_repository import index_path, package_index, sign_repositories
from installer.model.artifact import Kind, LockedItem
from tests.fakes import MemoryStore, item

WHEN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def package(folder: Path, name: str) -> bytes:
    """Return a Debian package with nothing in it."""
    control = folder / name / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody\nDepends: libc6\n"
        "Filename: from/elsewhere\nDescription: a package\n and more of it\n"
    )
    made = folder / f"{name}.deb"
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(folder / name), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made.read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path)


@pytest.fixture
def packages(store: MemoryStore, tmp_path: Path) -> list[LockedItem]:
    """Return two packages that the store holds."""
    found = []
    for name in ("zsh", "apt"):
        content = package(tmp_path, name)
        store.put_bytes(content)
        found.append(item(name, content, Kind.PACKAGE))
    return found


def test_packages_are_listed_by_name(store: MemoryStore, packages: list[LockedItem]) -> None:
    index = package_index(packages, store).decode()

    assert re.findall(r"^Package: (\w+)$", index, re.MULTILINE) == ["apt", "zsh"]


def test_a_package_is_found_among_the_blobs(store: MemoryStore, packages: list[LockedItem]) -> None:
    index = package_index(packages[:1], store).decode()

    hexadecimal = packages[0].digest.removeprefix("sha256:")
    assert f"Filename: oci/blobs/sha256/{hexadecimal}\nSize: {packages[0].size}\nSHA256: {hexadecimal}\n" in index
    assert index.count("Filename:") == 1


def test_what_a_package_needs_and_is_stays_as_it_was(store: MemoryStore, packages: list[LockedItem]) -> None:
    index = package_index(packages, store).decode()

    assert "Depends: libc6\n" in index
    assert "Description: a package\n and more of it\n" in index


def test_the_same_packages_have_the_same_index(store: MemoryStore, packages: list[LockedItem]) -> None:
    assert package_index(packages, store) == package_index(packages[::-1], store)


def test_every_release_is_signed_over_its_index() -> None:
    indexes = {"trixie": b"Package: a\n", "noble": b"Package: b\n"}

    files = sign_repositories(indexes, WHEN)

    assert set(files) == {"apt/platform.asc", "apt/trixie/InRelease", "apt/noble/InRelease"}
    for release, content in indexes.items():
        text = files[f"apt/{release}/InRelease"].decode()
        assert f" {hashlib.sha256(content).hexdigest()} {len(content)} Packages" in text
        assert f"Codename: {release}" in text
        assert "BEGIN PGP SIGNATURE" in text


def test_every_bundle_has_a_key_of_its_own_and_gives_only_its_public_half_away() -> None:
    first, second = (sign_repositories({}, WHEN)["apt/platform.asc"] for _ in range(2))

    assert first != second
    assert b"BEGIN PGP PUBLIC KEY BLOCK" in first
    assert b"PRIVATE" not in first


def test_the_index_lies_where_apt_looks_for_it() -> None:
    assert index_path("trixie") == "apt/trixie/Packages"
