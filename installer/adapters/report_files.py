"""Reports beside the journal: JSON for programs, and one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer.model.plan import StepResult
from installer.model.report import RunReport

_KEPT = 50
_SLOWEST = 12
_LEAST_WIDTH = 0.4


@dataclass(frozen=True)
class Bar:
    """One step in the timeline, in hundredths of the whole."""

    name: str
    seconds: float
    changed: int
    ok: bool
    left: float
    width: float


def keep_report(folder: Path, report: RunReport, document: Mapping[str, Any]) -> Path:
    """Write a run's report, forget the oldest ones, and return the HTML file.

    Args:
        document: the report as plain data.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{report.began.replace(':', '').replace('+0000', 'Z')}-{report.command or 'run'}"
    _write(folder / f"{name}.json", json.dumps(document, indent=1) + "\n")
    page = folder / f"{name}.html"
    _write(page, render(report, document))
    for kind in ("json", "html"):
        for old in sorted(folder.glob(f"*.{kind}"))[:-_KEPT]:
            old.unlink(missing_ok=True)
    return page


def render(report: RunReport, document: Mapping[str, Any]) -> str:
    """Return the report as a page; every value is escaped, for hosts and programs wrote some of them."""
    import jinja2  # only who writes a report waits for it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        report=report, tool=document.get("tool", ""), bars=timeline(report.steps), slowest=report.slowest[:_SLOWEST]
    )


def timeline(steps: Mapping[str, StepResult]) -> tuple[Bar, ...]:
    """Return when each step worked, as shares of the time from the first step's begin to the last one's end."""
    if not steps:
        return ()
    first = min(result.ended - result.seconds for result in steps.values())
    whole = max(max(result.ended for result in steps.values()) - first, 0.001)
    bars = []
    for name, result in sorted(steps.items(), key=lambda entry: entry[1].ended - entry[1].seconds):
        left = min(100 * (result.ended - result.seconds - first) / whole, 100 - _LEAST_WIDTH)
        width = min(max(100 * result.seconds / whole, _LEAST_WIDTH), 100 - left)
        bars.append(Bar(name, result.seconds, result.changed, result.ok, left, width))
    return tuple(bars)


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone reads, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)
