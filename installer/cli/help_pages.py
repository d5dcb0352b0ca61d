"""The reference page of the command line: what `--help` says of every command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from installer.cli.console import PROGRAM

COMMAND_LINE = "docs/command-line.md"
_WIDTH = 100
_HEAD = """\
# The command line

Rendered by `platform-install render`: what `--help` says of every command.
"""


def command_line_page(command: Any) -> str:
    """Return the page of a command and all below it."""
    sections = [f"\n## {path}\n\n```text\n{text}\n```\n" for path, text in _helps(command, PROGRAM, None)]
    return _HEAD + "".join(sections)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    settings = {**command.context_settings, "terminal_width": _WIDTH}
    context = command.context_class(command, info_name=name, parent=parent, **settings)
    yield context.command_path, command.get_help(context).strip()
    for below in getattr(command, "commands", {}).values():
        if not below.hidden:
            yield from _helps(below, below.name, context)
