"""The journal: what was done on a site, in SQLite, so that a killed run can go on."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installer.adapters.process import kill_all, left_behind, operator
from installer.errors import StateDamaged, StateLocked
from installer.model.deployed import Deployed, Ingredients
from installer.model.plan import Step, StepResult

_LOCK = "lock"
_WORKERS, _RUNS = "ansible-playbook", "runs"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, command TEXT NOT NULL, bundle TEXT NOT NULL, began TEXT NOT NULL, ended TEXT, outcome TEXT
);
CREATE TABLE IF NOT EXISTS steps (
  run INTEGER NOT NULL REFERENCES runs (id), component TEXT NOT NULL, verb TEXT NOT NULL,
  began TEXT NOT NULL, ended TEXT, ok INTEGER, changed INTEGER, seconds REAL, failures TEXT, results TEXT
);
CREATE TABLE IF NOT EXISTS components (
  name TEXT PRIMARY KEY, parts TEXT NOT NULL, deployed INTEGER NOT NULL, verified INTEGER NOT NULL, since TEXT NOT NULL
);
"""


class SqliteJournal:
    """Every write is durable before the next step begins."""

    def __init__(self, path: Path) -> None:
        """Open the journal, making it when it is not there.

        Raises:
            StateDamaged: it is there and cannot be read, or it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise _damaged(path, str(found))
            self._connection.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            raise StateDamaged(
                f"The journal {path} cannot be opened: {error}.",
                hint="Look whether the disk is full or read-only, and whether the folder is yours.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(path, str(error)) from error
        path.chmod(0o600)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def begin_run(self, command: str, bundle: str) -> int:
        """Write down that a run begins, and return its number. Runs that were killed are closed."""
        self._connection.execute("UPDATE runs SET outcome = 'killed', ended = ? WHERE ended IS NULL", (_now(),))
        cursor = self._connection.execute(
            "INSERT INTO runs (command, bundle, began) VALUES (?, ?, ?)", (command, bundle, _now())
        )
        return int(cursor.lastrowid or 0)

    def end_run(self, run: int, outcome: str) -> None:
        """Write down how a run ended."""
        self._connection.execute("UPDATE runs SET ended = ?, outcome = ? WHERE id = ?", (_now(), outcome, run))

    def begin_step(self, run: int, step: Step, parts: Ingredients | None) -> None:
        """Write down that a step begins; what it deploys is not good until it is verified."""
        self._connection.execute(
            "INSERT INTO steps (run, component, verb, began) VALUES (?, ?, ?, ?)",
            (run, step.component, step.verb, _now()),
        )
        if step.verb == "deploy" and parts is not None:
            self._connection.execute(
                "INSERT OR REPLACE INTO components VALUES (?, ?, 0, 0, ?)",
                (step.component, json.dumps(asdict(parts)), _now()),
            )

    def end_step(self, run: int, step: Step, result: StepResult) -> None:
        """Write down how a step ended."""
        failures = json.dumps([asdict(failure) for failure in result.failures])
        self._connection.execute(
            "UPDATE steps SET ended = ?, ok = ?, changed = ?, seconds = ?, failures = ?, results = ?"
            " WHERE run = ? AND component = ? AND verb = ?",
            (
                _now(),
                result.ok,
                result.changed,
                result.seconds,
                failures,
                json.dumps(result.results),
                run,
                step.component,
                step.verb,
            ),
        )
        if step.verb == "deploy" and result.ok:
            self._connection.execute("UPDATE components SET deployed = 1 WHERE name = ?", (step.component,))
        elif step.verb == "verify":
            # What holds on some hosts does not mend what did not hold on all.
            verified = "MIN(verified, ?)" if step.partial else "?"
            self._connection.execute(
                f"UPDATE components SET verified = {verified} WHERE name = ?", (result.ok, step.component)
            )
        elif step.verb == "remove" and result.ok:
            change = "UPDATE components SET deployed = 0" if step.partial else "DELETE FROM components"
            self._connection.execute(f"{change} WHERE name = ?", (step.component,))

    def doubt(self, components: Iterable[str]) -> None:
        """Write down that components may not stand any more; the next run deploys them."""
        for name in components:
            self._connection.execute("UPDATE components SET verified = 0 WHERE name = ?", (name,))

    def deployed(self) -> dict[str, Deployed]:
        """Return what is known of every component."""
        rows = self._connection.execute("SELECT name, parts, deployed, verified FROM components")
        return {
            name: Deployed(bool(deployed and verified), json.loads(parts)) for name, parts, deployed, verified in rows
        }

    def components(self) -> list[Mapping[str, Any]]:
        """Return name, version, deployed, verified and since of every component."""
        rows = self._connection.execute("SELECT name, parts, deployed, verified, since FROM components")
        return [
            {
                "name": name,
                "version": json.loads(parts).get("version", ""),
                "deployed": bool(deployed),
                "verified": bool(verified),
                "since": since,
            }
            for name, parts, deployed, verified, since in rows
        ]

    def durations(self) -> dict[str, float]:
        """Return the seconds each step took when it ran well and was least disturbed by others."""
        query = "SELECT component, verb, MIN(seconds) FROM steps WHERE ok GROUP BY component, verb"
        rows = self._connection.execute(query)
        return {f"{component} {verb}": float(seconds or 0) for component, verb, seconds in rows}

    def rebuilt_since(self, moment: datetime) -> datetime | None:
        """Return when the run began that set the site up anew after a moment; None when none did.

        It is the first one that found bare hosts, the one after a reset, or the first one of a journal that is
        younger than that.
        """
        after = moment.astimezone(UTC).isoformat(timespec="seconds")
        bare = (
            "SELECT MIN(began) FROM runs WHERE command = 'install' AND began >= ? AND (id IN (SELECT run FROM steps"
            " WHERE failures LIKE '%\"bare\": true%') OR id > (SELECT MIN(id) FROM runs WHERE command = 'reset'"
            " AND began >= ?) OR NOT EXISTS (SELECT 1 FROM runs WHERE began < ?))"
        )
        (found,) = self._connection.execute(bare, (after, after, after)).fetchone()
        return datetime.fromisoformat(found) if found else None

    def last_run(self) -> Mapping[str, Any] | None:
        """Return the last run that was begun, or None."""
        return self._last_run("")

    def last_run_of(self, command: str) -> Mapping[str, Any] | None:
        """Return the last run of a command that was begun, or None."""
        return self._last_run("WHERE command = ?", command)

    def _last_run(self, which: str, *values: str) -> Mapping[str, Any] | None:
        cursor = self._connection.execute(
            f"SELECT id, command, bundle, began, ended, outcome FROM runs {which} ORDER BY id DESC LIMIT 1", values
        )
        row = cursor.fetchone()
        return dict(zip([column[0] for column in cursor.description], row, strict=True)) if row else None

    def last_steps(self) -> list[Mapping[str, Any]]:
        """Return the last step of each component and verb that ended."""
        cursor = self._connection.execute(
            "SELECT component, verb, ended, ok, changed, seconds, results, MAX(rowid) FROM steps"
            " WHERE ended IS NOT NULL GROUP BY component, verb"
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a state directory against a second operator while a run lasts.

    Whoever was killed has left Ansible's workers at most, which went on by themselves: they are ended first.

    Raises:
        StateLocked: another process holds it.
    """
    path = folder / _LOCK
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise _locked(path, lock.read().strip()) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()} of {operator()} on {socket.gethostname()}, since {_now()}")
        lock.flush()
        kill_all(left_behind(_WORKERS, folder.absolute() / _RUNS))
        yield


def holder(folder: Path) -> str:
    """Return who holds a state directory; empty when nobody does."""
    with contextlib.suppress(FileNotFoundError), (folder / _LOCK).open(encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return lock.read().strip() or "somebody"
    return ""


def _locked(path: Path, said: str) -> StateLocked:
    """Return the error that says who holds the site, and how to get it back."""
    found = re.match(r"process (\d+) of \S+ on (\S+),", said)
    if found is None:
        cure = f"Wait for it, or find it with `fuser -v {path}`."
    elif found.group(2) == socket.gethostname():
        number = found.group(1)
        cure = (
            f"Wait for it, or see `ps -f {number}` and end it with `kill {number}`: "
            "it then stops cleanly and sets the site free."
        )
    else:
        cure = (
            f"Wait for it, or end it on {found.group(2)} with `kill {found.group(1)}`. Where that machine is lost "
            f"and the state lies on a shared disk that still keeps its lock, delete {path}."
        )
    return StateLocked(f"Another run works on this site: {said or 'it does not say which'}.", hint=cure)


def _damaged(path: Path, found: str) -> StateDamaged:
    return StateDamaged(
        f"The journal {path} is damaged: {found}.",
        hint=f"Set it aside with `mv {path} {path}.damaged` and run the same command again: every component is "
        "deployed anew, which changes nothing that is as wanted. docs/operations/lose-the-state-folder.md says more.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
