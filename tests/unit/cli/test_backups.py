"""A set is judged before a question is asked, and passphrases are in files that their owner alone reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installer.adapters.backup_sets import BackupFolder
from installer.cli.app import app
from installer.cli.options import Common
from installer.cli.passphrases import passphrase_files
from installer.cli.wiring import Site
from installer.errors import UsageError
from installer.model.backup import BackupFile, BackupSet, ComponentBackup
from tests.fakes import RecordingReporter

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture(autouse=True)
def lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see a lab or a passphrase of this machine."""
    monkeypatch.setenv("PLATFORM_LAB", "tests-have-none")
    for name in ("PLATFORM_CA_PASSPHRASE_FILE", "PLATFORM_BACKUP_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def a_set(folder: Path, site: str = "lab-tests-have-none") -> Path:
    place = BackupFolder(folder).begin("20260131T120000Z")
    (place / "vault").mkdir()
    (place / "vault" / "keys.sealed").touch()
    part = ComponentBackup(NOON, (BackupFile("keys.sealed", 0, EMPTY),))
    BackupFolder(folder).finish(BackupSet(place.name, site, NOON, NOON, {"vault": part}))
    return place


def test_a_site_without_a_backup_is_told_where_there_is_none(tmp_path: Path) -> None:
    code, _, stderr = run("restore", "-i", "lab", "--state", str(tmp_path / "state"))

    assert code == 2
    assert f"no backup in {tmp_path / 'state' / 'backups'}" in stderr


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_where_nothing_is_deployed_nothing_is_copied_either_way(command: str, tmp_path: Path) -> None:
    a_set(tmp_path / "state" / "backups")

    code, _, stderr = run(command, "-i", "lab", "--state", str(tmp_path / "state"))

    assert code == 2
    assert "deployed" in stderr


def test_a_set_is_found_by_its_folder(tmp_path: Path) -> None:
    code, _, stderr = run("restore", str(a_set(tmp_path / "usb")), "-i", "lab", "--state", str(tmp_path / "state"))

    assert code == 2
    assert "vault is not deployed" in stderr


def test_another_sites_set_ends_with_seven(tmp_path: Path) -> None:
    place = a_set(tmp_path / "usb", site="onprem")

    code, _, stderr = run("restore", str(place), "-i", "lab", "--state", str(tmp_path / "state"))

    assert code == 7
    assert "is of the site onprem, and this is lab-tests-have-none; nothing was touched" in stderr


def test_a_damaged_set_is_told_to_programs_too(tmp_path: Path) -> None:
    place = a_set(tmp_path / "state" / "backups")
    (place / "vault" / "keys.sealed").unlink()

    code, stdout, _ = run("restore", "-i", "lab", "--state", str(tmp_path / "state"), "-o", "json")

    document = json.loads(stdout.splitlines()[-1])
    assert (code, document["exit_code"]) == (7, 7)
    assert document["details"] == ["vault/keys.sealed is missing."]


def site(folder: Path) -> Site:
    return Site(Common(inventory="lab", state=folder / "state"), RecordingReporter())


def test_backups_have_the_authoritys_passphrase_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = passphrase_files(site(tmp_path))
    other = tmp_path / "other"
    other.touch(mode=0o600)
    monkeypatch.setenv("PLATFORM_BACKUP_PASSPHRASE_FILE", str(other))
    apart = passphrase_files(site(tmp_path))

    assert len(set(same.values())) == 1
    assert apart["PLATFORM_BACKUP_PASSPHRASE_FILE"] == str(other)
    assert apart["PLATFORM_CA_PASSPHRASE_FILE"] == same["PLATFORM_CA_PASSPHRASE_FILE"]


@pytest.mark.parametrize(("mode", "told"), [(0o644, "can be read by others"), (None, "is not there")])
def test_a_passphrase_that_others_read_or_nobody_wrote_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int | None, told: str
) -> None:
    path = tmp_path / "other"
    if mode is not None:
        path.touch()
        path.chmod(mode)
    monkeypatch.setenv("PLATFORM_BACKUP_PASSPHRASE_FILE", str(path))

    with pytest.raises(UsageError, match=told):
        passphrase_files(site(tmp_path))
