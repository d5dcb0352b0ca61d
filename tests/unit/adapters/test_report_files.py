"""Reports as files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from installer.adapters.report_files import keep_report, render, timeline
from installer.model.plan import StepResult, TaskTime
from installer.model.report import Expiry, RunReport
from tests.fakes import failed, plan_of

STEPS = {
    "base deploy": StepResult(True, 3, 8.0, slowest=(TaskTime("deploy | Unpack", 6.0),), ended=8.0),
    "base verify": StepResult(True, 0, 2.0, ended=10.0),
}
REPORT = RunReport(
    site="lab",
    bundle="lab-1",
    ok=True,
    began="2026-01-01T10:00:00+00:00",
    seconds=10.0,
    plan=plan_of("base"),
    steps=STEPS,
    facts={"kubeconfig": "/var/lib/x/kubeconfig"},
    command="install",
    versions={"base": "base 1.2"},
    expiries=(Expiry("the bundle", "2027-01-01"),),
    next_steps=("Look at the cluster: kubectl get nodes",),
)


def test_the_page_says_what_was_done_and_needs_nothing_else() -> None:
    page = render(REPORT, {"tool": "1.0"})

    for word in ("base 1.2", "deploy | Unpack", "2027-01-01", "kubectl get nodes", "/var/lib/x/kubeconfig"):
        assert word in page
    assert "<script" not in page
    assert "http" not in page


def test_what_hosts_said_is_escaped() -> None:
    hostile = '<script>alert("x")</script>'
    steps = {"base deploy": failed(hostile, host=hostile, task=hostile, evidence=(hostile,))}
    report = replace(REPORT, ok=False, site=hostile, steps=steps, facts={hostile: hostile}, next_steps=(hostile,))

    page = render(report, {})

    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 7


def test_a_report_of_nothing_can_be_written() -> None:
    assert "nothing" not in render(RunReport("lab", "", True, REPORT.began, 0.0, plan_of()), {})


def test_steps_side_by_side_stand_where_they_worked() -> None:
    bars = timeline(STEPS)

    assert [(bar.name, bar.left, bar.width) for bar in bars] == [
        ("base deploy", 0.0, 80.0),
        ("base verify", 80.0, 20.0),
    ]


def test_a_step_too_short_to_see_is_drawn_inside_the_page() -> None:
    (*_, last) = timeline({**STEPS, "base check": StepResult(True, 0, 0.0, ended=10.0)})

    assert last.width > 0
    assert last.left + last.width <= 100


def test_both_files_are_kept_for_their_owner_and_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for day in range(1, 54):
        began = f"2026-{1 + day // 28:02}-{1 + day % 28:02}T10:00:00+00:00"
        page = keep_report(tmp_path / "reports", replace(REPORT, began=began), {"day": day})

    kept = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(kept) == 100
    assert page.stat().st_mode & 0o077 == 0
    assert json.loads(page.with_suffix(".json").read_text()) == {"day": 53}
