"""What a host was like is remembered, and comes back; what was never touched stays."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils import bundlefile
from ansible_collections.platform.base.plugins.module_utils.originals import Memory, Record


@pytest.fixture
def record(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "originals.json")


def test_a_file_is_remembered_as_it_was_first(tmp_path: Path, record: str) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("the site's own")
    hosts.chmod(0o640)
    Memory(record).note(str(hosts), keep=True)
    hosts.write_text("ours")

    Memory(record).note(str(hosts), keep=True)

    before = Memory(record).before(str(hosts))
    assert before is not None
    assert before[:2] == (b"the site's own", 0o640)


def test_that_nothing_was_there_is_remembered_too(tmp_path: Path, record: str) -> None:
    memory = Memory(record)

    memory.note(str(tmp_path / "new"), keep=True)

    assert memory.knows(str(tmp_path / "new"))
    assert memory.before(str(tmp_path / "new")) is None


def test_what_was_never_touched_is_not_known(tmp_path: Path, record: str) -> None:
    assert not Memory(record).knows(str(tmp_path / "hosts"))


def test_folders_that_were_made_go_when_they_are_empty(tmp_path: Path, record: str) -> None:
    path = tmp_path / "etc" / "app.d" / "settings"
    memory = Memory(record)
    memory.note(str(path))
    path.parent.mkdir(parents=True)

    memory.clear_folders(str(path))

    assert not (tmp_path / "etc").exists()


def test_a_folder_that_others_use_stays(tmp_path: Path, record: str) -> None:
    path = tmp_path / "app.d" / "settings"
    memory = Memory(record)
    memory.note(str(path))
    path.parent.mkdir()
    (path.parent / "the-sites-own").touch()

    memory.clear_folders(str(path))

    assert path.parent.is_dir()


def test_a_folder_that_was_there_before_stays_even_when_it_is_empty(tmp_path: Path, record: str) -> None:
    path = tmp_path / "app.d" / "settings"
    path.parent.mkdir()
    memory = Memory(record)
    memory.note(str(path))

    memory.clear_folders(str(path))

    assert path.parent.is_dir()


def test_an_empty_record_leaves_nothing_on_the_disk(tmp_path: Path, record: str) -> None:
    memory = Memory(record)
    memory.note(str(tmp_path / "new"), keep=True)

    memory.forget(str(tmp_path / "new"))

    assert not Path(record).parent.exists()


def test_a_damaged_record_is_an_empty_one(record: str) -> None:
    Path(record).parent.mkdir()
    Path(record).write_text("{ half")

    assert Record(record).content == {}


def test_only_root_reads_what_was_remembered(record: str) -> None:
    kept = Record(record)
    kept.content["files"] = {"/etc/shadow": None}

    kept.save()

    assert Path(record).stat().st_mode & 0o077 == 0
    assert json.loads(Path(record).read_text()) == {"files": {"/etc/shadow": None}}


def test_two_who_change_a_record_at_a_time_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "platform" / "files.json"
    first, second = Record(str(path)), Record(str(path))

    with second.changing():
        second.content["/usr/local/bin/kubelet"] = {"digest": "sha256:1"}
    with first.changing():
        first.content["/usr/local/bin/weed"] = {"digest": "sha256:2"}

    assert set(Record(str(path)).content) == {"/usr/local/bin/kubelet", "/usr/local/bin/weed"}


def test_who_changes_a_record_has_it_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "platform" / "files.json")
    begun, order = threading.Event(), list[str]()

    def other() -> None:
        begun.set()
        with Record(path).changing():
            order.append("other")

    with Record(path).changing():
        waiting = threading.Thread(target=other)
        waiting.start()
        begun.wait()
        order.append("first")
    waiting.join()

    assert order == ["first", "other"]


def test_what_others_remember_meanwhile_stays_remembered(tmp_path: Path) -> None:
    path = str(tmp_path / "platform" / "originals.json")
    first, second = Memory(path), Memory(path)
    for name in ("hosts", "fstab"):
        (tmp_path / name).write_text(name)

    first.note(str(tmp_path / "hosts"), keep=True)
    second.note(str(tmp_path / "fstab"), keep=True)

    assert all(Memory(path).knows(str(tmp_path / name)) for name in ("hosts", "fstab"))


def test_files_that_others_put_in_place_meanwhile_stay_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = str(tmp_path / "platform" / "files.json")
    monkeypatch.setattr(bundlefile, "_RECORD", record)

    def fetch(entry: dict[str, str], *_: object) -> None:
        Path(entry["path"]).write_text("program")
        other = Record(record)
        with other.changing():
            other.content["/usr/local/bin/kubelet"] = {"digest": "sha256:1"}

    monkeypatch.setattr(bundlefile, "_fetch", fetch)
    path = str(tmp_path / "weed")

    assert bundlefile.put([{"path": path, "digest": "sha256:2", "mode": "0755"}], "", None, wet=True) == [path]
    assert set(Record(record).content) == {path, "/usr/local/bin/kubelet"}
