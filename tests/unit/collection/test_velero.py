"""A backup that is not complete is told with its reasons, and the newest one's age is known."""

from __future__ import annotations

import calendar
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.velero import Velero

from tests.unit.roles.cluster import Cluster

NOON = calendar.timegm((2026, 1, 31, 12, 0, 0))
BACKUPS = "backups.velero.io"


def scheduled(name: str, begun: str, schedule: str = "hourly", phase: str = "Completed") -> tuple[Any, Any]:
    labels = {"velero.io/schedule-name": schedule}
    status = {"phase": phase, "startTimestamp": f"2026-01-31T{begun}:00Z"}
    return (BACKUPS, name), {"metadata": {"name": name, "labels": labels}, "status": status}


def age(*backups: tuple[Any, Any]) -> float | None:
    return Velero(Cluster(dict(backups)), "velero", now=lambda: NOON).age_of_newest(["hourly", "daily"])


def test_the_newest_complete_backup_counts() -> None:
    assert age(scheduled("a", "10:00"), scheduled("b", "11:30"), scheduled("c", "11:00", "daily")) == 1800


def test_a_backup_that_failed_counts_for_nothing() -> None:
    assert age(scheduled("a", "11:00"), scheduled("b", "11:30", phase="PartiallyFailed")) == 3600


def test_another_schedule_counts_for_nothing() -> None:
    assert age(scheduled("a", "11:30", schedule="second-site")) is None


def back_up(*objects: tuple[Any, Any], **status: Any) -> dict[str, Any]:
    cluster = Cluster({(BACKUPS, "one"): {"metadata": {"name": "one"}, "status": status}, **dict(objects)})
    return Velero(cluster, "velero").backup("one", {}, seconds=2)


def test_a_backup_that_is_complete_is_told() -> None:
    assert back_up(phase="Completed", startTimestamp="now")["startTimestamp"] == "now"


def test_a_backup_that_lacks_a_volume_fails_with_what_its_pod_says() -> None:
    labels = {"velero.io/backup-name": "one"}
    volume = {"metadata": {"name": "one-abcde", "labels": labels}, "status": {"message": "no such repository"}}

    with pytest.raises(
        KubectlFailed, match=r"one is PartiallyFailed: no such repository\. Look at `velero backup desc"
    ):
        back_up((("podvolumebackups.velero.io", "one-abcde"), volume), phase="PartiallyFailed")


def test_a_backup_that_is_not_valid_says_why() -> None:
    with pytest.raises(KubectlFailed, match=r"FailedValidation: there is no such location"):
        back_up(phase="FailedValidation", validationErrors=["there is no such location"])


def test_a_backup_that_does_not_end_is_given_up() -> None:
    with pytest.raises(KubectlFailed, match=r"one is InProgress after 2 s"):
        back_up(phase="InProgress")


@pytest.mark.parametrize("status", [{}, {"phase": "Unavailable", "message": "no such bucket"}])
def test_a_location_that_cannot_be_written_is_told(status: dict[str, str]) -> None:
    place = ("backupstoragelocations.velero.io", "default")
    cluster = Cluster({place: {"metadata": {"name": "default"}, "status": status}})

    (told,) = Velero(cluster, "velero").unavailable()

    assert told.startswith("The location default is ")
    assert status.get("message", "not looked at yet") in told
