"""What speaks to Harbor's API, against a server that judges requests and answers by Harbor's own OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.harbor_api import Harbor, HarborRefused
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer, door_of

from tests.fake_vault import FakeVault
from tests.integration.harbor.fake_harbor import FakeHarbor
from tests.loopback_tls import made_authority
from tests.repository import role_folder
from tests.role_programs import loaded

SETTINGS = loaded(role_folder("harbor") / "library/harbor_settings.py")
PASSWORD = "The-first-1"
WANTED: dict[str, Any] = {
    "login": {
        "kind": "oidc",
        "endpoint": "https://login.example.com",
        "client_id": "harbor",
        "admin_group": "platform",
    },
    "login_password": "of-the-provider",
    "upstream": ["docker.io", "quay.io"],
    "upstream_project": {"public": True, "scan": True, "block": "", "signed": False, "immutable": True},
    "projects": {"shop": {"signed": True, "quota_gib": 2, "keep_pushed": 20}, "trials": {"block": "", "keep_days": 30}},
    "garbage": "0 0 2 * * 6",
    "scan": "0 0 4 * * *",
    "audit_days": 365,
    "audit_server": "syslog.example.com:514",
    "second_site": {"url": "https://second.example.com", "user": "robot$site", "projects": ["shop/**"]},
    "second_site_password": "of-the-second-site",
    "seconds": 5.0,
}
LDAP = {
    "kind": "ldap", "url": "ldaps://ldap.example.com", "base_dn": "ou=people,dc=example", "search_dn": "cn=harbor",
    "admin_group": "cn=platform,dc=example",
}  # fmt: skip


@pytest.fixture
def settle(place: dict[str, Any], vault: FakeVault) -> Callable[..., list[str]]:
    """Return what brings the server to what is wanted."""

    def run(wet: bool = True, **other: Any) -> list[str]:
        told: list[str] = SETTINGS.settle(vault, {**place, **WANTED, **other}, wet)
        return told

    return run


def test_everything_is_brought_to_what_is_wanted_and_a_second_time_nothing(
    settle: Callable[..., list[str]], harbor: FakeHarbor
) -> None:
    first = settle()

    assert len(first) >= 15
    assert settle() == []
    assert set(harbor.projects) == {"docker.io", "quay.io", "shop", "trials"}


def test_check_mode_tells_and_changes_nothing(settle: Callable[..., list[str]], harbor: FakeHarbor) -> None:
    told = settle(wet=False)

    assert {"project shop", "the second site"} <= set(told)
    assert (harbor.projects, harbor.registries, harbor.schedules) == ({}, {}, {})


def test_a_teams_project_blocks_critical_findings_and_is_private(
    settle: Callable[..., list[str]], harbor: FakeHarbor
) -> None:
    settle()

    shop, upstream = harbor.projects["shop"]["metadata"], harbor.projects["docker.io"]["metadata"]
    assert (shop["prevent_vul"], shop["severity"], shop["auto_scan"]) == ("true", "critical", "true")
    assert (shop["public"], shop["enable_content_trust_cosign"]) == ("false", "true")
    assert (upstream["public"], upstream["prevent_vul"]) == ("true", "false")
    assert harbor.quotas[harbor.projects["shop"]["project_id"]] == 2 * 1024**3


def test_versions_are_immutable_and_old_images_go_except_of_the_bundles(
    settle: Callable[..., list[str]], harbor: FakeHarbor
) -> None:
    settle()

    rules = [rule["template"] for entry in harbor.retentions.values() for rule in entry["rules"]]
    assert sorted(rules) == ["latestPushedK", "nDaysSinceLastPull"]
    assert [len(rules) for rules in harbor.immutable.values()] == [1, 1, 1, 1]


def drift_of_settings(harbor: FakeHarbor) -> None:
    harbor.configuration["self_registration"] = True


def drift_of_a_project(harbor: FakeHarbor) -> None:
    harbor.projects["shop"]["metadata"]["prevent_vul"] = "false"


def drift_of_a_quota(harbor: FakeHarbor) -> None:
    harbor.quotas[harbor.projects["shop"]["project_id"]] = -1


def drift_of_immutable_tags(harbor: FakeHarbor) -> None:
    next(iter(harbor.immutable["shop"].values()))["disabled"] = True


def drift_of_retention(harbor: FakeHarbor) -> None:
    number = int(harbor.projects["shop"]["metadata"]["retention_id"])
    harbor.retentions[number]["rules"] = []


def drift_of_a_schedule(harbor: FakeHarbor) -> None:
    harbor.schedules["GCSchedule"]["schedule"]["cron"] = "0 0 * * * *"


def drift_of_what_a_schedule_does(harbor: FakeHarbor) -> None:
    harbor.schedules["PurgeSchedule"]["job_parameters"] = '{"audit_retention_hour": 1}'


def drift_of_the_second_site(harbor: FakeHarbor) -> None:
    next(iter(harbor.registries.values()))["url"] = "https://elsewhere.example.com"


def drift_of_replication(harbor: FakeHarbor) -> None:
    next(iter(harbor.policies.values()))["enabled"] = False


DRIFTS = (
    drift_of_settings, drift_of_a_project, drift_of_a_quota, drift_of_immutable_tags, drift_of_retention,
    drift_of_a_schedule, drift_of_what_a_schedule_does, drift_of_the_second_site, drift_of_replication,
)  # fmt: skip


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.__name__)
def test_what_somebody_changed_by_hand_is_brought_back(
    settle: Callable[..., list[str]], harbor: FakeHarbor, drift: Callable[[FakeHarbor], None]
) -> None:
    settle()
    drift(harbor)

    assert settle() != []
    assert settle() == []


def test_another_password_is_told_although_it_cannot_be_seen(
    settle: Callable[..., list[str]], harbor: FakeHarbor
) -> None:
    settle()

    assert settle(login_password="another") == ["settings oidc_client_secret"]
    assert harbor.configuration["oidc_client_secret"] == "another"
    assert settle(login_password="another", second_site_password="another") == ["the second site"]
    assert next(iter(harbor.registries.values()))["credential"]["access_secret"] == "another"


def test_people_of_a_directory_log_in(settle: Callable[..., list[str]], harbor: FakeHarbor) -> None:
    settle(login=LDAP, login_password="of-the-directory")

    assert (harbor.configuration["auth_mode"], harbor.configuration["ldap_verify_cert"]) == ("ldap_auth", True)
    assert harbor.configuration["ldap_search_password"] == "of-the-directory"
    assert settle(login=LDAP, login_password="of-the-directory") == []


def test_a_project_that_nobody_names_is_left_alone(settle: Callable[..., list[str]], harbor: FakeHarbor) -> None:
    settle()

    settle(projects={})

    assert "shop" in harbor.projects


def test_who_is_not_well_is_named(settle: Callable[..., list[str]], harbor: FakeHarbor) -> None:
    harbor.ill = "no database"

    with pytest.raises(HarborRefused, match=r"core \(no database\)"):
        settle(seconds=0.1)


def test_what_the_document_does_not_describe_is_refused_by_the_server(place: dict[str, Any]) -> None:
    client = Harbor(door_of(place), "admin", PASSWORD)

    with pytest.raises(HarborRefused, match="answered 400"):
        client.put("/configurations", {"self_registration": "perhaps"})
    with pytest.raises(HarborRefused, match="answered 400"):
        list(client.items("/projects", no_such_filter="x"))


def test_an_answer_that_the_document_does_not_describe_is_found(place: dict[str, Any], harbor: FakeHarbor) -> None:
    harbor.projects["shop"] = {"project_id": "not a number", "name": "shop"}

    with pytest.raises(HarborRefused, match="answered 500"):
        Harbor(door_of(place), "admin", PASSWORD).get("/projects/shop")


def test_a_wrong_password_changes_nothing(
    settle: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    vault.held["harbor/internal"]["admin_password"] = "another"

    with pytest.raises(HarborRefused, match="refuses the administrator"):
        settle()
    assert harbor.projects == {}


def test_a_server_that_another_authority_vouches_for_is_told_nothing(place: dict[str, Any], tmp_path: Path) -> None:
    (folder := tmp_path / "other").mkdir()
    stranger = {**place, "authority": str(made_authority(folder))}

    with pytest.raises(NoAnswer, match="certificate"):
        Harbor(door_of(stranger), "admin", PASSWORD).get("/projects")


def test_days_of_a_certificate_are_counted(place: dict[str, Any]) -> None:
    door: Door = door_of(place)

    assert 0 < door.days_left() < 1
