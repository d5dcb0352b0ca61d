"""A check that cannot fail is worse than none: each verification and each test asserts something."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.repository import PROJECT, ROLES, read, role_folder, shown, tasks_in

# What an entry of `platform.base.host_checks` can fail by.
FAILS_BY = {"command", "unit", "sysctl", "file", "listens"}
# A module fails by itself, or by what probes of a cluster have in common.
FAILS = re.compile(r"\.fail_json\(|cluster\.fail\(|= answer_from_a_room\(")
HIDES = ("ignore_errors", "ignore_unreachable", "failed_when", "rescue")
# Helpers of tests that end in an assertion of their own.
ASSERTING = {"eventually"}
TESTS = tuple(sorted(PROJECT.glob("roles/*/tests/test_*.py")))


def own_modules(role: str) -> set[str]:
    """Return a role's own modules that can fail."""
    modules = (role_folder(role) / "library").glob("*.py")
    return {path.stem for path in modules if FAILS.search(path.read_text())}


def checks_of(task: dict[str, Any], role: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of a task that runs checks, wherever the role keeps them."""
    arguments = task.get("platform.base.host_checks") or {}
    entries = arguments.get("checks")
    if isinstance(entries, list):
        yield from entries
    elif isinstance(entries, str):
        kept = {**(read(role_folder(role) / "vars/main.yml") or {}), **task.get("vars", {})}
        for name, value in kept.items():
            if name in entries:
                inner = {"platform.base.host_checks": {"checks": value}, "vars": kept}
                yield from value if isinstance(value, list) else checks_of(inner, role)


def asserts(task: dict[str, Any], role: str) -> bool:
    """Return whether a task can find something broken."""
    if any(word in task for word in HIDES):
        return False
    if any(entry.keys() & FAILS_BY for entry in checks_of(task, role)):
        return True
    if (task.get("ansible.builtin.assert") or {}).get("that"):
        return True
    return any(name in task for name in own_modules(role))


@pytest.mark.parametrize("role", ROLES)
def test_a_verification_can_fail(role: str) -> None:
    tasks = list(tasks_in(read(role_folder(role) / "tasks/verify.yml")))

    assert any(asserts(task, role) for task in tasks), f"roles/{role}/tasks/verify.yml asserts nothing"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_is_verified_by_checks_alone_says_so(role: str) -> None:
    checks = {"checks": f"{{{{ __{role}_checks }}}}"}

    alone = [task.get("platform.base.host_checks") for task in tasks_in(read(role_folder(role) / "tasks/verify.yml"))]

    assert bool(read(role_folder(role) / "component.yml").get("checks_only")) == (alone == [checks])


@pytest.mark.parametrize("role", ROLES)
def test_a_verification_hides_no_failure(role: str) -> None:
    tasks = [
        task for verb in ("verify", "preflight") for task in tasks_in(read(role_folder(role) / f"tasks/{verb}.yml"))
    ]

    assert [task["name"] for task in tasks if any(word in task for word in HIDES)] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_check_can_fail_and_says_what_to_do(role: str) -> None:
    entries = [
        entry
        for verb in ("verify", "preflight")
        for task in tasks_in(read(role_folder(role) / f"tasks/{verb}.yml"))
        for entry in checks_of(task, role)
    ]

    # What is only reported needs no cure, for it is nothing bad.
    lame = [
        entry.get("name")
        for entry in entries
        if not entry.keys() & FAILS_BY or not (entry.get("cure") or "report" in entry)
    ]

    assert lame == []


def idle_tests(path: Path) -> Iterator[str]:
    """Yield the tests of a module that assert nothing."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            if not any(is_assertion(below) for below in ast.walk(node)):
                yield node.name


def is_assertion(node: ast.AST) -> bool:
    """Return whether a piece of code can make a test fail: `assert` of no constant, `pytest.raises`, a helper."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ASSERTING
    return isinstance(node, ast.withitem) and "raises" in ast.unparse(node.context_expr)


@pytest.mark.parametrize("path", TESTS, ids=shown)
def test_a_role_is_tested_from_outside(path: Path) -> None:
    assert "def test_" in path.read_text()
    assert list(idle_tests(path)) == []


def test_every_test_of_the_project_asserts() -> None:
    files = [path for folder in ("tests", "collections") for path in (PROJECT / folder).rglob("test_*.py")]

    idle = {shown(path): names for path in files if (names := list(idle_tests(path)))}

    assert idle == {}
