"""Every role has the same files, so that whoever knows one knows all."""

from __future__ import annotations

import pytest

from tests.repository import PROJECT, ROLES, VERBS, read, role_folder, tasks_in

FILES = (
    "component.yml",
    "README.md",
    "defaults/main.yml",
    "meta/argument_specs.yml",
    "meta/main.yml",
    "tasks/main.yml",
    *(f"tasks/{verb}.yml" for verb in VERBS),
)
FOLDERS = {"defaults", "files", "handlers", "library", "meta", "tasks", "templates", "tests", "vars"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_every_file(role: str) -> None:
    wanted = (*FILES, f"tests/test_{role}.py")

    missing = [name for name in wanted if not (role_folder(role) / name).is_file()]

    assert missing == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_no_other_folders(role: str) -> None:
    folders = {path.name for path in role_folder(role).iterdir() if path.is_dir()}

    assert folders - {"__pycache__"} <= FOLDERS


def test_every_role_runs_its_verbs_alike() -> None:
    doors = {role: (role_folder(role) / "tasks/main.yml").read_text() for role in ROLES}

    assert len(set(doors.values())) == 1, "roles/*/tasks/main.yml differ"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_depends_on_no_other(role: str) -> None:
    assert (read(role_folder(role) / "meta/main.yml") or {}).get("dependencies") == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_its_tasks_after_their_verb(role: str) -> None:
    wrong = []

    for path in sorted((role_folder(role) / "tasks").glob("*.yml")):
        begin = "" if path.stem == "main" else f"{path.stem.lstrip('_')} | "
        wrong += [task.get("name") for task in tasks_in(read(path)) if not str(task.get("name", "")).startswith(begin)]

    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_how_to_use_it(role: str) -> None:
    path = PROJECT / "roles" / role / "README.md"
    text = path.read_text() if path.exists() else ""

    headings = [line for line in text.splitlines() if line.startswith("#")]

    assert text.startswith("# "), "A README begins with a title."
    assert len(headings) >= 4, (
        "A README says what the role gives, what it needs, an example, how to see and to undo it."
    )
    assert "```" in text, "A README shows one example."
