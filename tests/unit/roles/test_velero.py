"""The password of what is encrypted is made once, a second site's key is asked for, and a drill compares bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.vault_site import VaultProblem
from ansible_collections.platform.base.plugins.module_utils.velero import Velero

from tests.fake_vault import FakeVault
from tests.repository import role_folder
from tests.role_programs import loaded
from tests.unit.roles.cluster import Cluster

KEYS = loaded(role_folder("velero") / "library/backup_keys.py")
FIRST = loaded(role_folder("velero") / "library/first_backups.py")
SET = loaded(role_folder("velero") / "library/workloads_set.py")
DRILL = loaded(role_folder("velero") / "library/backup_probe.py")
STORE = {"access_key": "A", "secret_key": "S", "url": "https://192.0.2.10:8333"}
SECOND = "[second-site]\naws_access_key_id = A2\naws_secret_access_key = S2\n"


def vault(**held: Any) -> FakeVault:
    made = FakeVault()
    made.held = {"object_storage/velero": STORE, **held}
    return made


def settled(client: FakeVault, second_site: bool = False, given: str = "", check_mode: bool = False) -> dict[str, Any]:
    wanted = {"owner": "velero", "second_site": second_site, "given": given}
    found: dict[str, Any] = KEYS.settle(client, wanted, check_mode)
    return found


def test_the_password_is_made_once() -> None:
    client = vault()

    first, second = settled(client), settled(client)

    assert first["password"] == second["password"] == client.held["velero/repository"]["password"]
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["store"] == STORE


def test_check_mode_keeps_nothing() -> None:
    client = vault()

    assert settled(client, check_mode=True)["changed"]
    assert "velero/repository" not in client.held


def test_an_owner_without_a_key_is_told() -> None:
    client = vault()
    del client.held["object_storage/velero"]

    with pytest.raises(VaultProblem, match=r"no access key of velero.*object_storage_buckets"):
        settled(client)


def test_a_second_sites_key_is_kept_and_need_not_be_given_again() -> None:
    client = vault()

    settled(client, second_site=True, given=SECOND)

    assert settled(client, second_site=True)["second_site"] == {"access_key": "A2", "secret_key": "S2"}


def test_a_second_site_without_a_key_is_told() -> None:
    with pytest.raises(VaultProblem, match=r"velero_second_site_keys_file.*\[second-site\]"):
        settled(vault(), second_site=True)


def test_what_is_forgotten_leaves_the_stores_key() -> None:
    client = vault()
    settled(client, second_site=True, given=SECOND)

    assert KEYS.forget(client, check_mode=False)["changed"]
    assert client.held == {"object_storage/velero": STORE}


SCHEDULE = {"metadata": {"name": "platform-hourly"}, "spec": {"template": {"storageLocation": "default"}}}


def begun(*backups: str, phase: str = "Completed", location: str = "Available") -> tuple[list[str], list[str]]:
    """Return the schedules that a backup was begun of, and what the cluster was asked to make."""
    labels, status = {"velero.io/schedule-name": "platform-hourly"}, {"phase": phase}
    there: dict[tuple[str, str], Any] = {("schedules.velero.io", "platform-hourly"): SCHEDULE}
    there["backupstoragelocations.velero.io", "default"] = {
        "metadata": {"name": "default"}, "status": {"phase": location, "message": "no answer"},
    }  # fmt: skip
    for name in backups:
        there["backups.velero.io", name] = {"metadata": {"name": name, "labels": labels}, "status": status}
    cluster = Cluster(there)
    names = FIRST.begin(
        Velero(cluster, "velero"), {"default": ["platform-hourly", "platform-daily"]}, 4, check_mode=False
    )
    return names, [line for line in cluster.asked if line.startswith("apply")]


def test_a_location_without_a_backup_gets_one_at_once() -> None:
    names, applied = begun()

    assert (names, len(applied)) == (["platform-hourly"], 1)


def test_a_backup_that_failed_is_none() -> None:
    names, applied = begun("platform-hourly-20260131110000", phase="FailedValidation")

    assert (names, len(applied)) == (["platform-hourly"], 1)


def test_a_backup_is_not_begun_before_it_can_be_kept() -> None:
    with pytest.raises(KubectlFailed, match="The location default is Unavailable"):
        begun(location="Unavailable")


def test_a_location_with_a_backup_waits_for_the_next() -> None:
    assert begun("platform-hourly-20260131110000") == ([], [])


DONE = {"phase": "Completed", "startTimestamp": "2026-01-31T12:00:00Z"}


class Site(Cluster):
    """A cluster with a Velero that is done at once, and a pod whose volume reads as it is told."""

    def __init__(self, reads: str = "", begun: str = "2026-01-31T11:30:00Z") -> None:
        self.kept: Any = None
        self.reads = reads
        location = {"metadata": {"name": "default"}, "status": {"phase": "Available"}}
        newest = {
            "metadata": {"name": "a", "labels": {"velero.io/schedule-name": "platform-hourly"}},
            "status": {"phase": "Completed", "startTimestamp": begun},
        }
        super().__init__(
            {("backupstoragelocations.velero.io", "default"): location, ("backups.velero.io", "a"): newest}
        )

    def attempt(self, *arguments: str, document: Any = None, text: str | None = None) -> Any:
        """Complete what is asked for, and keep what is written."""
        if arguments[0] == "apply":
            for item in document["items"]:
                if item["kind"] == "ConfigMap":
                    self.objects["configmaps", item["metadata"]["name"]] = item
                if item["kind"] in ("Backup", "Restore"):
                    kind = f"{item['kind'].lower()}s.velero.io"
                    self.objects[kind, item["metadata"]["name"]] = {**item, "status": DONE}
        if arguments[:2] == ("delete", "configmaps"):
            self.objects.pop(("configmaps", "platform-drill"), None)
        if arguments[0] == "exec" and document is not None:
            self.kept = document
        if arguments[0] == "exec" and document is None:
            self.asked.append(" ".join(arguments))
            return self._done(json.dumps(self.reads or self.kept))
        return super().attempt(*arguments, document=document)


GIVEN = {
    "namespace": "velero", "image": "busybox", "storage_class": "local-path", "seconds": 2,
    "schedules": {"default": ["platform-hourly"]}, "recovery_point_minutes": 60,
    "drill_hours": 24,
}  # fmt: skip


def practise(site: Site) -> dict[str, str]:
    """Practise a loss at noon."""
    found: dict[str, str] = DRILL.practise(site, GIVEN, now=lambda: 1769860800.0)
    return found


def test_a_drill_tells_what_it_measured() -> None:
    site = Site()

    told = practise(site)

    assert told["backup_newest_minutes"] == "30"
    assert float(told["backup_restore_seconds"]) >= 0


def test_what_was_backed_up_is_lost_before_it_is_restored() -> None:
    site = Site()

    practise(site)

    waited = [line for line in site.asked if line.startswith("delete namespace") and "--wait=true" in line]
    assert len(waited) == 2
    restored = next(n for n, line in enumerate(site.asked) if line.startswith("wait restores"))
    assert site.asked.index(waited[0]) < restored


def test_a_drill_holds_good_for_a_while() -> None:
    site = Site()
    first = practise(site)
    before = len(site.asked)

    assert practise(site) == first
    assert not [line for line in site.asked[before:] if "restores" in line or line.startswith("exec")]


@pytest.mark.parametrize("change", ["later", "other", "thorough", "broken off"])
def test_a_loss_is_practised_again(change: str) -> None:
    site = Site()
    practise(site)
    before = len(site.asked)

    if change == "other":
        site.objects["deployments.apps", "velero"] = {"metadata": {"name": "velero"}, "spec": {"image": "another"}}
    if change == "broken off":
        LastDrill(site, "velero").forget()
    DRILL.practise(
        site,
        {**GIVEN, "drill_hours": 0 if change == "thorough" else 24, "recovery_point_minutes": 3000},
        now=lambda: 1769860800.0 + (90000 if change == "later" else 0),
    )

    assert [line for line in site.asked[before:] if line.startswith("wait restores")]


def test_other_bytes_than_were_kept_fail_the_drill() -> None:
    site = Site(reads="something else")

    with pytest.raises(KubectlFailed, match="not what was backed up"):
        practise(site)

    assert site.asked[-1].startswith("delete namespace")


def test_a_newest_backup_that_is_too_old_fails_the_drill() -> None:
    with pytest.raises(KubectlFailed, match=r"newest backup is 90 minutes old of platform-hourly"):
        practise(Site(begun="2026-01-31T10:30:00Z"))


def in_a_set(direction: str, folder: Path) -> dict[str, Any]:
    backup = {"folder": str(folder), "id": "20260131T120000Z", "passphrase": "a passphrase"}
    given = {"kubeconfig": "nowhere", "namespace": "velero", "direction": direction, "backup": backup}
    return {**given, "excluded": ["kube-*"], "keep_hours": 720, "seconds": 2}


def test_a_set_names_the_backup_that_its_bucket_has(tmp_path: Path) -> None:
    site = Site()

    taken = SET.carry_out(in_a_set("into_set", tmp_path), site)
    given_back = SET.carry_out(in_a_set("out_of_set", tmp_path), site)

    assert taken["backup"] == given_back["backup"] == "platform-set-20260131t120000z"
    restored = [name for kind, name in site.objects if kind == "restores.velero.io"]
    assert len(restored) == 1
    assert site.objects["restores.velero.io", restored[0]]["spec"]["backupName"] == taken["backup"]


def test_a_bucket_that_lacks_the_sets_backup_is_told(tmp_path: Path) -> None:
    SET.carry_out(in_a_set("into_set", tmp_path), Site())

    with pytest.raises(KubectlFailed, match=r"bucket does not have the backup platform-set-20260131t120000z"):
        SET.carry_out(in_a_set("out_of_set", tmp_path), Site())
