"""`model status`, `approve`, `rollback` and `audit`, with an admin host that says what it was told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from installer.cli.app import app
from installer.cli.commands.releases import show_audit, show_models
from installer.engine.releases import audit_of, model_state
from tests.unit.cli.admin_host import Admin, Run, running, standing_in

OLD, NEW = {"version": "1.0.0", "hash": "aaa", "ready": 2}, {"version": "1.1.0", "hash": "bbb", "ready": 1}
HEALTHY = {
    "model": "tiny", "engine": "llamacpp", "namespace": "llamacpp", "phase": "Healthy", "stable": OLD, "release": None,
    "share": 0, "taken_back": False, "waits_for": "", "since": "", "words": "", "ready": 2, "wanted": 2,
    "schedule": None,
}  # fmt: skip
WAITS = {
    **HEALTHY, "phase": "Paused", "release": NEW, "share": 50, "waits_for": "person", "since": "2026-01-31T12:05:00Z",
    "words": "somebody has to agree at 50 % before it gets everything", "ready": 3,
}  # fmt: skip
ENTRY = {
    "time": "2026-01-31T12:00:00Z", "who": "anna@desk", "login": "deploy", "command": "rollback", "engine": "llamacpp",
    "model": "tiny", "from": "1.1.0", "to": "1.0.0", "reason": "it answers\nin rhymes", "note": "", "previous": "0",
}  # fmt: skip
BROKEN = {"line": 2, "expected": "e" * 64, "found": "f" * 64, "why": "it was changed"}


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    return standing_in("models_asked", monkeypatch)


@pytest.fixture
def run(admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return running(admin, tmp_path, monkeypatch)


def models(*told: dict[str, Any], seen: str = "one") -> dict[str, Any]:
    return {"said": {"models": list(told), "seen": seen}}


def audit(*entries: dict[str, Any], **verdict: Any) -> dict[str, Any]:
    known = {"lines": len(entries), "digest": "d" * 64, "broken": None, "torn": 0, **verdict}
    return {"said": {"path": "/log", "entries": list(entries), "verdict": known}}


def test_status_tells_versions_share_copies_and_what_is_waited_for() -> None:
    row, _, words = show_models([model_state(WAITS)]).splitlines()[2:]

    cells = [cell.strip() for cell in re.split(r"  +", row)]
    assert cells == ["tiny", "llamacpp", "Paused", "1.0.0", "1.1.0", "50 %", "3 of 2, 1 of the release"]
    assert words == "tiny: somebody has to agree at 50 % before it gets everything (since 2026-01-31T12:05:00Z)"


def test_a_release_that_was_taken_back_is_not_taken_for_one_that_comes() -> None:
    gone = {**WAITS, "phase": "Degraded", "taken_back": True, "share": 0, "words": "taken back at 5 %: errors"}

    assert "1.1.0 (taken back)" in show_models([model_state(gone)])


def test_status_is_a_document_for_programs(run: Run, admin: Admin) -> None:
    code, stdout, _ = run("status", "tiny", "-o", "json", says=(models(WAITS),))

    assert (code, json.loads(stdout)) == (0, {"models": [WAITS]})
    assert admin.asked[0]["model"] == "tiny"


def test_status_of_a_site_without_models_says_so() -> None:
    assert show_models([]) == "No model is served."


def test_who_agrees_is_told_what_goes_on_and_is_named_to_the_admin_host(run: Run, admin: Admin) -> None:
    code, stdout, _ = run("approve", "tiny", "--reason", "looked", says=({"said": {"model": WAITS, "line": {}}},))

    assert (code, stdout.startswith("tiny: 1.1.0 goes on.")) == (0, True)
    assert admin.asked == [
        {
            "does": "approve",
            "model": "tiny",
            "reason": "looked",
            "dry_run": False,
            "without_verdict": False,
            "measure_again": False,
            "alone": "",
        }
    ]
    assert "@" in admin.environment["PLATFORM_OPERATOR"]


def test_what_is_refused_ends_with_two_and_what_to_do_instead(run: Run) -> None:
    refused = {"said": {"refused": {"summary": "No release of tiny is under way.", "hint": "Release one."}}}

    code, stdout, stderr = run("approve", "tiny", "-o", "json", says=(refused,))

    document = json.loads(stdout.splitlines()[-1])
    assert (code, document["event"], document["exit_code"]) == (2, "error", 2)
    assert "No release of tiny is under way." in stderr
    assert "→ Release one." in stderr


@pytest.mark.parametrize("arguments", [("rollback", "tiny"), ("approve", "tiny", "--without-verdict")], ids=str)
def test_what_passes_over_measurements_needs_a_reason_before_anybody_is_asked(
    run: Run, admin: Admin, arguments: tuple[str, ...]
) -> None:
    code, _, stderr = run(*arguments)

    assert code == 2
    assert "--reason" in stderr
    assert admin.asked == []


def test_a_rollback_says_what_goes_on_and_what_the_inventory_should_have(run: Run) -> None:
    code, stdout, _ = run("rollback", "tiny", "--reason", "bad", says=({"said": {"model": WAITS, "line": {}}},))

    assert code == 0
    assert stdout.startswith("tiny: 1.1.0 is taken back, and 1.0.0 goes on. Put 1.0.0 into the inventory")


def test_who_waits_sees_each_change_until_the_release_has_taken_over(run: Run, admin: Admin) -> None:
    goes_on = {**WAITS, "phase": "Progressing", "waits_for": "copies", "words": "1 of 2 copies are ready"}
    over = {**HEALTHY, "stable": NEW}
    says = ({"said": {"model": WAITS, "line": {}}}, models(goes_on), models(over, seen="two"))

    code, stdout, stderr = run("approve", "tiny", "--wait", says=says)

    assert (code, stdout) == (0, "tiny: 1.1.0 has all requests.\n")
    assert "tiny: Progressing, 50 % of requests: 1 of 2 copies are ready" in stderr
    assert [asked.get("other_than") for asked in admin.asked] == [None, "", "one"]


def test_a_release_that_fails_while_somebody_waits_ends_with_five(run: Run) -> None:
    gone = {**WAITS, "phase": "Degraded", "taken_back": True, "waits_for": "", "words": "taken back at 50 %: errors"}

    code, _, stderr = run("approve", "tiny", "--wait", says=({"said": {"model": WAITS, "line": {}}}, models(gone)))

    assert code == 5
    assert "The release 1.1.0 of tiny did not take over: taken back at 50 %: errors." in stderr


def test_who_rehearses_follows_nothing(run: Run, admin: Admin) -> None:
    says = ({"said": {"model": WAITS, "line": {}}},)

    code, stdout, _ = run("rollback", "tiny", "--reason", "bad", "--wait", "--dry-run", says=says)

    assert (code, stdout) == (0, "tiny: 1.1.0 would be taken back, and 1.0.0 go on.\n")
    assert [asked["dry_run"] for asked in admin.asked] == [True]


def test_an_admin_host_that_does_not_do_it_is_named_with_what_it_said(run: Run) -> None:
    code, _, stderr = run("status", says=({"msg": "`kubectl get` failed: no route to host"},))

    assert code == 5
    assert "The admin host admin1 cannot tell or do it: `kubectl get` failed: no route to host" in stderr


def test_the_audit_log_is_a_line_each() -> None:
    *_, line = show_audit(audit_of(audit(ENTRY)["said"])).splitlines()

    assert line.startswith("2026-01-31T12:00:00Z  anna@desk  deploy  rollback  llamacpp/tiny  1.1.0  1.0.0")
    assert line.endswith("it answers in rhymes")


def test_an_audit_log_that_is_whole_is_told_with_its_last_digest(run: Run) -> None:
    code, stdout, _ = run("audit", "--verify", says=(audit(ENTRY),))

    assert code == 0
    assert "1 lines, as they were written" in stdout
    assert "d" * 64 in stdout


def test_an_audit_log_that_is_broken_ends_with_six_and_names_the_line(run: Run) -> None:
    code, stdout, stderr = run("audit", "--verify", "-o", "json", says=(audit(ENTRY, ENTRY, broken=BROKEN),))

    result, error = map(json.loads, stdout.splitlines())
    assert (code, error["exit_code"], result["broken"]) == (6, 6, BROKEN)
    assert "Line 2 of /log is not what was written: it was changed." in stderr
    assert f"expected {'e' * 64}" in stderr


def test_who_only_reads_the_audit_log_is_warned(run: Run) -> None:
    code, _, stderr = run("audit", says=(audit(ENTRY, broken=BROKEN, torn=12),))

    assert code == 0
    assert "WARNING Line 2 of /log is not what was written: it was changed." in stderr
    assert "WARNING After line 1 of /log 12 bytes of a line are left" in stderr


def test_a_lab_that_is_off_is_told_how_to_bring_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_LAB", "tests-have-none")

    result = CliRunner().invoke(app, ["model", "status", "-i", "lab", "--state", str(tmp_path / "state")])

    assert result.exit_code == 3
    assert "platform-install lab up" in result.stderr
