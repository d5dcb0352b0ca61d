from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.page_files import PageFiles
from installer.errors import InvalidConfiguration
from installer.workflows.render import render, require_rendered

PAGES = {"docs/one.md": "one\n", "two.yml": "two\n"}


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    (tmp_path / "two.yml").write_text("two\n")

    assert render(PAGES, PageFiles(tmp_path)) == ("docs/one.md",)
    assert (tmp_path / "docs" / "one.md").read_text() == "one\n"


def test_what_was_rendered_is_as_rendered(tmp_path: Path) -> None:
    store = PageFiles(tmp_path)

    render(PAGES, store)

    require_rendered(PAGES, store)
    assert store.differing(PAGES) == ()


def test_every_file_that_differs_is_told_and_none_is_written(tmp_path: Path) -> None:
    (tmp_path / "two.yml").write_bytes(b"\xff")

    with pytest.raises(InvalidConfiguration) as caught:
        require_rendered(PAGES, PageFiles(tmp_path))

    assert [problem.where for problem in caught.value.problems] == ["docs/one.md", "two.yml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two.yml"]
