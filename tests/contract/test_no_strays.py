"""What belongs into `component.yml`, an inventory or a lock is nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from installer.adapters.catalog_files import load_catalog
from tests.repository import COLLECTION, PROJECT, ROLES, read, role_folder, shown, tasks_in, text_files

# Addresses that mean the same on every machine, and no host of anybody's.
UNIVERSAL = re.compile(r"127\.\d+\.\d+\.\d+|0\.0\.0\.0|255\.255\.255\.255|224\.0\.0\.\d+")
ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
VERSION = re.compile(r"(?<![\w.])v?\d+\.\d+\.\d+(?:[-+][\w.]+)?(?![\w.])")
URL = re.compile(r"\b[a-z]+://(?!\{\{|\$|127\.0\.0\.1\b|/)[^\s\"'<>]+")
REGISTRIES = {"docker.io", "gcr.io", "ghcr.io", "nvcr.io", "public.ecr.aws", "quay.io", "registry.k8s.io"}

# A file may name a few components that belong together; more is a list that somebody must keep.
MOST_NAMES = 3
# Words of every day, and of other programs, that are names of components too.
COMMON = {"kubernetes"}


def decided_elsewhere(role: str) -> Iterator[tuple[str, str]]:
    """Yield `file:line` and text of a role's tasks and templates, comments left out."""
    for path in text_files(role_folder(role) / "tasks", role_folder(role) / "templates"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.lstrip().startswith(("#", "{#")):
                yield f"{shown(path)}:{number}", line


def found(role: str, pattern: re.Pattern[str], meant: re.Pattern[str] | None = None) -> list[str]:
    """Return where a pattern is found, and what."""
    hits = ((where, match.group()) for where, line in decided_elsewhere(role) for match in pattern.finditer(line))
    return [f"{where}: {text}" for where, text in hits if meant is None or not meant.fullmatch(text)]


@pytest.mark.parametrize("role", ROLES)
def test_no_version_is_written_into_a_task(role: str) -> None:
    assert found(role, VERSION) == []


@pytest.mark.parametrize("role", ROLES)
def test_no_address_is_written_into_a_task(role: str) -> None:
    assert found(role, ADDRESS, UNIVERSAL) == []


@pytest.mark.parametrize("role", ROLES)
def test_no_url_is_written_into_a_task(role: str) -> None:
    assert found(role, URL) == []


@pytest.mark.parametrize("role", ROLES)
def test_no_image_is_written_into_a_task(role: str) -> None:
    named = {
        image.name for component in load_catalog(PROJECT / "roles") for image in component.description.artifacts.images
    }
    registries = {*REGISTRIES, *(name for name in named if "." in name.partition("/")[0])}

    assert found(role, re.compile("|".join(map(re.escape, sorted(registries))))) == []


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_taken_at_its_latest(role: str) -> None:
    files = (path for path in text_files(role_folder(role)) if path.suffix != ".md")

    assert [shown(path) for path in files if re.search(r"[:@=\s\"']latest\b", path.read_text())] == []


def playbooks() -> Iterable[Path]:
    """Return every file of tasks."""
    folders = (PROJECT / "roles", PROJECT / "playbooks", PROJECT / "molecule", COLLECTION / "roles")
    return [path for folder in folders if folder.exists() for path in folder.rglob("*.yml")]


def test_no_error_is_ignored() -> None:
    assert [shown(path) for path in playbooks() if "ignore_errors" in path.read_text()] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_value_is_handed_from_file_to_file(role: str) -> None:
    files = sorted((role_folder(role) / "tasks").glob("*.yml"))
    strays = []

    for path in files:
        for task in tasks_in(read(path)):
            for name in task.get("ansible.builtin.set_fact") or {}:
                strays += [
                    f"{name} of {shown(path)} in {shown(other)}"
                    for other in files
                    if other != path and name in other.read_text()
                ]

    assert strays == []


def test_components_are_listed_nowhere() -> None:
    words = re.compile(r"\b(?:" + "|".join(sorted(set(ROLES) - COMMON)) + r")\b")
    folders = (
        PROJECT / name
        for name in ("installer", "collections/ansible_collections/platform", "inventories", "benchmarks")
    )
    strays = {}

    for path in text_files(*folders):
        # A lock says who needs what, and is written by `bundle lock`; an inventory may leave out what it likes.
        if path.name not in ("bundle.lock.json", "without.yml"):
            names = set(words.findall(path.read_text(errors="replace")))
            strays.update({shown(path): sorted(names)} if len(names) > MOST_NAMES else {})

    assert strays == {}
