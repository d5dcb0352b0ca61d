"""A set is whole or none: what is missing, changed or broken off is told before anything is touched."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from installer.adapters.backup_sets import BackupFolder, open_set
from installer.errors import BackupRefused, ExitCode
from installer.model.backup import BackupFile, BackupSet, ComponentBackup

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ID = "20260131T120000Z"
CONTENT = {"vault": {"snapshot.sealed": b"snapshot" * 99, "keys.sealed": b"keys"}, "store": {"objects.sealed": b""}}


def described(set_id: str = ID) -> BackupSet:
    parts = {
        name: ComponentBackup(
            NOON, tuple(BackupFile(path, len(text), hashlib.sha256(text).hexdigest()) for path, text in files.items()),
            "v2.0.4", {"entries": 3},
        )
        for name, files in CONTENT.items()
    }  # fmt: skip
    return BackupSet(set_id, "here", NOON, NOON + timedelta(seconds=40), parts, "bundle-1", "0.1.0")


def begun(folder: Path, set_id: str = ID) -> Path:
    place = BackupFolder(folder).begin(set_id)
    for name, files in CONTENT.items():
        (place / name).mkdir()
        for path, text in files.items():
            (place / name / path).write_bytes(text)
    return place


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    place = begun(tmp_path)
    BackupFolder(tmp_path).finish(described())
    return place


def test_a_finished_set_says_what_was_told(whole: Path) -> None:
    assert open_set(whole) == described()
    assert BackupFolder(whole.parent).sets() == (described(),)


def test_nobody_else_reads_a_set(whole: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in whole.rglob("*") if path.is_file()}

    assert (modes, stat.S_IMODE(whole.stat().st_mode)) == ({0o600}, 0o700)


def test_a_set_that_was_broken_off_is_none_and_the_next_clears_it_away(tmp_path: Path) -> None:
    place = begun(tmp_path)
    (tmp_path / "notes").mkdir()

    with pytest.raises(BackupRefused, match="broken off, for it has no manifest"):
        open_set(place)
    assert BackupFolder(tmp_path).sets() == ()
    BackupFolder(tmp_path).begin("20260201T120000Z")

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["20260201T120000Z", "notes"]


def test_a_file_that_arrived_otherwise_completes_no_set(tmp_path: Path) -> None:
    (begun(tmp_path) / "vault/keys.sealed").write_bytes(b"kezs")

    with pytest.raises(BackupRefused, match="is not completed"):
        BackupFolder(tmp_path).finish(described())

    assert BackupFolder(tmp_path).sets() == ()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def say_other(place: Path) -> None:
    path = place / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "site": "there"}))


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing file": (lambda place: (place / "vault/keys.sealed").unlink(), "vault/keys.sealed is missing"),
    "a flipped byte": (lambda place: flip(place / "vault/snapshot.sealed"), "vault/snapshot.sealed was changed"),
    "a cut-off file": (lambda place: (place / "vault/keys.sealed").write_bytes(b"ke"), "has 2 bytes instead of 4"),
    "a component's folder gone": (lambda place: shutil.rmtree(place / "store"), "store/objects.sealed is missing"),
    "no manifest": (lambda place: (place / "manifest.json").unlink(), "no manifest"),
    "half a manifest": (lambda place: (place / "manifest.json").write_text('{"format":'), "cannot be used"),
    "a manifest of something else": (lambda place: (place / "manifest.json").write_text("[]"), "cannot be used"),
    "a manifest that says another site": (say_other, "not what was written"),
    "another name": (lambda place: place.rename(place.with_name("20260201T120000Z")), "is no set"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_set_is_refused_with_what_is_wrong(whole: Path, harm: str) -> None:
    damage, told = HARM[harm]
    damage(whole)

    with pytest.raises(BackupRefused) as caught:
        open_set(whole)

    assert told in "\n".join([caught.value.summary, *caught.value.details])
    assert caught.value.exit_code is ExitCode.BUNDLE


def test_a_set_under_another_name_is_refused(whole: Path) -> None:
    other = whole.rename(whole.with_name("20260201T120000Z"))

    with pytest.raises(BackupRefused, match="another name"):
        open_set(other)


def test_a_damaged_set_is_the_newest_still_and_hides_no_other(whole: Path) -> None:
    later = begun(whole.parent, "20260201T120000Z")
    BackupFolder(whole.parent).finish(described("20260201T120000Z"))
    (later / "manifest.json").write_text("{}")

    assert BackupFolder(whole.parent).newest() == later
    assert [entry.id for entry in BackupFolder(whole.parent).sets()] == [ID]


def test_a_deleted_set_is_gone(whole: Path) -> None:
    BackupFolder(whole.parent).delete(described())

    assert not whole.exists()
