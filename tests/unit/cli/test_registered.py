"""`model promote`, `gc` and `list`, with an admin host that says what it was told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from installer.adapters.journal import SqliteJournal
from installer.model.plan import Step, StepResult
from tests.fakes import parts
from tests.unit.cli.admin_host import Admin, Run, running, standing_in

DIGEST = "sha256:" + "1" * 64
TOLD = {
    "name": "letters", "number": "1", "version": "1.0.0", "image": f"an-image@{DIGEST}", "digest": DIGEST,
    "created": 1769860800.0, "aliases": ["staging"], "engine": "", "licence": "MIT", "base_model": "",
    "quantisation": "", "replaces": "0.9.0", "production_since": "",
}  # fmt: skip
SHOWN = {**TOLD, "found": DIGEST, "served": True}


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    return standing_in("model_catalog_asked", monkeypatch)


@pytest.fixture
def run(admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    asks = running(admin, tmp_path, monkeypatch)

    def command(*arguments: str, says: tuple[dict[str, Any], ...] = ()) -> tuple[int, str, str]:
        return asks(*arguments, says=tuple(entry if "msg" in entry else {"said": entry} for entry in says))

    return command


def test_a_promotion_says_what_is_where_now(run: Run, admin: Admin) -> None:
    said = {"version": TOLD, "before": "0.9.0", "moved": True}

    code, out, _ = run("promote", "letters", "1.0.0", "--to", "production", "--reason", "agreed on", says=(said,))

    assert (code, out) == (0, f"letters 1.0.0 is in production instead of 0.9.0: {DIGEST}\n")
    asked = {key: admin.asked[0][key] for key in ("does", "model", "version", "stage", "reason", "dry_run")}
    assert asked == {
        "does": "promote", "model": "letters", "version": "1.0.0", "stage": "production", "reason": "agreed on",
        "dry_run": False,
    }  # fmt: skip


def test_a_rehearsal_says_what_would_be(run: Run, admin: Admin) -> None:
    said = {"version": TOLD, "before": "", "moved": True}

    _, out, _ = run("promote", "letters", "1.0.0", "--to", "dev", "--dry-run", says=(said,))

    assert out == f"letters 1.0.0 would be in dev: {DIGEST}\n"
    assert admin.asked[0]["dry_run"] is True


def test_what_is_there_already_is_told(run: Run) -> None:
    _, out, _ = run(
        "promote", "letters", "1.0.0", "--to", "staging", says=({"version": TOLD, "before": "1.0.0", "moved": False},)
    )

    assert out == "letters 1.0.0 is in staging already.\n"


def test_what_does_not_fit_is_refused_with_2(run: Run) -> None:
    refused = {"refused": {"summary": "letters 1.0.0 does not hold `staging`.", "hint": "Try it there first."}}

    code, out, err = run("promote", "letters", "1.0.0", "--to", "production", says=(refused,))

    assert (code, out) == (2, "")
    assert "does not hold `staging`" in err and "Try it there first." in err


def test_there_are_three_stages(run: Run, admin: Admin) -> None:
    code, _, _ = run("promote", "letters", "1.0.0", "--to", "live")

    assert (code, admin.asked) == (2, [])


def test_a_registry_that_does_not_answer_is_named(run: Run) -> None:
    code, _, err = run("promote", "letters", "1.0.0", "--to", "dev", says=({"msg": "nobody answers"},))

    assert code == 5
    assert "nobody answers" in err and "verify --only model_registry" in err


def test_a_site_may_have_no_registry(run: Run, admin: Admin, tmp_path: Path) -> None:
    folder = tmp_path / "site" / "group_vars" / "all"
    folder.mkdir()
    (folder / "without.yml").write_text("platform_without: {model_registry: Nobody asked for it.}\n")

    code, _, err = run("promote", "letters", "1.0.0", "--to", "dev")

    assert (code, admin.asked) == (2, [])
    assert "Nobody asked for it." in err


def test_versions_are_deleted_once_the_operator_agreed(run: Run, admin: Admin) -> None:
    found = {"deleted": [TOLD], "kept": {"letters 2.0.0": "it is served"}}

    code, out, _ = run("gc", "--older-than", "90", "--yes", says=(found, found))

    assert code == 0
    assert out == f"letters 1.0.0 is gone: registered 2026-01-31, {DIGEST}\nletters 2.0.0 stays: it is served\n"
    told = [(asked["dry_run"], asked["days"], asked["only"]) for asked in admin.asked]
    assert told == [(True, 90.0, []), (False, 90.0, ["letters 1.0.0"])]


def test_nothing_is_deleted_unasked(run: Run, admin: Admin) -> None:
    code, _, err = run("gc", "--older-than", "90", says=({"deleted": [TOLD], "kept": {}},))

    assert (code, len(admin.asked)) == (2, 1)
    assert "--yes" in err


def test_a_rehearsal_of_a_deletion_asks_nobody(run: Run, admin: Admin) -> None:
    code, out, _ = run("gc", "letters", "--older-than", "0", "--dry-run", says=({"deleted": [TOLD], "kept": {}},))

    assert (code, out) == (0, f"letters 1.0.0 would go: registered 2026-01-31, {DIGEST}\n")
    assert (len(admin.asked), admin.asked[0]["model"]) == (1, "letters")


def test_where_nothing_may_go_nobody_is_asked(run: Run, admin: Admin) -> None:
    code, out, _ = run("gc", "--older-than", "90", says=({"deleted": [], "kept": {}},))

    assert (code, out, len(admin.asked)) == (0, "Nothing may go.\n", 1)


@pytest.fixture
def deployed(tmp_path: Path) -> None:
    """Have the registry deployed from here."""
    (tmp_path / "state").mkdir(mode=0o700)
    journal = SqliteJournal(tmp_path / "state" / "journal.db")
    step = Step("model_registry", "deploy", "admin")
    run = journal.begin_run("install", "")
    journal.begin_step(run, step, parts())
    journal.end_step(run, step, StepResult(ok=True, changed=1, seconds=1.0))


@pytest.mark.usefixtures("deployed")
def test_a_list_shows_aliases_and_what_differs(run: Run) -> None:
    other = {**SHOWN, "version": "1.1.0", "aliases": [], "found": "sha256:" + "2" * 64, "served": False}

    code, out, _ = run("list", says=({"versions": [SHOWN, other], "differs": ["letters 1.1.0 is not what it was"]},))

    rows = [line.split() for line in out.splitlines() if line.startswith("letters")]
    assert code == 0
    assert rows == [
        ["letters", "1.0.0", "staging", DIGEST[:19], "yes", "yes", "MIT", "0.9.0"],
        ["letters", "1.1.0", "-", DIGEST[:19], "another", "no", "MIT", "0.9.0"],
    ]
    assert "differs: letters 1.1.0 is not what it was" in out


@pytest.mark.usefixtures("deployed")
def test_a_list_without_its_site_says_so_and_goes_on(run: Run) -> None:
    code, out, err = run("list", "--output", "json", says=({"msg": "unreachable"},))

    assert (code, json.loads(out)["registered"]) == (0, None)
    assert "What is registered is not told" in err


@pytest.mark.usefixtures("deployed")
def test_offline_nobody_is_asked(run: Run, admin: Admin) -> None:
    code, _, _ = run("list", "--offline")

    assert (code, admin.asked) == (0, [])


def test_where_bundles_are_built_nobody_is_asked(run: Run, admin: Admin) -> None:
    code, _, _ = run("list")

    assert (code, admin.asked) == (0, [])
