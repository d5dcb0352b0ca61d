"""Group steps into jobs, and run jobs side by side, each as soon as what it waits for has ended well."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from installer.model.plan import Job, Step, StepResult

Ended = Callable[[Step, StepResult], None]
Work = Callable[[Job, Ended], None]
_UNKNOWN_SECONDS = 3.0
# What Ansible computes before a host has anything to do; most of a long verification is waiting, which others fill.
_HEAD_START = 1.5


def group(steps: Sequence[Step], lanes: int, seconds: Mapping[str, float]) -> tuple[Job, ...]:
    """Return the jobs that take the steps.

    A deployment takes along the verification that waits for nothing else. Verifications that wait
    for nothing at all are spread over a few lanes, the longest first; those that are checks alone stay together,
    since one question to a host answers all. The longest lane has a head start: the run lasts as long as it does.
    Removals are quick and follow each other: one run takes them all.

    Args:
        lanes: how many jobs share the verifications of what stands already.
        seconds: how long steps took when they last ran.
    """
    by_name = {step.name: step for step in steps}
    jobs = []
    for step in steps:
        if step.verb == "deploy":
            follower = by_name.get(f"{step.component} verify")
            together = [follower] if follower is not None and follower.after == (step.name,) else []
            jobs.append(Job((step, *together)))
    if removals := tuple(step for step in steps if step.verb == "remove"):
        jobs.append(Job(removals))
    taken = {step.name for job in jobs for step in job.steps}
    rest = [step for step in steps if step.name not in taken]
    free = [step for step in rest if step.verb == "verify" and not step.after]
    jobs += [Job((step,)) for step in rest if step not in free]
    asked = tuple(step for step in free if step.checks_only)
    parts: list[tuple[Step, ...]] = [(step,) for step in free if step not in asked]
    parts += [asked] if asked else []
    lanes_of: list[list[Step]] = [[] for _ in range(min(lanes, len(parts)))]

    def length(steps: Sequence[Step]) -> float:
        took = {step: seconds.get(step.name, _UNKNOWN_SECONDS) for step in steps}
        # What is asked together takes as long as its longest.
        longest = max((took.pop(step) for step in steps if step in asked), default=0.0)
        return longest + sum(took.values())

    for part in sorted(parts, key=lambda part: -length(part)):
        min(lanes_of, key=length).extend(part)
    longest = max(map(length, lanes_of), default=0.0)
    jobs += [Job(tuple(lane), min(_HEAD_START, longest - length(lane))) for lane in lanes_of]
    return tuple(jobs)


def run_jobs(
    jobs: Sequence[Job], work: Work, at_once: int, pause: Callable[[float], None] = time.sleep
) -> dict[str, StepResult]:
    """Run every job, and return the results of the steps that ran.

    After a failure nothing new begins; what runs already is let end. The longest chain of waiting
    jobs goes first, for it decides when all is done.

    Args:
        work: runs one job in a thread of its own, and tells each step's end; a milestone's, when it is reached, too.
        at_once: how many jobs run at most.
        pause: waits the seconds that a job leaves to a longer one.
    """
    waiting = {job.name: job for job in jobs}
    weight = _chain_lengths(jobs)
    results: dict[str, StepResult] = {}
    steps = [step for job in jobs for step in job.steps]
    planned = {name for step in steps for name in _names(step)}
    events: queue.Queue[tuple[Job, Step | None, StepResult | BaseException | None]] = queue.Queue()
    running: set[str] = set()
    failed: BaseException | None = None

    def run(job: Job) -> None:
        try:
            pause(job.yields)
            work(job, lambda step, result: events.put((job, step, result)))
            events.put((job, None, None))
        except BaseException as error:
            events.put((job, None, error))

    while waiting or running:
        if failed is None and all(result.ok for result in results.values()):
            ready = [job for job in waiting.values() if _may_begin(job, results, planned)]
            for job in sorted(ready, key=lambda job: -weight[job.name])[: max(0, at_once - len(running))]:
                del waiting[job.name]
                running.add(job.name)
                threading.Thread(target=run, args=(job,), name=job.name, daemon=True).start()
        if not running:
            break
        job, step, outcome = events.get()
        if step is not None and isinstance(outcome, StepResult):
            results.update(dict.fromkeys(_names(step), outcome))
            continue
        running.discard(job.name)
        if isinstance(outcome, BaseException):
            failed = failed or outcome
    if failed is not None:
        raise failed
    return {step.name: results[step.name] for step in steps if step.name in results}


def _names(step: Step) -> tuple[str, ...]:
    """Return what others may wait for in a step; at its end its milestone is reached as well."""
    return (step.name, step.milestone) if step.milestone else (step.name,)


def _may_begin(job: Job, results: dict[str, StepResult], planned: set[str]) -> bool:
    """Return whether all a job waits for ended well; what is not part of this run holds nobody up."""
    return all(results[name].ok if name in results else name not in planned for name in job.after)


def _chain_lengths(jobs: Sequence[Job]) -> dict[str, int]:
    """Return for each job how many steps follow each other behind it, at most."""
    owner = {name: job for job in jobs for step in job.steps for name in _names(step)}
    followers: dict[str, list[Job]] = {job.name: [] for job in jobs}
    for job in jobs:
        for name in job.after:
            if name in owner:
                followers[owner[name].name].append(job)
    lengths: dict[str, int] = {}

    def length(job: Job) -> int:
        if job.name not in lengths:
            lengths[job.name] = len(job.steps) + max((length(follower) for follower in followers[job.name]), default=0)
        return lengths[job.name]

    for job in jobs:
        length(job)
    return lengths
