"""A volume is used again when it was long ago, or when what makes volumes changed."""

from __future__ import annotations

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded
from tests.unit.roles.cluster import Remembering

PROBE = loaded(role_folder("local_path_storage") / "library/storage_probe.py")
GIVEN = {"namespace": "local-path-storage", "storage_class": "local-path", "image": "busybox", "seconds": 2}
NOON = 1769860800.0


class Site(Remembering):
    """Has a provisioner, a class, and a node; config maps are kept."""

    def __init__(self) -> None:
        provisioner = {"metadata": {"name": "provisioner"}, "spec": {"replicas": 1}}
        local_path = {"metadata": {"name": "local-path"}, "provisioner": "rancher.io/local-path"}
        super().__init__(
            {
                ("deployments.apps", "provisioner"): provisioner,
                ("storageclasses", "local-path"): local_path,
                ("nodes", "cp1"): {"metadata": {"name": "cp1"}},
            }
        )


def practise(site: Site, seconds: float, later: float = 0.0, hours: int = 24) -> dict[str, str]:
    found: dict[str, str] = PROBE.practise(site, {**GIVEN, "drill_hours": hours}, lambda: seconds, lambda: NOON + later)
    return found


def test_a_use_holds_good_for_a_day_and_its_moment_is_told() -> None:
    site = Site()

    first, second = practise(site, 4.0), practise(site, 5.0, later=80000)

    assert first == second
    assert first["volume_seconds"] == "4.0"
    assert first["volume_practised"].startswith("2026-01-31T12:00")


@pytest.mark.parametrize(
    ("changed", "later", "hours"),
    [
        (("deployments.apps", "provisioner"), 0, 24),
        (("storageclasses", "local-path"), 0, 24),
        (("nodes", "cp2"), 0, 24),
        (None, 90000, 24),
        (None, 0, 0),
    ],
    ids=["another provisioner", "another class", "another node", "long ago", "thorough"],
)
def test_a_volume_is_used_again(changed: tuple[str, str] | None, later: float, hours: int) -> None:
    site = Site()
    practise(site, 4.0)
    if changed:
        site.objects[changed] = {"metadata": {"name": changed[1]}, "spec": {"replicas": 2}, "provisioner": "another"}

    assert practise(site, 5.0, later, hours)["volume_seconds"] == "5.0"


def test_a_use_that_broke_off_is_not_remembered() -> None:
    site = Site()
    practise(site, 4.0)

    def breaks() -> float:
        raise SystemExit

    with pytest.raises(SystemExit):
        PROBE.practise(site, {**GIVEN, "drill_hours": 0}, breaks, lambda: NOON)

    assert practise(site, 5.0)["volume_seconds"] == "5.0"
