"""What uses the registry's database is stopped while it is replaced, and started again however that goes."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.postgres import DatabaseProblem

from tests.repository import role_folder
from tests.role_programs import loaded
from tests.unit.roles.cluster import Cluster

MODULE = loaded(role_folder("harbor") / "library/harbor_database.py")
SET = {"id": "20260131T120000Z", "passphrase": "a passphrase"}


class Registry(Cluster):
    """A cluster whose deployments have as many pods as they were told; some never end."""

    def __init__(self, core: int = 2, annotations: dict[str, str] | None = None, stuck: bool = False) -> None:
        self.stuck = stuck
        deployments = {name: self.deployment(name, 1) for name in ("harbor-jobservice", "harbor-portal")}
        deployments["harbor-core"] = self.deployment("harbor-core", core, annotations)
        super().__init__({("deployments.apps", name): item for name, item in deployments.items()})

    @staticmethod
    def deployment(name: str, copies: int, annotations: dict[str, str] | None = None) -> dict[str, Any]:
        return {
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {"replicas": copies},
            "status": {"replicas": copies},
        }

    def attempt(
        self, *arguments: str, document: Any = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Scale and annotate at once."""
        if arguments[0] in ("scale", "annotate"):
            self.asked.append(" ".join(arguments))
            item = self.objects["deployments.apps", arguments[1].partition("/")[2]]
            name, _, value = arguments[2].partition("=")
            if arguments[0] == "annotate":
                item["metadata"]["annotations"][name] = value
            else:
                item["spec"]["replicas"] = int(value)
                item["status"] = {"replicas": 1 if self.stuck else int(value)}
            return self._done("")
        return super().attempt(*arguments, document=document)

    def copies(self) -> dict[str, int]:
        return {name: item["spec"]["replicas"] for (_, name), item in self.objects.items()}


def test_what_uses_the_database_is_stopped_and_nothing_else() -> None:
    cluster = Registry()

    with MODULE.at_rest(cluster, "harbor", 10):
        during = cluster.copies()

    assert during == {"harbor-core": 0, "harbor-jobservice": 0, "harbor-portal": 1}
    assert cluster.copies() == {"harbor-core": 2, "harbor-jobservice": 1, "harbor-portal": 1}


def test_it_is_started_again_when_the_database_does_not_take_the_copy() -> None:
    cluster = Registry()

    with contextlib.suppress(DatabaseProblem), MODULE.at_rest(cluster, "harbor", 10):
        raise DatabaseProblem("refused")

    assert cluster.copies()["harbor-core"] == 2


def test_a_run_after_one_that_was_killed_starts_what_that_one_stopped() -> None:
    cluster = Registry(core=0, annotations={"platform.internal/replicas": "3"})

    with MODULE.at_rest(cluster, "harbor", 10):
        pass

    assert cluster.copies()["harbor-core"] == 3


def test_what_does_not_end_is_told_and_nothing_is_replaced() -> None:
    cluster = Registry(stuck=True)

    with pytest.raises(KubectlFailed, match="did not end within 10 seconds: harbor-"):
        with MODULE.at_rest(cluster, "harbor", 10):
            raise AssertionError("it was replaced")

    assert cluster.copies()["harbor-core"] == 2


def given(folder: Path, site: str = "") -> dict[str, Any]:
    return {"namespace": "harbor", "site_database": site, "seconds": 5, "backup": {**SET, "folder": str(folder)}}


def test_a_sites_database_is_the_sites_to_back_up(tmp_path: Path) -> None:
    wanted, nothing = given(tmp_path, "postgres.example.com"), ["false"]

    taken = MODULE.take(wanted, nothing)
    back = MODULE.give_back(wanted, Registry(), nothing)

    assert "postgres.example.com" in taken["holds"]["database"]
    assert (back["changed"], back["as_of"]) == (False, taken["as_of"])


def test_a_set_without_the_database_is_not_taken_for_one_with_it(tmp_path: Path) -> None:
    cluster = Registry()
    MODULE.take(given(tmp_path, "postgres.example.com"), ["false"])

    with pytest.raises(DatabaseProblem, match=r"no database.*postgres\.example\.com"):
        MODULE.give_back(given(tmp_path), cluster, ["false"])

    assert cluster.asked == []


def test_before_the_first_release_there_is_no_password_to_tell(tmp_path: Path) -> None:
    assert not MODULE.settle_password({**given(tmp_path), "password": "x"}, ["false"], check_mode=False)["changed"]
