"""The files of a folder, by path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: folder
short_description: The content of every file below a folder, by its path there
options:
  _terms: {description: "The folder, in C(files) of the role or of one that includes it.", type: path, required: true}
"""

RETURN = r"""
_raw: {description: Paths and contents., type: list, elements: dict}
"""


class LookupModule(LookupBase):  # type: ignore[misc] # Ansible tells no types
    """Reads on the machine the command runs on."""

    def run(self, terms: list[str], variables: Any = None, **_: Any) -> list[dict[str, str]]:
        """Return what each folder holds."""
        return [self._content(term, variables or {}) for term in terms]

    def _content(self, term: str, variables: Any) -> dict[str, str]:
        found = self.find_file_in_search_path(variables, "files", term, ignore_missing=True)
        if not found or not Path(found).is_dir():
            raise AnsibleError(f"There is no folder {term}.")
        paths = sorted(path for path in Path(found).rglob("*") if path.is_file())
        return {path.relative_to(found).as_posix(): path.read_text() for path in paths}
