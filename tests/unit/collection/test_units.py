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
