"""Velero's backups and restores, as whoever asks for them sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.moments import from_moment

_GROUP = "velero.io/v1"
# Which schedule a backup is of.
_OF = "velero.io/schedule-name"
# Both kinds end in one of these, and stay there.
DONE = "Completed"
_ENDED = (DONE, "PartiallyFailed", "Failed", "FailedValidation")
# The API tells when work is done; what never began is looked at this often.
_LOOK_SECONDS, _PAUSE = 5, 0.5
# Pods that move the bytes of a backup's or a restore's volumes.
_MOVERS = {"Backup": "podvolumebackups", "Restore": "podvolumerestores"}


class Velero:
    """Asks one Velero.

    Args:
        cluster: where it runs.
        namespace: its namespace.
        now: tells the time, in seconds since 1970.
    """

    def __init__(self, cluster: Kubectl, namespace: str, now: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._now = now
        self.namespace = namespace

    def backup(self, name: str, spec: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Back namespaces up, bytes of their volumes too, and return what came of it.

        Raises:
            KubectlFailed: it is not complete.
        """
        common = {"defaultVolumesToFsBackup": True, "snapshotVolumes": False}
        return self._carry_out("Backup", name, {**common, **spec}, seconds)

    def restore(self, name: str, backup: str, spec: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Restore a backup, and return what came of it.

        Raises:
            KubectlFailed: it is not complete.
        """
        return self._carry_out("Restore", name, {"backupName": backup, **spec}, seconds)

    def begin(self, schedule: Mapping[str, Any]) -> None:
        """Begin a backup of a schedule's now, as the schedule does when it is time.

        Raises:
            KubectlFailed: the cluster does not take it.
        """
        name = schedule["metadata"]["name"]
        metadata = {"name": f"{name}-{time.strftime('%Y%m%d%H%M%S', time.gmtime(self._now()))}", "labels": {_OF: name}}
        entry = {"apiVersion": _GROUP, "kind": "Backup", "metadata": metadata, "spec": schedule["spec"]["template"]}
        self._cluster.apply([entry], self.namespace)

    def forget(self, backup: str) -> None:
        """Have a backup deleted, with its restores and what it keeps in the bucket; it takes a while."""
        entry = {
            "apiVersion": _GROUP, "kind": "DeleteBackupRequest", "metadata": {"name": backup},
            "spec": {"backupName": backup},
        }  # fmt: skip
        self._cluster.apply([entry], self.namespace)

    def knows(self, backup: str, seconds: float) -> bool:
        """Return whether a backup comes to be known in time: Velero looks into its buckets every minute."""
        return self._cluster.wait_for(lambda: backup in self._names("backups"), seconds)

    def _names(self, kind: str) -> set[str]:
        return {item["metadata"]["name"] for item in self.items(kind)}

    def items(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """Return what there is of a kind."""
        return self._cluster.items(f"{kind}.velero.io", f"--namespace={self.namespace}", f"--selector={selector}")

    def unavailable(self) -> list[str]:
        """Return what is wrong with places that backups are kept in."""
        return [
            f"The location {item['metadata']['name']} is {status.get('phase') or 'not looked at yet'}: "
            f"{status.get('message') or 'nothing is known of it'}."
            for item in self.items("backupstoragelocations")
            if (status := item.get("status", {})).get("phase") != "Available"
        ]

    def await_locations(self, seconds: float) -> None:
        """Wait until backups can be kept: one that is begun before is refused, and not tried again.

        Raises:
            KubectlFailed: they cannot, in time.
        """
        if not self._cluster.wait_for(lambda: not self.unavailable(), seconds):
            raise KubectlFailed(" ".join(self.unavailable()))

    def is_begun(self, schedules: Sequence[str]) -> bool:
        """Return whether schedules have a backup, or one under way."""
        failed = [phase for phase in _ENDED if phase != DONE]
        return any(item.get("status", {}).get("phase") not in failed for item in self.scheduled(schedules))

    def scheduled(self, schedules: Sequence[str]) -> list[dict[str, Any]]:
        """Return the backups of schedules, whatever became of them."""
        return self.items("backups", f"{_OF} in ({','.join(schedules)})")

    def age_of_newest(self, schedules: Sequence[str]) -> float | None:
        """Return the seconds since the newest complete backup of schedules was begun; nothing when there is none."""
        begun = [
            item["status"]["startTimestamp"]
            for item in self.scheduled(schedules)
            if item.get("status", {}).get("phase") == DONE
        ]
        return self._now() - from_moment(max(begun)) if begun else None

    def _carry_out(self, kind: str, name: str, spec: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        self._cluster.apply(
            [{"apiVersion": _GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}], self.namespace
        )
        kinds = f"{kind.lower()}s.velero.io"
        status: dict[str, Any] = {}

        def has_ended() -> bool:
            self._cluster.attempt(
                "wait", f"{kinds}/{name}", "--for=jsonpath={.status.completionTimestamp}",
                f"--timeout={_LOOK_SECONDS}s", f"--namespace={self.namespace}",
            )  # fmt: skip
            status.clear()
            status.update(self._cluster.get(kinds, name, f"--namespace={self.namespace}").get("status", {}))
            return status.get("phase") in _ENDED

        ended = self._cluster.wait_for(has_ended, seconds, every=_PAUSE)
        if ended and status["phase"] == DONE:
            return status
        raise KubectlFailed(self._explained(kind, name, status, "" if ended else f" after {seconds:.0f} s"))

    def _explained(self, kind: str, name: str, status: Mapping[str, Any], late: str) -> str:
        """Return why a backup or a restore is not complete, and how to learn more."""
        movers = self.items(_MOVERS[kind], f"velero.io/{kind.lower()}-name={name}")
        reasons = [*status.get("validationErrors", []), status.get("failureReason", "")]
        reasons += [item.get("status", {}).get("message", "") for item in movers]
        said = "; ".join(reason for reason in reasons if reason) or "it does not say why"
        return (
            f"The {kind.lower()} {name} is {status.get('phase', 'not begun')}{late}: {said}. Look at "
            f"`velero {kind.lower()} describe {name} --details` and `velero {kind.lower()} logs {name}`."
        )
