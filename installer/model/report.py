"""What a run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from installer.model.plan import Plan, StepResult, TaskFailure, TaskTime


@dataclass(frozen=True)
class Expiry:
    """Something that ends by itself.

    Attributes:
        what: what it is, and where it lies.
        on: the day, `YYYY-MM-DD`.
    """

    what: str
    on: str


@dataclass(frozen=True)
class RunReport:
    """The outcome of a run.

    Attributes:
        ok: every step ended well.
        seconds: wall time from the first phase to the report.
        steps: results by `component verb`, in the order they ended.
        facts: what an operator needs next: paths, addresses.
        command: what was asked for: install, verify, remove.
        versions: of each component, in the plan's order.
        expiries: what ends by itself, the soonest first.
        next_steps: what the operator does now, as sentences with commands.
    """

    site: str
    bundle: str
    ok: bool
    began: str
    seconds: float
    plan: Plan
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    expiries: tuple[Expiry, ...] = ()
    next_steps: tuple[str, ...] = ()

    @property
    def changed(self) -> int:
        """Return how many tasks changed something, over all hosts."""
        return sum(result.changed for result in self.steps.values())

    @property
    def failed(self) -> tuple[tuple[str, TaskFailure], ...]:
        """Return every failure with its step."""
        return tuple((name, failure) for name, result in self.steps.items() for failure in result.failures)

    @property
    def bare_hosts(self) -> tuple[str, ...]:
        """Return the hosts that were found set up anew."""
        return tuple(sorted({host for result in self.steps.values() for host in result.bare_hosts}))

    @property
    def slowest(self) -> tuple[tuple[str, TaskTime], ...]:
        """Return the slowest tasks with their steps, slowest first."""
        found = [(name, task) for name, result in self.steps.items() for task in result.slowest]
        return tuple(sorted(found, key=lambda entry: -entry[1].seconds))
