"""A run asks first, writes everything down, and tells truly how it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from installer.engine.plan import make_plan
from installer.errors import ComponentFailed, Interrupted, VerificationFailed
from installer.model.events import Notice, StepChanged, StepStatus
from installer.model.plan import Change, Plan, StepResult, TaskFailure
from installer.model.report import RunReport
from installer.ports import Confirmation
from installer.workflows.install import Crew, carry_out, failure_of, note_unchanged
from tests.fakes import (
    BAD,
    GOOD,
    MemoryJournal,
    RecordingReporter,
    ScriptedRunner,
    answering,
    catalog,
    component,
    inventory,
    parts,
)

CATALOG = catalog(component("a"), component("b", "a"))
PARTS = {name: parts(role=name) for name in CATALOG.names}
PLAN = make_plan(CATALOG, inventory(h1="worker"), PARTS, {})


class Site:
    """A run with stand-ins for everybody."""

    def __init__(self, **results: StepResult) -> None:
        self.journal, self.reporter = MemoryJournal(), RecordingReporter()
        self.runner = ScriptedRunner({name.replace("_", " "): result for name, result in results.items()})

    def run(self, agrees: bool = True, confirm: Confirmation | None = None, plan: Plan = PLAN) -> RunReport:
        crew = Crew(self.runner, self.journal, self.reporter, confirm or answering(agrees), {}, at_once=1)
        return carry_out("site", "bundle-1", "install", plan, PARTS, crew)


def test_everything_runs_in_the_order_of_needs() -> None:
    site = Site()

    report = site.run()

    assert report.ok
    assert site.runner.ran == ["a deploy", "a verify", "b deploy", "b verify"]


def test_nothing_runs_when_the_operator_does_not_agree() -> None:
    site = Site()

    with pytest.raises(Interrupted):
        site.run(agrees=False)

    assert (site.runner.ran, site.journal.entries) == ([], [])


def test_the_operator_is_asked_with_what_and_where() -> None:
    asked: list[str] = []

    Site().run(confirm=lambda question: not asked.append(question))  # type: ignore[func-returns-value]

    assert asked == ["2 to install, on 1 hosts (h1). Go on?"]


@pytest.mark.parametrize("answers", [(False,), (True, False)])
def test_nothing_runs_unless_each_question_is_agreed_to(answers: tuple[bool, ...]) -> None:
    site, left = Site(), list(answers)
    crew = Crew(
        site.runner,
        site.journal,
        site.reporter,
        lambda _: left.pop(0),
        {},
        at_once=1,
        further_question="Delete it?",
    )

    with pytest.raises(Interrupted):
        carry_out("site", "", "remove", PLAN, PARTS, crew)

    assert (left, site.runner.ran) == ([], [])


def test_nobody_is_asked_when_nothing_changes() -> None:
    unchanged = replace(PLAN, components=(), steps=())

    assert Site().run(agrees=False, plan=unchanged).ok


def test_a_step_is_written_down_before_it_begins_and_when_it_ended() -> None:
    site = Site(a_deploy=BAD)

    site.run()

    assert site.journal.entries == [
        ("begin run", "install", "bundle-1"),
        ("begin", "a deploy"),
        ("begin", "a verify"),
        ("end", "a deploy", False),
        ("end", "a verify", True),
        ("end run", "failed"),
    ]


def test_a_run_that_lacks_a_step_is_not_good() -> None:
    site = Site(a_verify=BAD)

    report = site.run()

    assert not report.ok
    assert "b deploy" not in report.steps


@pytest.mark.parametrize(
    ("result", "status"),
    [(GOOD, StepStatus.UNCHANGED), (replace(GOOD, changed=1), StepStatus.DONE), (BAD, StepStatus.FAILED)],
)
def test_the_operator_is_told_how_a_step_ended(result: StepResult, status: StepStatus) -> None:
    site = Site(a_deploy=result)

    site.run()

    assert site.reporter.of(StepChanged)[0].status is status


def test_a_bug_closes_the_run_in_the_journal() -> None:
    site = Site()
    site.runner.run = None  # type: ignore[method-assign, assignment]

    with pytest.raises(TypeError):
        site.run()

    assert site.journal.entries[-1] == ("end run", "broken off")


def failed(*names: str) -> RunReport:
    """Return the report of a run in which steps failed."""
    failure = TaskFailure("h1", "do it", "first line\nsecond line", tuple(f"log {number}" for number in range(99)))
    steps = {name: replace(BAD, failures=(failure,)) for name in names}
    return RunReport("site", "bundle-1", False, "now", 1.0, PLAN, steps={"a deploy": GOOD, **steps})


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["b deploy"], ComponentFailed),
        (["a verify"], VerificationFailed),
        (["a verify", "b verify"], VerificationFailed),
        (["a verify", "b deploy"], ComponentFailed),
        (["b remove"], ComponentFailed),
    ],
)
def test_the_error_tells_what_is_not_there_from_what_does_not_work(names: list[str], kind: type[Exception]) -> None:
    assert type(failure_of(failed(*names), "again")) is kind


def test_the_error_says_task_host_message_evidence_and_how_to_go_on() -> None:
    error = failure_of(failed("b deploy"), "platform-install --inventory site")

    assert error is not None
    assert error.details[:3] == ("b deploy: do it, on h1:", "    first line", "    second line")
    assert error.details[-1] == "    | log 98"
    assert len(error.details) < 99
    assert "platform-install --inventory site" in error.hint


def test_a_good_run_has_no_error() -> None:
    assert failure_of(Site().run(), "again") is None


AS_DEPLOYED = replace(PLAN, components=tuple(replace(item, change=Change.UNCHANGED) for item in PLAN.components))


@pytest.mark.parametrize(("plan", "notices"), [(PLAN, 0), (replace(PLAN, components=()), 0), (AS_DEPLOYED, 1)])
def test_that_nothing_changes_is_noted_when_it_is_so(plan: Plan, notices: int) -> None:
    reporter = RecordingReporter()

    note_unchanged(plan, reporter)

    assert len(reporter.of(Notice)) == notices
