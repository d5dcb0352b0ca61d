"""Steps are grouped into jobs, and jobs run side by side, each when what it waits for has ended well."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from installer.engine.scheduler import group, run_jobs
from installer.model.plan import Job, Step, StepResult
from tests.fakes import BAD, GOOD


def step(name: str, *after: str) -> Step:
    component, _, verb = name.partition(" ")
    return Step(component, verb, "all", after=after)


def jobs_of(*steps: Step, lanes: int = 2, **seconds: float) -> list[list[str]]:
    known = {name.replace("_", " "): value for name, value in seconds.items()}
    return [[entry.name for entry in job.steps] for job in group(steps, lanes, known)]


def run(jobs: tuple[Job, ...], results: dict[str, StepResult] | None = None, at_once: int = 1) -> list[str]:
    """Run jobs whose steps end as told, and return the steps in the order they began."""
    order: list[str] = []

    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        for entry in job.steps:
            order.append(entry.name)
            ended(entry, (results or {}).get(entry.name, GOOD))

    run_jobs(jobs, work, at_once)
    return order


def test_a_verification_shares_its_deployments_job() -> None:
    assert jobs_of(step("a deploy"), step("a verify", "a deploy")) == [["a deploy", "a verify"]]


def test_a_verification_that_waits_for_others_has_a_job_of_its_own() -> None:
    jobs = jobs_of(step("a deploy"), step("a verify", "a deploy", "b deploy"), step("b deploy", "a deploy"))

    assert jobs == [["a deploy"], ["b deploy"], ["a verify"]]


def test_verifications_of_what_stands_share_lanes_the_longest_first() -> None:
    steps = [step("a verify"), step("b verify"), step("c verify"), step("d verify")]

    jobs = jobs_of(*steps, a_verify=1, b_verify=9, c_verify=5, d_verify=3)

    assert jobs == [["b verify"], ["c verify", "d verify", "a verify"]]


def test_verifications_that_are_checks_alone_share_a_lane() -> None:
    steps = [step("a verify"), step("b verify"), step("c verify"), step("d verify")]
    asked = [replace(entry, checks_only=entry.component in "ac") for entry in steps]

    jobs = jobs_of(*asked, a_verify=4, b_verify=9, c_verify=4, d_verify=5)

    assert jobs == [["b verify"], ["d verify", "a verify", "c verify"]]


def test_what_is_asked_together_takes_as_long_as_its_longest() -> None:
    steps = [step("a verify"), step("b verify"), step("c verify"), step("d verify")]
    asked = [replace(entry, checks_only=entry.component in "ac") for entry in steps]

    jobs = jobs_of(*asked, a_verify=4, b_verify=5, c_verify=4, d_verify=2)

    assert jobs == [["b verify"], ["a verify", "c verify", "d verify"]]


def test_the_longest_lane_has_a_head_start() -> None:
    steps = [step("a verify"), step("b verify"), step("c verify")]

    jobs = group(steps, 3, {"a verify": 4.0, "b verify": 9.0, "c verify": 8.5})

    assert {job.name: job.yields for job in jobs} == {"b verify": 0.0, "c verify": 0.5, "a verify": 1.5}


def test_what_yields_begins_later() -> None:
    waited: list[float] = []
    jobs = (Job((step("a verify"),)), Job((step("b verify"),), yields=1.5))

    results = run_jobs(jobs, lambda job, ended: ended(job.steps[0], GOOD), 1, waited.append)

    assert sorted(waited) == [0.0, 1.5]
    assert sorted(results) == ["a verify", "b verify"]


def test_there_are_no_more_lanes_than_verifications() -> None:
    assert jobs_of(step("a verify"), lanes=5) == [["a verify"]]


def test_removals_share_one_job_in_their_order() -> None:
    assert jobs_of(step("b remove"), step("a remove", "b remove")) == [["b remove", "a remove"]]


def test_no_step_is_lost_and_none_runs_twice() -> None:
    steps = [step(f"{name} {verb}") for name in "abcdef" for verb in ("deploy", "verify")]

    jobs = jobs_of(*steps, lanes=3)

    assert sorted(name for job in jobs for name in job) == sorted(entry.name for entry in steps)


def test_a_job_begins_after_what_it_waits_for() -> None:
    jobs = group([step("c deploy", "b deploy"), step("a deploy"), step("b deploy", "a deploy")], 1, {})

    assert run(jobs) == ["a deploy", "b deploy", "c deploy"]


def test_the_longest_chain_goes_first() -> None:
    jobs = group([step("alone deploy"), step("first deploy"), step("second deploy", "first deploy")], 1, {})

    assert run(jobs)[0] == "first deploy"


def test_what_is_no_part_of_the_run_holds_nobody_up() -> None:
    jobs = group([step("b deploy", "a deploy")], 1, {})

    assert run(jobs) == ["b deploy"]


def test_nothing_begins_after_a_failure() -> None:
    jobs = group([step("a deploy"), step("b deploy", "a deploy"), step("c deploy", "b deploy")], 1, {})

    assert run(jobs, {"a deploy": BAD}) == ["a deploy"]


def test_what_runs_beside_a_failure_is_let_end() -> None:
    failed = threading.Event()
    ended_late = []

    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        (entry,) = job.steps
        if entry.component == "bad":
            ended(entry, BAD)
            failed.set()
            return
        failed.wait(10)
        ended_late.append(entry.name)
        ended(entry, GOOD)

    results = run_jobs(group([step("bad deploy"), step("slow deploy")], 1, {}), work, 2)

    assert ended_late == ["slow deploy"]
    assert {name: result.ok for name, result in results.items()} == {"bad deploy": False, "slow deploy": True}


def test_no_more_jobs_run_than_may() -> None:
    running, most = 0, 0
    guard = threading.Lock()

    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        ended(job.steps[0], GOOD)
        with guard:
            running -= 1

    run_jobs(group([step(f"c{number} deploy") for number in range(9)], 1, {}), work, 2)

    assert most <= 2


def test_a_bug_in_a_job_is_told_after_the_others_have_ended() -> None:
    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        if job.name == "a deploy":
            raise ZeroDivisionError("a bug")
        ended(job.steps[0], GOOD)

    with pytest.raises(ZeroDivisionError):
        run_jobs(group([step("a deploy"), step("b deploy")], 1, {}), work, 2)


def test_no_jobs_have_no_results() -> None:
    assert run_jobs((), lambda job, ended: None, 4) == {}


def test_what_needs_a_milestone_begins_before_the_deployment_ends() -> None:
    order: list[str] = []
    began = threading.Event()

    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        order.append(f"begin {job.name}")
        if job.name == "cluster deploy":
            ended(Step("cluster", "api", "all"), GOOD)
            assert began.wait(10), "What waited for the milestone did not begin."
        else:
            began.set()
        order.append(f"end {job.name}")
        for entry in job.steps:
            ended(entry, GOOD)

    cluster = Step("cluster", "deploy", "all", milestone="cluster api")
    network = Step("network", "deploy", "all", after=("cluster api",))
    results = run_jobs(group([cluster, network], 1, {}), work, 2)

    assert order[:2] == ["begin cluster deploy", "begin network deploy"]
    assert set(results) == {"cluster deploy", "network deploy"}


def test_a_milestone_that_is_not_told_is_reached_at_the_end() -> None:
    order: list[str] = []

    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        order.append(job.name)
        for entry in job.steps:
            ended(entry, GOOD)

    cluster = Step("cluster", "deploy", "all", milestone="cluster api")
    network = Step("network", "deploy", "all", after=("cluster api",))
    run_jobs(group([network, cluster], 1, {}), work, 2)

    assert order == ["cluster deploy", "network deploy"]
