"""What refers to something is copied before it, and what came back is below what is deployed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from installer.engine.backups import (
    is_set_id,
    parts_of,
    plan_backup,
    plan_restore,
    recovery_facts,
    require_own,
    set_id,
    to_forget,
)
from installer.errors import BackupRefused, UsageError
from installer.model.backup import BackupFile, BackupSet, ComponentBackup
from installer.model.deployed import Deployed
from installer.model.plan import Change, Plan, StepResult
from tests.fakes import catalog, component, inventory

# Secrets are needed by objects, and those by workloads' copies; users stand on the secrets and keep nothing.
CATALOG = catalog(
    component("secrets", runs_on="control_plane"),
    component("objects", "secrets"),
    component("users", "secrets"),
    component("copies", "objects", "users"),
    component("plain"),
)
HOSTS = inventory(admin1="admin", cp1="control_plane")
KEEPING = {"secrets", "objects", "copies"}
DEPLOYED = {name: Deployed(good=True, parts={}) for name in CATALOG.names}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def part(minutes: int = 0) -> ComponentBackup:
    return ComponentBackup(NOON + timedelta(minutes=minutes), (BackupFile("a.sealed", 3, "00"),))


def made(*names: str, **given: Any) -> BackupSet:
    facts = {"id": set_id(NOON), "site": "here", "began": NOON, "ended": NOON + timedelta(minutes=9), **given}
    return BackupSet(components={name: part(number) for number, name in enumerate(names, 1)}, **facts)


def restoration(*only: str, of: BackupSet | None = None, deployed: dict[str, Deployed] | None = None) -> Plan:
    known = DEPLOYED if deployed is None else deployed
    return plan_restore(CATALOG, HOSTS, known, KEEPING, of or made(*KEEPING), only)


def names_of(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def test_each_is_backed_up_before_what_it_needs_one_after_another() -> None:
    plan = plan_backup(CATALOG, HOSTS, DEPLOYED, KEEPING, ())

    assert names_of(plan) == ["copies backup", "objects backup", "secrets backup"]
    assert [step.after for step in plan.steps] == [(), ("copies backup",), ("objects backup",)]
    assert {item.change for item in plan.components} == {Change.BACK_UP}


def test_what_is_not_deployed_is_not_backed_up() -> None:
    plan = plan_backup(CATALOG, HOSTS, {"secrets": DEPLOYED["secrets"]}, KEEPING, ())

    assert names_of(plan) == ["secrets backup"]


def test_a_site_with_nothing_to_keep_is_told_so() -> None:
    with pytest.raises(UsageError, match="Nothing is deployed"):
        plan_backup(CATALOG, HOSTS, {"plain": DEPLOYED["plain"]}, KEEPING, ())


def test_a_component_that_keeps_nothing_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="nothing to be backed up in plain") as caught:
        plan_backup(CATALOG, HOSTS, DEPLOYED, KEEPING, ("plain",))

    assert "copies, objects, secrets" in caught.value.hint


def test_what_stands_on_what_came_back_is_deployed_again_before_its_own_comes_back() -> None:
    plan = restoration()

    assert names_of(plan) == [
        "secrets restore",
        "secrets verify",
        "objects deploy",
        "objects restore",
        "objects verify",
        "users deploy",
        "users verify",
        "copies deploy",
        "copies restore",
        "copies verify",
    ]
    after = {step.name: set(step.after) for step in plan.steps}
    assert after["objects deploy"] == {"secrets restore"}
    assert after["copies deploy"] == {"secrets restore", "objects restore", "users deploy"}
    assert after["copies restore"] == {"copies deploy"}
    assert after["users verify"] == {"users deploy"}


def test_a_restoration_says_what_becomes_of_each() -> None:
    changes = {item.component: (item.change, item.reason) for item in restoration().components}

    assert changes["secrets"] == (Change.RESTORE, f"of the set {set_id(NOON)}")
    assert changes["users"] == (Change.DEPLOY_AGAIN, "needs secrets")


def test_one_component_is_restored_with_what_stands_on_it() -> None:
    assert names_of(restoration("objects")) == ["objects restore", "objects verify", "copies deploy", "copies verify"]


def test_what_goes_back_only_when_it_is_named_is_passed_over() -> None:
    site = catalog(component("cluster", restored_when_named=True), component("users", "cluster"))
    backup = made("cluster", "users")

    whole = plan_restore(site, HOSTS, DEPLOYED | {"cluster": DEPLOYED["secrets"]}, site.names, backup, ())
    named = plan_restore(site, HOSTS, DEPLOYED | {"cluster": DEPLOYED["secrets"]}, site.names, backup, ("cluster",))

    assert names_of(whole) == ["users restore", "users verify"]
    assert names_of(named) == ["cluster restore", "cluster verify", "users deploy", "users verify"]


def test_what_the_set_lacks_is_named_with_what_it_has() -> None:
    with pytest.raises(UsageError, match="has nothing of objects") as caught:
        restoration("objects", of=made("secrets"))

    assert "secrets" in caught.value.hint


def test_nothing_is_restored_into_what_is_not_deployed() -> None:
    with pytest.raises(UsageError, match="copies, objects are not deployed"):
        restoration(deployed={"secrets": DEPLOYED["secrets"]})


def reported(**given: Any) -> StepResult:
    told = {"files": [{"path": "a.sealed", "size": 3, "sha256": "00"}], "as_of": NOON.isoformat(), **given}
    return StepResult(ok=True, changed=0, seconds=1.0, results={"cp1": {"other": 1}, "cp2": {"backup": told}})


def test_what_components_report_is_what_the_set_has() -> None:
    parts = parts_of({"secrets backup": reported(holds={"keys": 2}), "secrets verify": reported()}, {"secrets": "v2"})

    assert parts == {"secrets": ComponentBackup(NOON, (BackupFile("a.sealed", 3, "00"),), "v2", {"keys": 2})}


@pytest.mark.parametrize("result", [StepResult(ok=True, changed=0, seconds=1.0), reported(files=[])])
def test_a_component_that_brought_nothing_is_no_part_of_a_set(result: StepResult) -> None:
    with pytest.raises(BackupRefused, match="secrets said that it was backed up"):
        parts_of({"secrets backup": result}, {})


def test_a_set_is_as_old_as_its_oldest_part() -> None:
    found = made("copies", "secrets")

    assert found.as_of == NOON + timedelta(minutes=1)
    assert found.recovery_point_seconds == 8 * 60


def test_another_sites_set_is_refused() -> None:
    with pytest.raises(BackupRefused, match="of the site here, and this is there"):
        require_own(made("secrets"), "there")


def test_the_oldest_sets_are_too_many_and_one_always_stays() -> None:
    sets = [made(id=set_id(NOON + timedelta(days=day))) for day in (2, 0, 1)]

    assert [entry.id for entry in to_forget(sets, 2)] == ["20260131T120000Z"]
    assert len(to_forget(sets, 0)) == 2


@pytest.mark.parametrize(
    ("name", "is_one"), [("20260131T120000Z", True), ("20261331T120000Z", False), ("notes", False)]
)
def test_sets_are_known_by_their_names(name: str, is_one: bool) -> None:
    assert is_set_id(name) is is_one


def test_what_a_rebuilt_site_cost_counts_from_its_installation() -> None:
    hour = timedelta(hours=1)
    backup = made("secrets")

    stood = recovery_facts(backup, NOON + hour, NOON + hour + timedelta(seconds=90), None)
    rebuilt = recovery_facts(backup, NOON + hour, NOON + hour + timedelta(seconds=90), NOON + hour / 2)

    assert (stood["rpo_seconds"], stood["rto_seconds"]) == ("3540", "90")
    assert (rebuilt["rpo_seconds"], rebuilt["rto_seconds"]) == ("1740", "1890")
