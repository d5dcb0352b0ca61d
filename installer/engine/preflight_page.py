"""The page that says what is looked at before an installation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from installer.model.preflight import CheckDescription

PREFLIGHT = "docs/operations/preflight-checks.md"

_HEAD = """\
# What is looked at before an installation

Rendered by `platform-install render` out of the rules and of what roles want (`roles/*/vars/preflight.yml`).

`platform-install preflight --inventory NAME` looks at all hosts at once and changes nothing. It lists everything
that is in the way, each with the host, what was found and a cure, and ends with 4. A run that installs or upgrades
something does the same by itself before it changes a host, for the components and hosts it is about to change.

- What a check **warns** of is told and stops nothing.
- Where a limit is a **setting**, it is a variable of the inventory.
- What a site does without is said in `platform_preflight_accepted`, by the check's name, with the reason; it is then
  listed by `preflight --accepted` alone.
- Files that the inventory names on the machine the command runs on, and that are not there, are listed as
  `given_files`, for the components that would read them.
- A host that cannot be reached, or whose Python does not start, is listed as `looked_at` beside all others.

"""


def preflight_table(checks: Sequence[CheckDescription]) -> str:
    """Return a table for each subject, with every check there is."""
    parts = []
    for subject, group in groupby(checks, key=lambda check: check.subject):
        rows = "".join(_row(check) for check in group)
        title = subject[:1].upper() + subject[1:]
        parts.append(f"## {title}\n\n| check | why | wanted by | setting |\n| --- | --- | --- | --- |\n{rows}")
    return "\n".join(parts)


def preflight_page(checks: Sequence[CheckDescription]) -> str:
    """Return the whole page."""
    return _HEAD + preflight_table(checks)


def _row(check: CheckDescription) -> str:
    why = check.protects + (" Warns." if check.warns else "")
    settings = ", ".join(f"`{name}`" for name in check.settings)
    return f"| `{check.name}` | {why} | {', '.join(check.wanted_by)} | {settings or '-'} |\n"
