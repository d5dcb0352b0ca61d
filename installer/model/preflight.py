"""What was found on hosts before anything was installed."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.Enum):
    """What a finding means for the installation."""

    FAILURE = "failure"
    WARNING = "warning"
    ACCEPTED = "accepted"


@dataclass(frozen=True)
class Finding:
    """Something that does not hold on a host.

    Attributes:
        check: the check's name, as in the documentation's table.
        found: what was found, as the end of a sentence that begins with the host.
        cure: what to do about it.
        component: who wants it so.
        reason: why the inventory accepts it; empty when it does not.
    """

    host: str
    check: str
    severity: Severity
    found: str
    cure: str
    component: str = ""
    reason: str = ""


@dataclass(frozen=True)
class PreflightReport:
    """What looking at hosts has come to.

    Attributes:
        ok: nothing was found that stops an installation.
        components: whose checks were made.
        findings: failures first, then by host.
        seconds: wall time.
    """

    ok: bool
    components: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.severity is severity)


@dataclass(frozen=True)
class CheckDescription:
    """What there is to know of a check.

    Attributes:
        subject: what checks of its kind are about.
        protects: a sentence on what goes wrong without it.
        warns: what it finds stops nothing.
        wanted_by: the components that want it.
        settings: the variables that move its limits.
    """

    name: str
    subject: str
    protects: str
    warns: bool
    wanted_by: tuple[str, ...]
    settings: tuple[str, ...]
