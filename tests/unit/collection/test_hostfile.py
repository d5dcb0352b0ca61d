"""A file is either the old one or the new one, and what differs is told in a word."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils import hostfile
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference, wanted_of

ME, MINE = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name


def wanted(path: Path, **given: Any) -> Wanted:
    return Wanted(str(path), owner=ME, group=MINE, **given)


def write(path: Path, text: str = "old", mode: int = 0o644) -> None:
    path.write_text(text)
    path.chmod(mode)


FILE = {"content": b"old", "mode": 0o644}


@pytest.mark.parametrize(
    ("prepare", "given", "said"),
    [
        (lambda path: None, FILE, "absent"),
        (write, FILE, ""),
        (write, {"content": b"new", "mode": 0o644}, "content"),
        (write, {"content": b"old", "mode": 0o600}, "mode"),
        (write, {"content": b"old"}, ""),
        (write, {"mode": 0o644}, ""),
        (write, {"directory": True}, "kind"),
        (lambda path: path.mkdir(), FILE, "kind"),
        (lambda path: path.mkdir(mode=0o755), {"directory": True, "mode": 0o755}, ""),
        (lambda path: path.symlink_to("there"), FILE, "kind"),
        (lambda path: path.symlink_to("there"), {"link": "there"}, ""),
        (lambda path: path.symlink_to("elsewhere"), {"link": "there"}, "link"),
        (write, {"link": "there"}, "link"),
        (write, {"absent": True}, "present"),
        (lambda path: path.symlink_to("nowhere"), {"absent": True}, "present"),
        (lambda path: None, {"absent": True}, ""),
    ],
    ids=[
        "nothing there", "as wanted", "other content", "other mode", "any mode", "any content", "file for folder",
        "folder for file", "folder", "link for file", "link", "other link", "file for link", "to be removed",
        "dangling link to be removed", "gone already",
    ],
)  # fmt: skip
def test_what_differs_is_told(
    tmp_path: Path, prepare: Callable[[Path], None], given: dict[str, Any], said: str
) -> None:
    path = tmp_path / "file"
    prepare(path)

    assert difference(wanted(path, **given)) == said


@pytest.mark.parametrize(
    "given",
    [FILE, {"content": b"", "mode": 0o600}, {"directory": True, "mode": 0o750}, {"link": "there"}, {"absent": True}],
    ids=["file", "empty file", "folder", "link", "nothing"],
)
@pytest.mark.parametrize("prepare", [lambda path: None, write], ids=["from nothing", "from a file"])
def test_what_was_applied_does_not_differ(
    tmp_path: Path, prepare: Callable[[Path], None], given: dict[str, Any]
) -> None:
    path = tmp_path / "below" / "file"
    path.parent.mkdir()
    prepare(path)
    if given.get("directory"):
        path.unlink(missing_ok=True)

    apply(wanted(path, **given))

    assert difference(wanted(path, **given)) == ""


def test_folders_above_a_file_are_made(tmp_path: Path) -> None:
    apply(wanted(tmp_path / "a" / "b" / "file", **FILE))

    assert (tmp_path / "a" / "b" / "file").read_text() == "old"


def test_nothing_is_left_beside_a_file(tmp_path: Path) -> None:
    apply(wanted(tmp_path / "file", **FILE))

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_is_never_readable_by_others_before_it_is_in_place(tmp_path: Path) -> None:
    staged = Path(hostfile.stage(wanted(tmp_path / "file", content=b"secret", mode=0o600)))

    assert stat.S_IMODE(staged.stat().st_mode) == 0o600
    assert staged.parent == tmp_path


def test_a_folder_is_removed_with_all_in_it_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "file").touch()
    (tmp_path / "folder" / "link").symlink_to(outside)

    apply(wanted(tmp_path / "folder", absent=True))

    assert not (tmp_path / "folder").exists()
    assert (outside / "kept").exists()


def entry(path: Path, **given: Any) -> dict[str, Any]:
    """Return an entry as Ansible completes it from the options."""
    options: Any = hostfile.OPTIONS
    defaults = {name: option.get("default") for name, option in options.items()}
    return {**defaults, "path": str(path), "owner": ME, "group": MINE, **given}


def test_an_entry_says_what_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "file"

    assert wanted_of(entry(path, content="text", mode="0640")) == wanted(path, content=b"text", mode=0o640)
    assert wanted_of(entry(path, state="directory")) == wanted(path, directory=True)
    assert wanted_of(entry(path, state="absent")) == wanted(path, absent=True)
    assert wanted_of(entry(path, link="there")) == wanted(path, link="there")


def test_an_entry_copies_another_file(tmp_path: Path) -> None:
    write(tmp_path / "source", "copied")

    assert wanted_of(entry(tmp_path / "file", from_file=str(tmp_path / "source"))).content == b"copied"


def test_a_rehearsal_tells_and_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "same", "text")
    entries = [entry(tmp_path / "same", content="text"), entry(tmp_path / "new", content="text")]

    assert hostfile.bring(entries, wet=False) == [str(tmp_path / "new")]
    assert not (tmp_path / "new").exists()


def test_a_rehearsal_counts_what_an_earlier_task_would_bring(tmp_path: Path) -> None:
    entries = [
        entry(tmp_path / "a", content="x", owner="no-such-user"),
        entry(tmp_path / "b", from_file=str(tmp_path / "no-such-file")),
    ]
    write(tmp_path / "a", "x")

    assert hostfile.bring(entries, wet=False) == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_a_file_that_is_there_is_left_alone_when_told_so(tmp_path: Path) -> None:
    write(tmp_path / "file", "the operator's")

    assert hostfile.bring([entry(tmp_path / "file", content="ours", replace=False)], wet=False) == []
