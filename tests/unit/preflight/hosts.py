"""Hosts made of files in a folder, and of programs that say what they are told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Answer, Root

_SILENT = Answer(127, "", "not there")


def host(folder: Path, files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> Root:
    """Return a host that has these files and links, and nothing else."""
    for name, content in files.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    for name, target in (links or {}).items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    return Root(str(folder))


class Programs:
    """Stands for the programs of a host; those it knows no answer for are missing."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        """Take what programs say, by how their command lines begin."""
        self._answers = answers

    def __call__(self, arguments: Sequence[str]) -> Answer:
        line = " ".join(arguments)
        found = next((text for start, text in self._answers.items() if line.startswith(start)), None)
        return _SILENT if found is None else Answer(0, found, "")
