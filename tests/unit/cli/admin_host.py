"""An admin host that says what a test gives it, for commands that ask one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ansible_runner
import pytest
from typer.testing import CliRunner

from installer.cli.app import app
from tests.ansible_stand_in import task
from tests.unit.cli.small_site import HOSTS

Run = Callable[..., tuple[int, str, str]]


class Admin:
    """Stands in for Ansible: the admin host says one thing after another.

    Args:
        variable: by which it is told what is asked.
    """

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self.says: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.environment: dict[str, str] = {}

    def __call__(self, **given: Any) -> SimpleNamespace:
        self.asked.append((given["extravars"] or {}).get(self._variable, {}))
        self.environment = given["envvars"]
        said = self.says.pop(0)
        given["event_handler"](task("failed" if "msg" in said else "ok", host="admin1", **said))
        return SimpleNamespace(status="successful")


def standing_in(variable: str, monkeypatch: pytest.MonkeyPatch) -> Admin:
    """Return what stands in for Ansible as long as a test lasts."""
    stand_in = Admin(variable)
    monkeypatch.setattr(ansible_runner, "run", stand_in)
    return stand_in


def running(admin: Admin, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a command about models for a site of one admin host, which says what a test gives it."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("PLATFORM_LAB", raising=False)
    (folder / "site" / "group_vars").mkdir(parents=True)
    (folder / "site" / "hosts.yml").write_text(HOSTS)

    def command(*arguments: str, says: tuple[dict[str, Any], ...] = ()) -> tuple[int, str, str]:
        admin.says = list(says)
        site = ["-i", str(folder / "site"), "--state", str(folder / "state")]
        result = CliRunner().invoke(app, ["model", *arguments, *site])
        return result.exit_code, result.stdout, result.stderr

    return command
