"""Units are started, restarted and reloaded for a reason, and all are asked for at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils import units

NAME = "some.service"
RUNNING = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "Type": "simple"}
MISSING = {"LoadState": "not-found", "ActiveState": "inactive", "UnitFileState": ""}


def unit(name: str = NAME, **given: Any) -> dict[str, Any]:
    """Return a unit as Ansible completes it from the options."""
    options: Any = units.OPTIONS
    defaults = {option: described.get("default") for option, described in options.items()}
    return {**defaults, "name": name, **given}


def shown(*states: dict[str, str]) -> str:
    """Return what `systemctl show` prints."""
    return "\n".join("".join(f"{key}={value}\n" for key, value in {"Id": "x", **state}.items()) for state in states)


Program = Callable[..., Path]


@pytest.mark.parametrize(
    ("state", "given", "changed", "done"),
    [
        (RUNNING, {}, [], []),
        ({**RUNNING, "ActiveState": "inactive"}, {}, [], [f"start {NAME}"]),
        ({**RUNNING, "ActiveState": "failed"}, {}, [], [f"start {NAME}"]),
        ({**RUNNING, "UnitFileState": "disabled"}, {}, [], [f"enable {NAME}"]),
        ({**RUNNING, "UnitFileState": "disabled"}, {"enabled": False}, [], []),
        ({**RUNNING, "UnitFileState": "static"}, {}, [], []),
        ({**RUNNING, "LoadState": "masked", "ActiveState": "inactive"}, {}, [], [f"unmask {NAME}", f"start {NAME}"]),
        (RUNNING, {"restart_on": ["/etc/some"]}, ["/etc/some/file"], [f"restart {NAME}"]),
        (RUNNING, {"restart_on": ["/etc/some"]}, ["/etc/something"], []),
        (RUNNING, {"reload_on": ["/etc/some/file"]}, ["/etc/some/file"], [f"reload-or-restart {NAME}"]),
        (RUNNING, {"reload_on": ["/etc/some"], "restart_on": ["/etc/some"]}, ["/etc/some"], [f"restart {NAME}"]),
        ({**RUNNING, "Type": "oneshot", "UnitFileState": "static"}, {"enabled": False}, [], []),
        (
            {**RUNNING, "Type": "oneshot", "UnitFileState": "static"},
            {"enabled": False, "restart_on": ["/a"]},
            ["/a"],
            [f"start {NAME}"],
        ),
        (RUNNING, {"state": "stopped"}, [], [f"stop {NAME}"]),
        (RUNNING, {"state": "stopped", "enabled": False}, [], [f"stop {NAME}", f"disable {NAME}"]),
        (RUNNING, {"state": "absent"}, [], [f"stop {NAME}", f"disable {NAME}"]),
        (RUNNING, {"state": "masked"}, [], [f"stop {NAME}", f"mask {NAME}"]),
        ({**RUNNING, "LoadState": "masked", "ActiveState": "inactive"}, {"state": "masked"}, [], []),
        (MISSING, {"state": "absent"}, [], []),
        (MISSING, {"state": "stopped"}, [], []),
        (MISSING, {"state": "masked"}, [], [f"mask {NAME}"]),
    ],
    ids=[
        "runs", "off", "failed", "disabled", "may stay disabled", "static", "masked", "restart",
        "a name that begins alike", "reload", "restart beats reload", "work that is done", "work to do again", "stop",
        "stop and disable", "take away", "mask", "masked already", "gone already", "never there", "mask what may come",
    ],
)  # fmt: skip
def test_a_unit_is_brought_into_its_state(
    program: Program, state: dict[str, str], given: dict[str, Any], changed: list[str], done: list[str]
) -> None:
    program("systemctl", shown(state))

    assert units.bring([unit(**given)], changed, wet=False) == done


def test_all_units_are_asked_for_at_once(program: Program) -> None:
    calls = program("systemctl", shown(RUNNING, {**RUNNING, "ActiveState": "inactive"}))

    done = units.bring([unit("a.service"), unit("b.service")], [], wet=False)

    assert done == ["start b.service"]
    assert len(calls.read_text().splitlines()) == 1


def test_a_rehearsal_calls_nothing(program: Program) -> None:
    calls = program("systemctl", shown({**RUNNING, "ActiveState": "inactive"}))

    units.bring([unit()], ["/etc/systemd/system/some.service"], wet=False)

    assert [line.split()[0] for line in calls.read_text().splitlines()] == ["show"]


@pytest.mark.parametrize(
    ("state", "changed"),
    [(RUNNING, ["/etc/systemd/system/some.service"]), ({**RUNNING, "NeedDaemonReload": "yes"}, [])],
    ids=["a unit's file changed", "systemd says so"],
)
def test_systemd_reads_units_anew_when_they_changed(
    program: Program, state: dict[str, str], changed: list[str]
) -> None:
    calls = program("systemctl", shown(state))

    units.bring([unit()], changed, wet=True)

    assert "daemon-reload" in calls.read_text().splitlines()


def test_a_unit_that_is_not_waited_for_is_not_waited_for(program: Program) -> None:
    calls = program("systemctl", shown({**RUNNING, "ActiveState": "inactive"}))

    units.bring([unit(wait=False)], [], wet=True)

    assert f"--no-block start {NAME}" in calls.read_text()


def test_a_unit_that_fails_brings_the_end_of_its_journal(program: Program) -> None:
    program("systemctl", shown({**RUNNING, "ActiveState": "inactive"}), status=1)
    program("journalctl", "line 1\nline 2\n")

    with pytest.raises(units.UnitFailed) as caught:
        units.bring([unit()], [], wet=True)

    assert f"start {NAME}" in str(caught.value)
    assert caught.value.evidence == ["line 1", "line 2"]


def test_a_dangerous_change_undoes_itself_unless_it_is_stopped(program: Program) -> None:
    program("systemctl", shown(RUNNING))
    timers = program("systemd-run")

    units.bring([unit("ssh.service", reload_on=["/etc/x"], undo=["/etc/x"])], ["/etc/x"], wet=True)

    assert "--unit=platform-undo-ssh" in timers.read_text()
    assert "rm -f /etc/x; systemctl reload-or-restart ssh.service" in timers.read_text()


def test_no_units_ask_nothing(program: Program) -> None:
    calls = program("systemctl")

    assert units.bring([], [], wet=True) == []
    assert calls.read_text() == ""


def given_back(path: Path, now: dict[str, str], program: Program, changed: list[str]) -> list[str]:
    """Return what is done to have a unit be as it was."""
    program("systemctl", shown(now))
    entries = list(units.as_before([unit(state="original", restart_on=["/etc/some"])], str(path)))
    return units.end(entries, wet=False) + units.bring(
        [e for e in entries if e["state"] != "absent"], changed, wet=False
    )


OFF = {**RUNNING, "ActiveState": "inactive", "UnitFileState": "disabled"}


@pytest.mark.parametrize(
    ("before", "now", "changed", "done"),
    [
        pytest.param(RUNNING, RUNNING, ["/etc/some/file"], [f"restart {NAME}"], id="it reads its own settings again"),
        pytest.param(RUNNING, RUNNING, [], [], id="it runs as it did"),
        pytest.param(RUNNING, OFF, [], [f"enable {NAME}", f"start {NAME}"], id="somebody stopped it"),
        pytest.param(OFF, RUNNING, [], [f"stop {NAME}", f"disable {NAME}"], id="it was off"),
        pytest.param(
            {**OFF, "ActiveState": "active"}, RUNNING, [], [f"disable {NAME}"], id="it did not start by itself"
        ),
        pytest.param(MISSING, RUNNING, [], [f"stop {NAME}", f"disable {NAME}"], id="it was not there"),
        pytest.param(RUNNING, MISSING, [], [], id="it went with its package"),
    ],
)
def test_a_unit_is_given_back_as_it_was(
    before: dict[str, str], now: dict[str, str], changed: list[str], done: list[str], program: Program, tmp_path: Path
) -> None:
    record = tmp_path / "units.json"
    program("systemctl", shown(before))
    units.remember([unit(keep=True)], str(record))

    assert given_back(record, now, program, changed) == done


def test_what_a_unit_was_is_remembered_once(program: Program, tmp_path: Path) -> None:
    record = tmp_path / "units.json"
    for state in (OFF, RUNNING):
        program("systemctl", shown(state))
        units.remember([unit(keep=True)], str(record))

    assert given_back(record, RUNNING, program, []) == [f"stop {NAME}", f"disable {NAME}"]


def test_a_unit_that_was_given_back_is_left_alone_the_next_time(program: Program, tmp_path: Path) -> None:
    record = tmp_path / "units.json"
    program("systemctl", shown(RUNNING))
    units.remember([unit(keep=True)], str(record))
    units.forget(list(units.as_before([unit(state="original")], str(record))), str(record))

    assert given_back(record, RUNNING, program, ["/etc/some"]) == []
    assert not record.exists()
