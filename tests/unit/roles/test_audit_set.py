"""The log of who moved releases comes out of a set as it went in, and loses nothing that was written since."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles

from tests.repository import role_folder
from tests.role_programs import loaded

SET = loaded(role_folder("argo_rollouts") / "library/audit_set.py")


@pytest.fixture(autouse=True)
def hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk: no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(str(tmp_path / "audit" / "models.jsonl"), lambda: 1769860800.0)


@pytest.fixture
def files(tmp_path: Path) -> ComponentFiles:
    access = {"folder": str(tmp_path / "backup"), "id": "20260131T120000Z", "passphrase": "a passphrase"}
    return ComponentFiles(access, SET.COMPONENT)


def write(log: AuditLog, *models: str) -> None:
    with log.to_oneself():
        for model in models:
            log.append({"model": model})


def test_a_log_of_a_lost_host_comes_back_whole_with_a_line_that_says_so(
    log: AuditLog, files: ComponentFiles, tmp_path: Path
) -> None:
    write(log, "tiny", "letters")
    SET.into_set(log, files)
    new = AuditLog(str(tmp_path / "new" / "models.jsonl"))

    told = SET.out_of_set(new, files, "anna@desk")

    entries, verdict = new.read()
    assert (told, verdict.broken) == ({"changed": True, "lines": 2}, None)
    assert [entry["model"] for entry in entries] == ["tiny", "letters", ""]
    assert (entries[2]["command"], entries[2]["who"]) == ("restore", "anna@desk")
    assert entries[2]["reason"] == "the log of the set 20260131T120000Z"


def test_a_log_that_goes_on_from_the_copy_stays(log: AuditLog, files: ComponentFiles) -> None:
    write(log, "tiny")
    SET.into_set(log, files)
    write(log, "letters")

    told = SET.out_of_set(log, files, "anna@desk")

    assert told["changed"] is False
    assert [entry["model"] for entry in log.read()[0]] == ["tiny", "letters"]


def test_another_log_is_kept_aside(log: AuditLog, files: ComponentFiles, tmp_path: Path) -> None:
    write(log, "tiny")
    SET.into_set(log, files)
    new = AuditLog(str(tmp_path / "new" / "models.jsonl"), lambda: 1769860800.0)
    write(new, "of the new site")

    SET.out_of_set(new, files, "anna@desk")

    aside = tmp_path / "new" / "models.jsonl.before-20260131T120000Z"
    entries, verdict = new.read()
    assert b"of the new site" in aside.read_bytes()
    assert entries[-1]["note"] == f"What was here is kept in {aside}."
    assert verdict.broken is None


def test_what_broke_before_the_backup_is_broken_after_it(log: AuditLog, files: ComponentFiles, tmp_path: Path) -> None:
    write(log, "tiny", "letters")
    path = Path(log.path)
    path.write_bytes(path.read_bytes().replace(b"letters", b"lettres"))
    SET.into_set(log, files)
    new = AuditLog(str(tmp_path / "new" / "models.jsonl"))

    SET.out_of_set(new, files, "anna@desk")

    broken = new.read()[1].broken
    assert broken is not None
    assert broken.line == 2


def test_a_site_where_nobody_moved_a_release_has_a_backup_too(
    log: AuditLog, files: ComponentFiles, tmp_path: Path
) -> None:
    told = SET.into_set(log, files)

    assert told["lines"] == 0
    assert SET.out_of_set(log, files, "anna@desk")["changed"] is False
    assert not (tmp_path / "audit" / "models.jsonl").exists()


def test_the_copy_is_encrypted(log: AuditLog, files: ComponentFiles) -> None:
    write(log, "planted")

    SET.into_set(log, files)

    assert b"planted" not in (Path(files.folder) / SET.FILE).read_bytes()
