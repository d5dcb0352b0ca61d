"""What a run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from installer.model.plan import Plan, StepResult


@dataclass(frozen=True)
class RunReport:
    """The outcome of a run.

    Attributes:
        ok: every step ended well.
        seconds: wall time from the first phase to the report.
        phases: wall seconds of each phase, in order.
        steps: results by `component verb`, in the order they ended.
        facts: what an operator needs next: paths, addresses.
    """

    site: str
    bundle: str
    ok: bool
    began: str
    seconds: float
    plan: Plan
    phases: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Return how many tasks changed something, over all hosts."""
        return sum(result.changed for result in self.steps.values())
