"""What is too long to be read at once is split, or says here why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE_LINES, FUNCTION_LINES, TASK_FILE_LINES = 300, 40, 100

# Path, or path and function, to the reason.
REASONS = {
    "installer/model/artifact.py": "the three ages of one artefact, which are read side by side",
}


def sources(project: Path) -> list[Path]:
    """Return the project's own Python files."""
    folders = ("installer", "collections/ansible_collections/platform", "roles", "benchmarks", "tests", "services")
    return sorted(path for folder in folders for path in (project / folder).rglob("*.py"))


def long_functions(path: Path) -> Iterator[str]:
    """Yield the functions of a module that are too long; a docstring does not count, or nobody would write one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            if (node.end_lineno or 0) - node.lineno + 1 - docstring > FUNCTION_LINES:
                yield node.name


def test_modules_are_short_or_say_why(project: Path) -> None:
    lengths = {path.relative_to(project).as_posix(): len(path.read_text().splitlines()) for path in sources(project)}

    too_long = {path: length for path, length in lengths.items() if length > MODULE_LINES and path not in REASONS}

    assert too_long == {}


def test_functions_are_short_or_say_why(project: Path) -> None:
    names = [
        f"{path.relative_to(project).as_posix()} {name}" for path in sources(project) for name in long_functions(path)
    ]

    too_long = [name for name in names if name not in REASONS]

    assert too_long == []


def test_task_files_are_short(project: Path) -> None:
    files = [
        *project.glob("roles/*/tasks/*.yml"),
        *project.glob("collections/ansible_collections/platform/*/roles/*/tasks/*.yml"),
    ]

    too_long = [
        path.relative_to(project).as_posix() for path in files if len(path.read_text().splitlines()) > TASK_FILE_LINES
    ]

    assert too_long == []


@pytest.mark.parametrize("name", sorted(REASONS))
def test_a_reason_is_still_needed(project: Path, name: str) -> None:
    path, _, function = name.partition(" ")

    needed = (
        function in long_functions(project / path)
        if function
        else len((project / path).read_text().splitlines()) > MODULE_LINES
    )

    assert needed, f"{name} is short again: take its reason out of {Path(__file__).name}."
