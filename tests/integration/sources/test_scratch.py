"""Work under way that is killed at any moment leaves nothing behind for long."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from installer.adapters.sources.scratch import clean_up, empty_folder, scratch_folder, write_whole

_PROJECT = Path(__file__).parents[3]
_WORKER = """
import sys, time
from pathlib import Path
from installer.adapters.sources.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print("working", flush=True)
    time.sleep(60)
"""


def folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()]


def test_a_folder_is_gone_after_its_work(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "a").write_text("a")

    assert folders(tmp_path) == []


def test_a_folder_is_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), scratch_folder(tmp_path):
        raise ValueError("broken")

    assert folders(tmp_path) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    worker = _start(tmp_path)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    left = folders(tmp_path)

    clean_up(tmp_path)

    assert len(left) == 1
    assert folders(tmp_path) == []


def test_what_a_living_process_uses_is_kept(tmp_path: Path) -> None:
    worker = _start(tmp_path)

    clean_up(tmp_path)
    kept = folders(tmp_path)
    worker.kill()
    worker.wait()

    assert len(kept) == 1


def test_work_side_by_side_keeps_apart(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as two:
        assert one != two
        assert one.is_dir()


def test_a_folder_without_a_lock_belongs_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "work-abandoned").mkdir(parents=True)

    clean_up(tmp_path)

    assert folders(tmp_path) == []


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b", b"first")
    write_whole(tmp_path / "a" / "b", b"second")

    assert (tmp_path / "a" / "b").read_bytes() == b"second"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_folder_is_emptied_and_kept(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "c").symlink_to("/nowhere")

    empty_folder(tmp_path / "a")

    assert list((tmp_path / "a").iterdir()) == []


def test_a_deletion_that_was_killed_is_completed(tmp_path: Path) -> None:
    (tmp_path / ".dropped" / "1-0-build").mkdir(parents=True)

    empty_folder(tmp_path)

    assert list(tmp_path.iterdir()) == []


def _start(folder: Path) -> subprocess.Popen[bytes]:
    worker = subprocess.Popen([sys.executable, "-c", _WORKER, folder], cwd=_PROJECT, stdout=subprocess.PIPE)
    with worker.stdout:  # type: ignore[union-attr]
        worker.stdout.readline()  # type: ignore[union-attr]
    return worker
