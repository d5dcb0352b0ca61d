"""A folder's files, read on the machine the command runs on."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.platform.base.plugins.lookup.folder import LookupModule


def test_files_are_read_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "one.yml").write_text("1")
    (tmp_path / "two.yml").write_text("2")

    found = LookupModule(DataLoader()).run([str(tmp_path)])

    assert found == [{"inner/one.yml": "1", "two.yml": "2"}]


def test_a_folder_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(AnsibleError, match="no folder"):
        LookupModule(DataLoader()).run([str(tmp_path / "nothing")])
