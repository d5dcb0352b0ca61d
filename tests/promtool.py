"""Ask Prometheus' own judge of rules and queries."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

_PROGRAMS = Path("/var/cache/platform-install/programs")


def promtool() -> str:
    """Return the program: this machine's, or the one that was made for a bundle; without one the test is skipped."""
    made = sorted(_PROGRAMS.glob("*/promtool"), key=lambda path: path.stat().st_mtime)
    found = str(made[-1]) if made else shutil.which("promtool")
    if not found:
        pytest.skip("no promtool: build a bundle, or install Debian's package `prometheus`")
    return found


def values_of(
    query: str, series: Mapping[str, str], at: str, expected: Sequence[float], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Judge whether a query has these values, each without labels.

    Args:
        series: values by series, one for each 15 seconds, as promtool writes them.
        at: when it is asked, since the first of them.
    """
    case = {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": at, "exp_samples": [{"labels": "{}", "value": value} for value in expected]}
        ],
    }
    (folder / "cases.yml").write_text(yaml.safe_dump({"rule_files": [], "tests": [case]}))
    command = [promtool(), "test", "rules", "cases.yml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
