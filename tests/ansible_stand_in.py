"""A stand-in for `ansible_runner.run`, and the events it tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from installer.model.plan import Step, StepResult

DEPLOY, VERIFY, OTHER = Step("storage", "deploy", "all"), Step("storage", "verify", "all"), Step("net", "verify", "all")
Told = dict[str, StepResult]


class FakeAnsible:
    """Stands in for `ansible_runner.run`: tells events, and ends as it was told to."""

    def __init__(self, events: Iterable[Mapping[str, Any]] = (), status: str = "successful", stdout: str = "") -> None:
        self.events = list(events)
        self.status = status
        self.stdout = stdout
        self.given: dict[str, Any] = {}
        self.kept: list[bool] = []

    def __call__(self, **given: Any) -> SimpleNamespace:
        self.given = given
        folder = Path(given["private_data_dir"]) / "artifacts" / "1"
        folder.mkdir(parents=True)
        (folder / "stdout").write_text(self.stdout)
        self.kept = [given["event_handler"](event) for event in self.events]
        return SimpleNamespace(status=self.status)


def begins(step: Step) -> dict[str, Any]:
    return {"event": "playbook_on_play_start", "event_data": {"play": f"{step.component}: {step.verb}"}}


def task(kind: str = "ok", name: str = "work", host: str = "a", seconds: float = 1.0, **result: Any) -> dict[str, Any]:
    data = {"task": name, "host": host, "duration": seconds, "res": result}
    return {"event": f"runner_on_{kind}", "event_data": data}


def plays(ansible: FakeAnsible) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(ansible.given["playbook"]).read_text())
    return found
