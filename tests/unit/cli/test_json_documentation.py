"""Programs rely on docs/operations/json-output.md."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from installer.cli.reporting.json_lines import event_name
from installer.errors import ExitCode
from installer.model import events
from installer.model.releases import Audit, ModelSchedule, ModelState
from installer.model.report import RunReport
from installer.model.status import SiteStatus

PAGE = (Path(__file__).parents[3] / "docs" / "operations" / "json-output.md").read_text()
KINDS = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_described_with_all_its_fields(kind: type[events.Event]) -> None:
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{event_name(kind)}` |")), "")

    described = re.findall(r"`(\w+)`", row.split("|")[2]) if row else None

    assert described == [field.name for field in dataclasses.fields(kind)]


@pytest.mark.parametrize(
    "model", [Audit, ModelSchedule, ModelState, RunReport, SiteStatus], ids=lambda model: model.__name__
)
def test_every_field_of_a_result_is_described(model: type) -> None:
    assert all(f"`{field.name}" in PAGE for field in dataclasses.fields(model))


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_described(code: ExitCode) -> None:
    assert re.search(rf"(?<!\d){int(code)} \w+", PAGE[PAGE.index("Exit codes") :])
