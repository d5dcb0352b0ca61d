"""The command line as a whole: options, errors, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installer.cli.app import app
from installer.cli.commands import version
from installer.cli.completion import components, hosts, inventories, lab_hosts
from installer.cli.options import Common
from installer.errors import ComponentFailed

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test see a lab or a state directory of this machine."""
    monkeypatch.setenv("PLATFORM_LAB", "tests-have-none")
    yield


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("arguments", [("--output", "json", "version"), ("version", "--output", "json")])
def test_an_option_stands_before_or_after_the_commands_name(arguments: tuple[str, ...]) -> None:
    code, stdout, _ = run(*arguments)

    document = json.loads(stdout)
    assert code == 0
    assert document["kubernetes"].startswith("v")
    assert document["components"]["kubernetes"]["parts"]


def test_the_version_names_the_tool_kubernetes_and_every_component() -> None:
    code, stdout, _ = run("version")

    assert code == 0
    assert stdout.startswith("platform-install ")
    assert all(path.parent.name in stdout for path in PROJECT.glob("roles/*/component.yml"))


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_an_unknown_component_ends_with_two_and_the_nearest_name(option: str, tmp_path: Path) -> None:
    code, _, stderr = run("-i", "lab", "--state", str(tmp_path / "state"), option, "kubernets", "--dry-run")

    assert code == 2
    assert "Did you mean kubernetes?" in stderr


@pytest.mark.parametrize("command", [(), ("status",), ("verify",)], ids=str)
def test_an_unknown_host_ends_with_two_and_the_known_names(command: tuple[str, ...], tmp_path: Path) -> None:
    code, _, stderr = run(
        "-i",
        "lab",
        "--state",
        str(tmp_path / "state"),
        "--limit",
        "cp9",
        *command,
        *(["--dry-run"] if not command else []),
    )

    # To verify, the lab must be up, which is looked at first.
    assert code in ((2,) if command != ("verify",) else (2, 3))
    assert "cp9" in stderr or "is not up" in stderr


def test_an_error_is_a_document_too_when_json_was_asked_for(tmp_path: Path) -> None:
    code, stdout, stderr = run(
        "-i", "lab", "--state", str(tmp_path / "s"), "--only", "nothing", "--dry-run", "-o", "json"
    )

    document = json.loads(stdout)
    assert (code, document["event"], document["exit_code"]) == (2, "error", 2)
    assert document["summary"] in stderr


def test_status_of_a_site_that_was_never_installed_says_so_and_makes_nothing(tmp_path: Path) -> None:
    code, stdout, _ = run("status", "-i", "lab", "--state", str(tmp_path / "state"), "--offline")

    assert code == 0
    assert "nothing was installed yet" in stdout
    assert not (tmp_path / "state").exists()


def test_status_of_a_lab_that_is_off_says_so_host_by_host(tmp_path: Path) -> None:
    code, stdout, _ = run("status", "-i", "lab", "--state", str(tmp_path / "state"), "-o", "json")

    document = json.loads(stdout)
    assert code == 0
    assert {host["health"] for host in document["hosts"]} == {"unreachable"}
    assert all("lab up" in host["problem"] for host in document["hosts"])


def test_verify_where_nothing_is_deployed_is_refused_with_what_to_do(tmp_path: Path) -> None:
    code, _, stderr = run("verify", "-i", "lab", "--state", str(tmp_path / "state"), "--dry-run")

    assert code == 2
    assert "not deployed" in stderr


@pytest.mark.parametrize(
    "command", [["exec", "true"], ["ssh", "cp1"], ["status"], ["kill", "cp1"], ["start", "cp1"]], ids=str
)
def test_a_command_for_a_lab_that_is_off_says_how_to_bring_it_up(command: list[str]) -> None:
    code, _, stderr = run("lab", *command)

    assert code == 3
    assert "platform-install lab up" in stderr


@pytest.mark.parametrize("command", ["ssh", "kill", "start"])
def test_an_unknown_host_of_a_lab_ends_with_two_and_the_known_names(command: str) -> None:
    code, _, stderr = run("lab", command, "cp9")

    assert code == 2
    assert "There are admin1, cp1, cp2, cp3" in stderr


@pytest.mark.parametrize(
    ("raised", "code"), [(ComponentFailed("It broke.", hint="Mend it."), 5), (KeyboardInterrupt(), 130)], ids=repr
)
def test_what_ends_a_command_early_becomes_its_exit_code(
    raised: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise raised

    monkeypatch.setattr(version, "version_of", broken)

    found, _, stderr = run("version")

    assert found == code
    assert "→" in stderr


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(version, "version_of", bug)

    result = CliRunner().invoke(app, ["version"])

    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_closed_pipe_ends_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-m", "installer", "version"], cwd=PROJECT, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_options_go_on_a_command_line_again() -> None:
    options = Common.of(inventory="lab", limit="cp1", only=["a,b", "c"], output=None, skip=[])

    assert options.arguments() == ("--inventory", "lab", "--limit", "cp1", "--only", "a", "--only", "b", "--only", "c")


def test_what_was_given_after_the_commands_name_goes_before_what_was_given_before_it() -> None:
    merged = Common.of(inventory="mine").over(Common.of(inventory="lab", limit="cp1"))

    assert (merged.inventory, merged.limit) == ("mine", "cp1")


class Line:
    """What has been typed so far."""

    def __init__(self, parent: Line | None = None, **params: object) -> None:
        self.params = params
        self.parent = parent


def test_tab_offers_inventories_and_components() -> None:
    line = Line()

    assert "lab" in inventories(line, [], "l")  # type: ignore[arg-type]
    assert components(line, [], "kube") == ["kubernetes"]  # type: ignore[arg-type]


def test_tab_offers_hosts_and_groups_of_the_inventory_on_the_line() -> None:
    line = Line(Line(inventory="lab"))

    assert hosts(line, [], "c") == ["control_plane", "cp1", "cp2", "cp3"]  # type: ignore[arg-type]
    assert hosts(line, [], "cp1,a") == ["cp1,admin", "cp1,admin1"]  # type: ignore[arg-type]
    assert lab_hosts(Line(), [], "") == ["admin1", "cp1", "cp2", "cp3"]  # type: ignore[arg-type]


def test_tab_offers_nothing_where_there_is_no_inventory() -> None:
    assert hosts(Line(inventory="nowhere"), [], "") == []  # type: ignore[arg-type]
