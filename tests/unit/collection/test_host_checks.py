"""A check that holds says nothing; one that does not says what it found."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.modules import host_checks

EMPTY: dict[str, Any] = {
    name: None for name in ("command", "output", "no_output", "unit", "sysctl", "file", "holds", "listens", "report")
}


def wrong(told: dict[str, str] | None = None, environment: dict[str, str] | None = None, **given: Any) -> str:
    check = {**EMPTY, "status": 0, "environment": environment or {}, **given}
    return host_checks.wrong_with(check, {} if told is None else told)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    "given",
    [
        {"command": python("pass")},
        {"command": python("raise SystemExit(3)"), "status": 3},
        {"command": python("print('a\\nb')"), "output": "^b$"},
        {"command": python("print('a')"), "no_output": "^b$"},
        {"sysctl": {"kernel.ostype": "Linux"}},
    ],
    ids=["status", "other status", "output", "no output", "setting"],
)
def test_what_holds_says_nothing(given: dict[str, Any]) -> None:
    assert wrong(**given) == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"command": python("print('why'); raise SystemExit(2)")}, "ended with 2, not 0: why"),
        ({"command": python("pass"), "status": 1}, "ended with 0, not 1"),
        ({"command": python("print('a')"), "output": "^b$"}, "said nothing like '^b$': a"),
        ({"command": python("import sys; print('b', file=sys.stderr)"), "output": "b"}, "said nothing like"),
        ({"command": python("print('bad thing')"), "no_output": "bad"}, "said 'bad'"),
        ({"command": ["no-such-program"]}, "did not run"),
        (
            {"sysctl": {"kernel.ostype": "Minix", "kernel.nothing": 1}},
            "kernel.ostype is Linux, not Minix; kernel.nothing is not there",
        ),
        ({"file": "/nonexistent"}, "cannot be read"),
        ({}, "asks for nothing"),
    ],
    ids=[
        "failed",
        "did not fail",
        "other output",
        "output on stderr",
        "output",
        "no program",
        "settings",
        "no file",
        "empty",
    ],
)
def test_what_does_not_hold_says_what_was_found(given: dict[str, Any], said: str) -> None:
    assert said in wrong(**given)


def test_a_file_holds_a_line(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("first\nsecond\n")

    assert wrong(file=str(path), holds="^second$") == ""
    assert "holds nothing like" in wrong(file=str(path), holds="^third$")


def test_a_port_is_listened_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert wrong(listens=port) == ""

    assert wrong(listens=port) == f"nothing listens on TCP port {port}"


@pytest.mark.parametrize(("status", "said"), [(0, ""), (3, "some.service is inactive")])
def test_a_unit_is_asked_for(program: Callable[..., Path], status: int, said: str) -> None:
    program("systemctl", "inactive\n", status)

    assert wrong(unit="some.service") == said


def test_what_a_command_tells_is_reported() -> None:
    report: dict[str, str] = {}

    wrong(report, command=python("print('packets 42 bytes 7')"), output=r"packets (\d+)", report="refused")

    assert report == {"refused": "42"}


def test_a_command_gets_the_environment_it_is_given() -> None:
    assert (
        wrong(environment={"WHERE": "here"}, command=python("import os; print(os.environ['WHERE'])"), output="here")
        == ""
    )


def test_a_long_command_is_shortened() -> None:
    assert len(wrong(command=python("#" * 5000 + "\nraise SystemExit(1)"))) < 1000


def entry(component: str, **given: Any) -> dict[str, Any]:
    return {
        **EMPTY,
        "name": "it works",
        "cure": "Mend it.",
        "status": 0,
        "seconds": 0,
        "environment": {},
        "component": component,
        **given,
    }


def test_what_came_of_checks_is_told_by_component() -> None:
    checks = [
        entry("good", command=python("print('until 2030')"), output="until (.+)", report="ends"),
        entry("bad", command=python("raise SystemExit(1)")),
        entry("good", command=python("pass")),
    ]

    found = host_checks.outcomes(checks)

    assert (found["good"]["problems"], found["good"]["platform_report"]) == ([], {"ends": "2030"})
    assert len(found["bad"]["problems"]) == 1
    assert found["bad"]["problems"][0].startswith("it works: ")
    assert found["bad"]["problems"][0].endswith(" Mend it.")


def test_no_component_waits_for_what_another_waits_for(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    waits = entry("first", file=str(sign), seconds=60)
    makes = entry("second", command=python(f"open({str(sign)!r}, 'w')"))

    found = host_checks.outcomes([waits, makes])

    assert [part["problems"] for part in found.values()] == [[], []]


def test_nothing_is_waited_for_on_a_host_that_was_set_up_anew(tmp_path: Path) -> None:
    waits = entry("disk", file=str(tmp_path / "never"), seconds=600)

    found = host_checks.outcomes([waits], str(tmp_path / "authority.crt"))

    assert found["disk"]["bare"]
    assert "set up anew" in found["disk"]["problems"][0]


def test_no_checks_are_no_problems() -> None:
    assert host_checks.outcomes([]) == {}
