"""The modules that a program on a host needs of this collection, as files."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: own_modules
short_description: A module of C(module_utils) and all that it imports of there, by path, for a program on a host
description:
  - What Ansible runs brings its modules along each time. A program that a timer runs has nobody who does.
options:
  _terms: {description: The module's name., type: str, required: true}
  folder: {description: "Where on the host they are to be, for Python to look in.", type: path, required: true}
"""

RETURN = r"""
_raw: {description: "Files as C(platform.base.host) takes them.", type: list, elements: dict}
"""

_PACKAGE = "ansible_collections.platform.base.plugins.module_utils"
_FOLDER = Path(__file__).parents[1] / "module_utils"


class LookupModule(LookupBase):  # type: ignore[misc] # Ansible tells no types
    """Reads on the machine the command runs on."""

    def run(self, terms: list[str], variables: Any = None, **told: Any) -> list[dict[str, str]]:  # noqa: ARG002
        """Return the files that modules need."""
        found = {path: content for term in terms for path, content in _files(term).items()}
        return [
            {"path": f"{told['folder']}/{path}", "content": content, "mode": "0644"} for path, content in found.items()
        ]


def _files(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = [name]
    while wanted:
        module = wanted.pop()
        path = f"{_PACKAGE.replace('.', '/')}/{module}.py"
        if path not in found:
            found[path] = _read(module)
            wanted += _imported(found[path])
    # Without these a package of that name elsewhere on the host would be taken.
    parts = _PACKAGE.split(".")
    packages = ["/".join(parts[: number + 1]) for number in range(len(parts))]
    return {**{f"{package}/__init__.py": "" for package in packages}, **dict(sorted(found.items()))}


def _read(module: str) -> str:
    path = _FOLDER / f"{module}.py"
    if not path.is_file():
        raise AnsibleError(f"There is no module {module} in {_FOLDER}.")
    return path.read_text()


def _imported(text: str) -> list[str]:
    imports = [node.module or "" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return [name.removeprefix(f"{_PACKAGE}.") for name in imports if name.startswith(f"{_PACKAGE}.")]
