"""Write the files that follow from others, or say which of them no longer do."""

from __future__ import annotations

from collections.abc import Mapping

from installer.errors import InvalidConfiguration, Problem
from installer.ports import PageStore


def render(pages: Mapping[str, str], store: PageStore) -> tuple[str, ...]:
    """Write every file that differs, and return their paths.

    Args:
        pages: text by path below the project.
        store: where they lie.
    """
    differing = store.differing(pages)
    for path in differing:
        store.write(path, pages[path])
    return differing


def require_rendered(pages: Mapping[str, str], store: PageStore) -> None:
    """Return when every file is as it would be written now.

    Raises:
        InvalidConfiguration: with every file that differs.
    """
    problems = [
        Problem(path, "is not what it would be rendered as now.", "Run `platform-install render`.")
        for path in store.differing(pages)
    ]
    if problems:
        raise InvalidConfiguration(problems, "the rendered files")
