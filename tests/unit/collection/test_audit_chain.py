"""The audit log only grows, and shows whatever became of it otherwise."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed, AuditLog
from ansible_collections.platform.base.plugins.module_utils.audit_lines import GENESIS, Break, digest

NOON = 1769860800.0


@pytest.fixture(autouse=True)
def hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk: no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "models.jsonl"


@pytest.fixture
def log(path: Path) -> AuditLog:
    return AuditLog(str(path), lambda: NOON)


def write(log: AuditLog, *models: str) -> None:
    with log.to_oneself():
        for model in models:
            log.append({"model": model})


def broken(log: AuditLog) -> Break | None:
    return log.read()[1].broken


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def test_each_line_holds_the_digest_of_the_line_before_it(log: AuditLog, path: Path) -> None:
    write(log, "tiny", "letters")

    first, second = lines_of(path)
    assert json.loads(first) == {"time": "2026-01-31T12:00:00Z", "model": "tiny", "note": "", "previous": GENESIS}
    assert json.loads(second)["previous"] == digest(first)


def test_the_log_is_for_root_alone(log: AuditLog, path: Path) -> None:
    write(log, "tiny")

    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path.parent, path, path.with_name(path.name + ".head"))]
    assert modes == [0o700, 0o600, 0o600]


def test_a_log_that_is_not_there_is_whole_and_stays_away(log: AuditLog, path: Path) -> None:
    entries, verdict = log.read()

    assert (entries, verdict.lines, verdict.digest, verdict.broken) == ([], 0, GENESIS, None)
    assert not path.parent.exists()


def test_a_log_that_only_grew_is_whole(log: AuditLog) -> None:
    write(log, "tiny", "letters")
    write(log, "tiny")

    entries, verdict = log.read()
    assert [entry["model"] for entry in entries] == ["tiny", "letters", "tiny"]
    assert (verdict.lines, verdict.broken, verdict.torn) == (3, None, 0)


@pytest.mark.parametrize("changed", [1, 2, 3])
def test_a_line_that_was_changed_is_named_with_both_digests(log: AuditLog, path: Path, changed: int) -> None:
    write(log, "tiny", "letters", "large")
    lines = lines_of(path)
    before = lines[changed - 1]
    lines[changed - 1] = before.replace(b"model", b"mode1")
    path.write_bytes(b"\n".join(lines) + b"\n")

    found = broken(log)

    assert found is not None
    assert (found.line, found.expected, found.found) == (changed, digest(before), digest(lines[changed - 1]))
    assert "changed" in found.why


@pytest.mark.parametrize(("gone", "line"), [(2, 1), (3, 3), (1, 1)], ids=["middle", "last", "first"])
def test_a_line_that_was_taken_out_is_missed(log: AuditLog, path: Path, gone: int, line: int) -> None:
    write(log, "tiny", "letters", "large")
    lines = lines_of(path)
    del lines[gone - 1]
    path.write_bytes(b"\n".join(lines) + b"\n")

    found = broken(log)

    assert found is not None
    assert found.line == line
    assert "gone" in found.why


def test_what_is_missed_at_the_end_is_still_missed_after_the_next_line(log: AuditLog, path: Path) -> None:
    write(log, "tiny", "letters", "large")
    last = lines_of(path)[2]
    path.write_bytes(b"\n".join(lines_of(path)[:1]) + b"\n")

    write(log, "tiny")

    found = broken(log)
    assert found is not None
    assert (found.line, found.expected) == (1, digest(last))


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"model": "tiny"}', b""])
def test_a_line_that_is_no_entry_is_named(log: AuditLog, path: Path, line: bytes) -> None:
    write(log, "tiny")
    with path.open("ab") as stream:
        stream.write(line + b"\n")

    entries, verdict = log.read()

    assert len(entries) == 1
    assert verdict.broken is not None
    assert (verdict.broken.line, verdict.broken.why) == (2, "it is no entry of this log")


@pytest.mark.parametrize("torn", [b'{"time": "2026-01-', b"\0" * 64, b'{"model": "tiny", "previous": ""}'])
def test_a_line_that_was_cut_off_is_told_and_breaks_nothing(log: AuditLog, path: Path, torn: bytes) -> None:
    write(log, "tiny")
    with path.open("ab") as stream:
        stream.write(torn)

    entries, verdict = log.read()

    assert (len(entries), verdict.lines, verdict.broken, verdict.torn) == (1, 1, None, len(torn))


def test_a_line_that_was_cut_off_is_kept_aside_and_noted_in_the_next(log: AuditLog, path: Path) -> None:
    write(log, "tiny")
    with path.open("ab") as stream:
        stream.write(b'{"time": "2026-01-')

    write(log, "letters")

    aside = path.with_name("models.jsonl.torn-20260131T120000Z")
    entries, verdict = log.read()
    assert aside.read_bytes() == b'{"time": "2026-01-'
    assert entries[1]["note"] == f"A line after line 1 was cut off; its 18 bytes are kept in {aside}."
    assert (verdict.lines, verdict.broken, verdict.torn) == (2, None, 0)


def test_power_that_went_before_the_end_was_noted_breaks_nothing(log: AuditLog, path: Path) -> None:
    write(log, "tiny")
    head = path.with_name("models.jsonl.head")
    before = head.read_bytes()
    write(log, "letters")
    head.write_bytes(before)

    assert broken(log) is None
    write(log, "large")
    assert broken(log) is None


def test_a_full_disk_leaves_the_log_as_it_was(log: AuditLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log, "tiny")
    whole, real = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda to, data: real(to, data[:10]))

    with pytest.raises(AuditFailed, match="no space is left"):
        write(log, "letters")

    assert path.read_bytes() == whole


def write_often(path: str, name: str, times: int) -> None:
    log = AuditLog(path)
    for _ in range(times):
        write(log, name)


def test_two_who_write_at_once_do_not_break_the_chain(log: AuditLog, path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_often, args=(str(path), name, 20)) for name in ("one", "two")]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    entries, verdict = log.read()
    assert sorted(entry["model"] for entry in entries) == ["one"] * 20 + ["two"] * 20
    assert verdict.broken is None


def test_who_waits_for_too_long_is_told_for_whom(log: AuditLog, path: Path) -> None:
    other: Any = AuditLog(str(path))

    with log.to_oneself(), pytest.raises(AuditFailed, match="fuser -v"):
        with other.to_oneself(seconds=0):
            pass
