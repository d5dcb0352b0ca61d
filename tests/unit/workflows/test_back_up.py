"""A set is completed when every step ended well, and by nothing less."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from installer.engine.backups import plan_backup, plan_restore
from installer.model.backup import BackupFile, BackupSet, ComponentBackup
from installer.model.deployed import Deployed
from installer.model.events import Notice
from installer.model.plan import Job, StepResult
from installer.ports import Reporter, StepEnded
from installer.workflows.back_up import Marks, back_up, restore
from installer.workflows.install import Crew
from tests.fakes import BAD, MemoryJournal, RecordingReporter, ScriptedRunner, answering, catalog, component, inventory

CATALOG = catalog(component("secrets"), component("objects", "secrets"))
HOSTS = inventory(cp1="control_plane")
DEPLOYED = {name: Deployed(good=True, parts={}) for name in CATALOG.names}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MARKS = Marks("here", "bundle-1", "0.1.0", {"secrets": "v2", "objects": "v4"})
PLAN = plan_backup(CATALOG, HOSTS, DEPLOYED, CATALOG.names, ())


class MemorySets:
    """Sets that are forgotten when the test ends."""

    def __init__(self, *made: BackupSet) -> None:
        self.made = {entry.id: entry for entry in made}
        self.begun: list[str] = []

    def begin(self, set_id: str) -> Path:
        self.begun.append(set_id)
        return Path("/sets") / set_id

    def finish(self, backup: BackupSet) -> None:
        self.made[backup.id] = backup

    def sets(self) -> tuple[BackupSet, ...]:
        return tuple(self.made.values())

    def delete(self, backup: BackupSet) -> None:
        del self.made[backup.id]


class Minutes:
    """A clock that goes on by a minute whenever it is looked at."""

    def __init__(self) -> None:
        self.now = NOON - timedelta(minutes=1)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


class RememberingRunner(ScriptedRunner):
    """Remembers what plays were given."""

    given: Mapping[str, Any] = {}

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        self.given = dict(variables)
        super().run(job, variables, ended, reporter)


class KilledRunner(ScriptedRunner):
    """Is interrupted in its second step."""

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        if self.ran:
            raise KeyboardInterrupt
        super().run(job, variables, ended, reporter)


def brought(seconds: int) -> StepResult:
    told = {
        "files": [{"path": "a", "size": 7, "sha256": "00"}],
        "as_of": (NOON + timedelta(seconds=seconds)).isoformat(),
    }
    return StepResult(ok=True, changed=0, seconds=1.0, results={"cp1": {"backup": told}})


RESULTS = {"objects backup": brought(5), "secrets backup": brought(20)}


def crew(runner: ScriptedRunner, agrees: bool = False) -> Crew:
    return Crew(runner, MemoryJournal(), RecordingReporter(), answering(agrees), {"carried": True}, 2)


def old(days: int) -> BackupSet:
    began = NOON - timedelta(days=days)
    return BackupSet(began.strftime("%Y%m%dT%H%M%SZ"), "here", began, began, {})


def test_a_backup_becomes_a_set_without_asking_anybody() -> None:
    sets, runner = MemorySets(), RememberingRunner(RESULTS)

    report = back_up(PLAN, MARKS, crew(runner), sets, Minutes(), 7)

    made = sets.made["20260131T120000Z"]
    assert runner.ran == ["objects backup", "secrets backup"]
    assert runner.given == {
        "carried": True, "platform_backup_id": made.id, "platform_backup_set": f"/sets/{made.id}"
    }  # fmt: skip
    assert made.components["secrets"] == ComponentBackup(
        NOON + timedelta(seconds=20), (BackupFile("a", 7, "00"),), "v2"
    )
    assert (made.site, made.bundle, made.began) == ("here", "bundle-1", NOON)
    assert report.facts == {"set": f"/sets/{made.id}", "bytes": "14", "rpo_seconds": "55"}


def test_what_failed_completes_no_set_and_deletes_none() -> None:
    sets = MemorySets(old(1), old(2))

    report = back_up(PLAN, MARKS, crew(ScriptedRunner({**RESULTS, "secrets backup": BAD})), sets, Minutes(), 1)

    assert not report.ok
    assert len(sets.made) == 2


def test_what_was_killed_completes_no_set() -> None:
    sets = MemorySets()

    with pytest.raises(KeyboardInterrupt):
        back_up(PLAN, MARKS, crew(KilledRunner(RESULTS)), sets, Minutes(), 7)

    assert (sets.begun, sets.made) == (["20260131T120000Z"], {})


def test_the_oldest_sets_go_when_there_are_more_than_are_kept() -> None:
    sets, team = MemorySets(old(1), old(2), old(3)), crew(ScriptedRunner(RESULTS))

    back_up(PLAN, MARKS, team, sets, Minutes(), 2)

    assert sorted(sets.made) == ["20260130T120000Z", "20260131T120000Z"]
    assert isinstance(team.reporter, RecordingReporter)
    assert next(event.text for event in team.reporter.of(Notice)).startswith("The set 20260128T120000Z is deleted")


def test_where_the_operator_put_a_set_none_is_deleted() -> None:
    sets = MemorySets(old(1), old(2), old(3))

    back_up(PLAN, MARKS, crew(ScriptedRunner(RESULTS)), sets, Minutes(), None)

    assert len(sets.made) == 4


def test_a_restoration_says_what_was_lost_and_how_long_it_took() -> None:
    backup = BackupSet("20260131T110000Z", "here", NOON, NOON, {"secrets": ComponentBackup(NOON, ())})
    plan = plan_restore(CATALOG, HOSTS, DEPLOYED, CATALOG.names, backup, ())
    runner = RememberingRunner()

    report = restore(backup, Path("/sets/it"), plan, {}, crew(runner, agrees=True), Minutes())

    assert runner.ran[0] == "secrets restore"
    assert set(runner.ran) == {"secrets restore", "secrets verify", "objects deploy", "objects verify"}
    assert runner.given["platform_backup_set"] == "/sets/it"
    assert (report.facts["rpo_seconds"], report.facts["rto_seconds"]) == ("0", "60")
