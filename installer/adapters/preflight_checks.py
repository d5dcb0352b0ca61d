"""The checks there are, out of the rules' own files and of what roles want."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from installer.adapters.yaml_files import read_yaml
from installer.model.preflight import CheckDescription

_RULES = "collections/ansible_collections/platform/base/plugins/module_utils/preflight_rules"
_LIST = "CHECKS"


def load_checks(project: Path) -> tuple[CheckDescription, ...]:
    """Return every check, by subject and in the order of the rules' files.

    Args:
        project: the project's root.
    """
    wanted = _wanted(project / "roles")
    return tuple(
        CheckDescription(
            name=name,
            subject=subject,
            protects=protects,
            warns=warns,
            wanted_by=tuple(wanted.get(name, {})),
            settings=tuple(sorted(set(wanted.get(name, {}).values()) - {""})),
        )
        for path in sorted((project / _RULES).glob("*.py"))
        for name, subject, protects, warns in _rules(ast.parse(path.read_text()))
    )


def _rules(module: ast.Module) -> Iterator[tuple[str, str, str, bool]]:
    """Yield name, subject, first sentence and kind of each rule that a file lists."""
    title = (ast.get_docstring(module) or "").splitlines()[0]
    subject = title.removeprefix("Rules on ").removesuffix(".").replace(" and on ", " and ")
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == _LIST for t in node.targets):
            for call in (entry for entry in ast.walk(node.value) if _is_check(entry)):
                assert isinstance(call, ast.Call) and isinstance(call.args[0], ast.Name)
                name = call.args[0].id
                warns = any(keyword.arg == "warns" for keyword in call.keywords)
                yield name, subject, (ast.get_docstring(functions[name]) or "").splitlines()[0], warns


def _is_check(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Check"


def _wanted(roles: Path) -> dict[str, dict[str, str]]:
    """Return for each check the roles that want it, each with the variable that sets its limit."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(roles.glob("*/vars/preflight.yml")):
        role = path.parents[1].name
        for name, given in read_yaml(path).data[f"__{role}_checks"].items():
            found.setdefault(name, {})[role] = str((given or {}).get("setting", ""))
    return found
