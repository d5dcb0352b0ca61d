"""A cluster with one model in release, and who asks something of it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.release_desk import Releases

from tests.unit.collection.rollouts import (
    JUDGED_AT_5,
    LAST_PAUSE,
    NEW,
    OLD,
    SMOKE,
    analysis,
    metrics_of_release,
    metrics_of_smoke,
    paused,
    replica_set,
    result,
    rollout,
)
from tests.unit.roles.cluster import Cluster

HEALTHY = rollout(version="1.0.0")
WAITS = paused(LAST_PAUSE, "CanaryPauseStep", 50)
OPEN = paused(JUDGED_AT_5, "InconclusiveAnalysisRun")
JUDGED = analysis(JUDGED_AT_5, "Running", metrics_of_release(), [result("requests", "Running", "[120]")])
ASKED = analysis(SMOKE, "Running", metrics_of_smoke(), [])
LET_ON = {"pauseConditions": None}


class Site(Cluster):
    """Stands for a cluster with one model, and keeps each change of its rollout.

    Args:
        conflicts: how often somebody else is quicker.
        says: what the cluster says instead of taking a change.
    """

    def __init__(self, found: dict[str, Any], *beside: dict[str, Any], conflicts: int = 0, says: str = "") -> None:
        owned = (replica_set(OLD, "1.0.0"), replica_set(NEW, "1.1.0", ready=1), *beside)
        objects = {("replicasets.apps", f"owned{number}"): item for number, item in enumerate(owned)}
        super().__init__({("rollouts.argoproj.io", "tiny"): found, **objects})
        self.changes: list[dict[str, Any]] = []
        self.conflicts = conflicts
        self._says = says

    def attempt(
        self, *arguments: str, document: Any = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        if arguments[0] != "patch":
            return super().attempt(*arguments, document=document, text=text)
        assert arguments[1:3] == ("rollouts.argoproj.io", "tiny")
        assert set(arguments[5:]) == {"--namespace=llamacpp", "--subresource=status"}
        if self.conflicts:
            self.conflicts -= 1
            return subprocess.CompletedProcess([], 1, "", "the object has been modified; please apply your changes")
        if self._says:
            return subprocess.CompletedProcess([], 1, "", self._says)
        self.changes.append(json.loads(arguments[4].removeprefix("--patch=")))
        return subprocess.CompletedProcess([], 0, "patched", "")

    @property
    def changed(self) -> list[dict[str, Any]]:
        """Return what became of the rollout's status."""
        return [change["status"] for change in self.changes]


class Silent(Site):
    """Stands for a cluster that does not answer."""

    def attempt(self, *_: str, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "no route to host")


class Desk:
    """Asks something of a cluster, as the command does.

    Args:
        log: the audit log.
    """

    def __init__(self, log: AuditLog) -> None:
        self.log = log

    def ask(self, cluster: Cluster, does: str, **asked: Any) -> Releases:
        """Return what does it."""
        given = {
            "does": does, "engines": {"llamacpp": "llamacpp"}, "model": "tiny", "who": "anna@desk", "reason": "",
            "without_verdict": False, "measure_again": False, "objects": [], "other_than": "", "seconds": 20,
            "alone": "", "two_people": True, "version": "", "scheduled": "", **asked,
        }  # fmt: skip
        return Releases(cluster, self.log, given, "deploy")

    def written(self) -> list[tuple[str, str, str]]:
        """Return the commands in the log, with the versions before and after each."""
        entries, verdict = self.log.read()
        assert verdict.broken is None
        return [(entry["command"], entry["from"], entry["to"]) for entry in entries]
