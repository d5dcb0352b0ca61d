"""Errors an operator can act on, and the exit codes they end with.

PlatformError
├── UsageError                  2   the command line asks for something that does not exist
├── InvalidConfiguration        3   inventory, catalogue or lock; carries every problem found
├── PreflightFailed             4   the hosts are not ready; nothing was changed
├── ComponentFailed             5   a component could not be deployed or removed
├── VerificationFailed          6   a component is deployed and does not work
├── BundleRefused               7   damaged, incomplete or not trusted
├── BackupRefused               7   damaged, incomplete or another site's
├── StateLocked                 8   another run holds the state directory
├── LabUnavailable              3   this machine cannot host a lab, or its hosts are off
├── StateDamaged                3   the state directory cannot be used as it is
└── Interrupted               130   the operator stopped the run

An error carries data, prints nothing and ends in a full stop. `cli/app.py` alone catches it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class ExitCode(enum.IntEnum):
    """What the process tells the shell."""

    FINE = 0
    BUG = 1
    USAGE = 2
    INVALID_CONFIGURATION = 3
    PREFLIGHT = 4
    COMPONENT = 5
    VERIFICATION = 6
    BUNDLE = 7
    LOCKED = 8
    INTERRUPTED = 130


class PlatformError(Exception):
    """Something failed in a way the operator can mend.

    Attributes:
        summary: one sentence: what failed, and where.
        hint: what to do next; empty when the summary already says it.
        details: further lines, one fact each.
    """

    exit_code = ExitCode.BUG

    def __init__(self, summary: str, hint: str = "", details: Sequence[str] = ()) -> None:
        self.summary = summary
        self.hint = hint
        self.details = tuple(details)
        super().__init__(summary)


class UsageError(PlatformError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Problem:
    """One mistake in a file an operator wrote.

    Attributes:
        where: `file`, `file:line` or a host's name.
        message: what is wrong, with the value found.
        cure: what to write instead.
    """

    where: str
    message: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f" {self.cure}" if self.cure else "")


class InvalidConfiguration(PlatformError):
    """Inventory, catalogue or lock hold mistakes; all of them are listed."""

    exit_code = ExitCode.INVALID_CONFIGURATION

    def __init__(self, problems: Sequence[Problem], what: str = "the inventory") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(
            summary=f"{count} mistake{'s' if count != 1 else ''} in {what}; nothing was changed.",
            hint="Correct the lines above and run the command again.",
            details=[str(problem) for problem in self.problems],
        )


class PreflightFailed(PlatformError):
    """The hosts are not ready; nothing was changed."""

    exit_code = ExitCode.PREFLIGHT

    def __init__(self, failures: Sequence[Problem]) -> None:
        self.failures = tuple(failures)
        count = len(self.failures)
        super().__init__(
            summary=f"{count} preflight check{'s' if count != 1 else ''} failed; nothing was changed.",
            hint="Mend the hosts listed above, then run `platform-install preflight` again.",
            details=[str(failure) for failure in self.failures],
        )


class ComponentFailed(PlatformError):
    """A component could not be deployed or removed."""

    exit_code = ExitCode.COMPONENT


class VerificationFailed(PlatformError):
    """A component is deployed and does not work."""

    exit_code = ExitCode.VERIFICATION


class BundleRefused(PlatformError):
    """The bundle is damaged, incomplete or not trusted; nothing was touched."""

    exit_code = ExitCode.BUNDLE


class BackupRefused(PlatformError):
    """The set of a backup is damaged, incomplete or another site's; nothing was touched."""

    exit_code = ExitCode.BUNDLE


class StateLocked(PlatformError):
    """Another run holds the state directory."""

    exit_code = ExitCode.LOCKED


class LabUnavailable(PlatformError):
    """This machine cannot host a lab, or its hosts are off."""

    exit_code = ExitCode.INVALID_CONFIGURATION


class StateDamaged(PlatformError):
    """The state directory, or the journal in it, cannot be used as it is."""

    exit_code = ExitCode.INVALID_CONFIGURATION


class Interrupted(PlatformError):
    """The operator stopped the run."""

    exit_code = ExitCode.INTERRUPTED
