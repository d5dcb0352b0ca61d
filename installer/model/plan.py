"""A plan is a value: it can be printed, compared and tested before anything is done."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

# What a step is of that belongs to no component: it looks at hosts before any.
HOSTS = "Hosts"


class Change(enum.Enum):
    """What a plan means to do to a component."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    RESUME = "resume"
    UNCHANGED = "unchanged"
    REMOVE = "remove"
    ROTATE = "rotate"
    BACK_UP = "back up"
    RESTORE = "restore"
    DEPLOY_AGAIN = "deploy again"


@dataclass(frozen=True)
class Step:
    """One verb of one component.

    Attributes:
        component: the component's name.
        verb: `deploy`, `verify`, `remove`, `rotate`, `backup`, `restore`, `preflight`.
        hosts: the host pattern the play runs on.
        fingerprint: what the component is made of; equal fingerprints need no deployment.
        after: names of steps that must have ended well, and of milestones that must have been reached.
        milestone: the milestone it reaches on its way; reached at its end at the latest.
        partial: only some of the component's hosts take part, so it proves nothing of the whole.
        checks_only: it asks hosts for `__<component>_checks` and does nothing else.
    """

    component: str
    verb: str
    hosts: str
    fingerprint: str = ""
    after: tuple[str, ...] = ()
    milestone: str = ""
    partial: bool = False
    checks_only: bool = False

    @property
    def name(self) -> str:
        """Return `component verb`."""
        return f"{self.component} {self.verb}"


@dataclass(frozen=True)
class Job:
    """Steps that one run of Ansible takes, one after another.

    Starting Ansible costs more than most verifications: those of components that stand already
    share a run, and so do a deployment and the verification that follows it.

    Attributes:
        yields: seconds it leaves to a longer job before it begins.
    """

    steps: tuple[Step, ...]
    yields: float = 0.0

    @property
    def name(self) -> str:
        """Return the first step's name."""
        return self.steps[0].name

    @property
    def after(self) -> tuple[str, ...]:
        """Return the steps of other jobs that must have ended well."""
        own = {step.name for step in self.steps}
        return tuple(dict.fromkeys(name for step in self.steps for name in step.after if name not in own))


@dataclass(frozen=True)
class PlannedComponent:
    """What will happen to one component, and why."""

    component: str
    change: Change
    reason: str
    hosts: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class Plan:
    """Every component of an inventory with its change, and the steps to get there, in order."""

    components: tuple[PlannedComponent, ...]
    steps: tuple[Step, ...]

    @property
    def changes(self) -> tuple[PlannedComponent, ...]:
        """Return the components that something will be done to."""
        return tuple(item for item in self.components if item.change is not Change.UNCHANGED)

    def on(self, hosts: Collection[str]) -> tuple[str, ...]:
        """Return the components that run on any of some hosts."""
        return tuple(item.component for item in self.components if not set(hosts).isdisjoint(item.hosts))


@dataclass(frozen=True)
class TaskFailure:
    """Where a step failed.

    Attributes:
        host: the host; `localhost` when none was reached.
        task: the task's name.
        message: what the module said.
        evidence: the tail of a unit's journal or a pod's log that explains it.
        reached: the host answered, so it can be asked for more.
        bare: the host was set up anew since it was deployed; nothing of the platform is on it.
    """

    host: str
    task: str
    message: str
    evidence: tuple[str, ...] = ()
    reached: bool = True
    bare: bool = False


@dataclass(frozen=True)
class TaskTime:
    """Wall seconds one task took over all hosts, for the slowest-task tables."""

    task: str
    seconds: float


@dataclass(frozen=True)
class StepResult:
    """How a step ended.

    Attributes:
        ok: every task ended well on every host.
        changed: tasks that changed something, over all hosts.
        seconds: wall time.
        failures: where it failed; empty when it did not.
        slowest: its slowest tasks, slowest first.
        results: what roles reported with `platform.base.report`, by host.
        ended: when it ended, in seconds since the run began; 0 when nobody measured.
    """

    ok: bool
    changed: int
    seconds: float
    failures: tuple[TaskFailure, ...] = ()
    slowest: tuple[TaskTime, ...] = ()
    results: Mapping[str, Any] = field(default_factory=dict)
    ended: float = 0.0

    @property
    def bare_hosts(self) -> frozenset[str]:
        """Return the hosts that were found set up anew."""
        return frozenset(failure.host for failure in self.failures if failure.bare)
