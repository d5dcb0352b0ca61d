"""The registry of models: what is registered, which alias may move, what may go, and what the audit log has of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.model_registry import (
    CatalogRefused,
)
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused

from tests.unit.collection.model_site import (
    NOW,
    ONE,
    THREE,
    TWO,
    Desk,
    carried,
    image,
    served,
)


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(str(tmp_path / "audit" / "models.jsonl"), lambda: NOW)


@pytest.fixture
def desk(log: AuditLog) -> Desk:
    """Return a site that served one version, serves another, and carries a third."""
    return Desk(
        log, served("2.0.0", TWO, licence="MIT", replaces="1.0.0"), carried("1.0.0", ONE), carried("3.0.0", THREE)
    )


def lines(log: AuditLog) -> list[tuple[str, ...]]:
    return [tuple(entry[key] for key in ("command", "model", "from", "to", "reason")) for entry in log.read()[0]]


def test_what_is_served_and_carried_is_registered_once(desk: Desk) -> None:
    first = desk.ask().register(dry=False)["registered"]

    assert sorted(first) == ["letters 1.0.0", "letters 2.0.0", "letters 3.0.0"]
    assert desk.ask().register(dry=False) == {"registered": [], "differs": []}


def test_a_version_keeps_what_is_known_of_it(desk: Desk) -> None:
    desk.ask().register(dry=False)

    (entry,) = (entry for entry in desk.registry.versions() if entry.version == "2.0.0")

    assert (entry.digest, entry.image) == (TWO, image(TWO))
    assert (entry.tags["licence"], entry.tags["replaces"]) == ("MIT", "1.0.0")


def test_a_rehearsal_registers_nothing(desk: Desk) -> None:
    said = desk.ask().register(dry=True)

    assert len(said["registered"]) == 3
    assert desk.door.versions == []


def test_a_version_is_never_registered_with_another_digest(desk: Desk) -> None:
    desk.ask().register(dry=False)
    desk.candidates = [served("1.0.0", THREE)]

    said = desk.ask().register(dry=False)

    assert said["registered"] == []
    assert said["differs"] == [f"letters 1.0.0 is registered with {ONE}, and served with {THREE}"]


@pytest.mark.parametrize("nameless", [served("", ONE), served("1.0.0", "")])
def test_what_has_no_version_or_no_digest_is_not_registered(log: AuditLog, nameless: Any) -> None:
    assert Desk(log, nameless).ask().register(dry=False)["registered"] == []


def test_an_alias_moves_from_stage_to_stage(desk: Desk, log: AuditLog) -> None:
    desk.promote("1.0.0", "staging")
    desk.promote("1.0.0", "production", "agreed on")
    desk.promote("2.0.0", "staging")
    said = desk.promote("2.0.0", "production", "better")

    assert (said["before"], said["moved"]) == ("1.0.0", True)
    assert desk.stages() == {"1.0.0": (), "2.0.0": ("production", "staging"), "3.0.0": ()}
    assert lines(log) == [
        ("promote", "letters", "", "1.0.0", ""),
        ("promote", "letters", "", "1.0.0", "agreed on"),
        ("promote", "letters", "1.0.0", "2.0.0", ""),
        ("promote", "letters", "1.0.0", "2.0.0", "better"),
    ]


def test_a_line_says_who_and_which_digest(desk: Desk, log: AuditLog) -> None:
    desk.promote("1.0.0", "dev")

    (entry,) = log.read()[0]
    assert (entry["who"], entry["login"]) == ("anna@desk", "deploy")
    assert entry["note"] == f"dev has {ONE}."


def test_what_is_there_already_is_not_moved_again(desk: Desk, log: AuditLog) -> None:
    desk.promote("1.0.0", "dev")

    assert not desk.promote("1.0.0", "dev")["moved"]
    assert len(log.read()[0]) == 1


@pytest.mark.parametrize(
    ("version", "stage", "reason", "words"),
    [
        ("1.0.0", "production", "agreed on", "does not hold `staging`"),
        ("2.0.0", "production", "agreed on", "does not hold `staging`"),
        ("9.0.0", "dev", "", "9.0.0 is not registered"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(
    desk: Desk, log: AuditLog, version: str, stage: str, reason: str, words: str
) -> None:
    desk.promote("1.0.0", "dev")

    with pytest.raises(Refused, match=words):
        desk.promote(version, stage, reason)

    assert desk.stages() == {"1.0.0": ("dev",), "2.0.0": (), "3.0.0": ()}
    assert len(log.read()[0]) == 1


def test_a_model_that_is_not_registered_is_refused_with_those_that_are(desk: Desk) -> None:
    with pytest.raises(Refused, match="No model notes") as refused:
        desk.ask(model="notes", version="1.0.0", stage="dev").promote(dry=False)

    assert "letters" in refused.value.hint


@pytest.mark.parametrize("reason", ["", "  "])
def test_production_wants_a_reason(desk: Desk, reason: str) -> None:
    desk.promote("1.0.0", "staging")

    with pytest.raises(Refused, match="Nobody says why"):
        desk.promote("1.0.0", "production", reason)


@pytest.mark.parametrize(
    ("found", "words"), [(THREE, f"registered with {ONE}, and seed.example.com has {THREE}"), ("", "has no image")]
)
def test_another_digest_in_the_registry_of_images_is_refused(desk: Desk, found: str, words: str) -> None:
    desk.promote("1.0.0", "staging")
    desk.found[image(ONE)] = found

    with pytest.raises(Refused, match=words):
        desk.promote("1.0.0", "production", "agreed on")

    assert desk.stages()["1.0.0"] == ("staging",)


def test_an_audit_log_that_was_changed_keeps_everything_out_of_production(desk: Desk, log: AuditLog) -> None:
    desk.promote("1.0.0", "staging")
    desk.promote("2.0.0", "dev")
    path = Path(log.path)
    path.write_text(path.read_text().replace("anna", "otto", 1))

    with pytest.raises(Refused, match="not what was written"):
        desk.promote("1.0.0", "production", "agreed on")


def test_a_move_that_fails_is_written_down_as_failed(desk: Desk, log: AuditLog) -> None:
    desk.ask().register(dry=False)
    desk.door.broken = "registered-models/alias"

    with pytest.raises(CatalogRefused, match="no database"):
        desk.promote("1.0.0", "dev")

    assert [entry["command"] for entry in log.read()[0]] == ["promote", "promote failed"]


def test_a_rehearsal_judges_and_moves_nothing(desk: Desk, log: AuditLog) -> None:
    said = desk.ask(model="letters", version="1.0.0", stage="dev").promote(dry=True)

    assert (said["moved"], said["version"]["digest"]) == (True, ONE)
    assert (desk.door.versions, log.read()[0]) == ([], [])
    with pytest.raises(Refused, match="staging"):
        desk.ask(model="letters", version="1.0.0", stage="production", reason="r").promote(dry=True)


def test_a_look_tells_where_digests_differ(desk: Desk) -> None:
    desk.ask().register(dry=False)
    desk.found[image(ONE)] = THREE
    desk.found[image(THREE)] = ""
    desk.candidates.append(served("4.0.0", ONE))

    said = desk.ask().look()

    assert said["differs"] == [
        f"letters 1.0.0 is registered with {ONE}, and seed.example.com has {THREE}",
        f"letters 3.0.0 is registered with {THREE}, and seed.example.com has no such image",
        "letters 4.0.0 is served, and not registered",
    ]
    assert {told["version"]: (told["found"], told["served"]) for told in said["versions"]} == {
        "1.0.0": (THREE, False), "2.0.0": (TWO, True), "3.0.0": ("", False),
    }  # fmt: skip


def test_only_what_was_agreed_on_is_deleted(desk: Desk, log: AuditLog) -> None:
    desk.ask().register(dry=False)
    desk.now = NOW + 100 * 86400

    shown = desk.ask(days=90.0).collect(dry=True)
    done = desk.ask(days=90.0, only=["letters 1.0.0"]).collect(dry=False)

    assert [told["version"] for told in shown["deleted"]] == ["1.0.0", "3.0.0"]
    assert shown["kept"] == {"letters 2.0.0": "it is served"}
    assert [told["version"] for told in done["deleted"]] == ["1.0.0"]
    assert sorted(desk.stages()) == ["2.0.0", "3.0.0"]
    assert lines(log) == [("gc", "letters", "1.0.0", "", "")]
