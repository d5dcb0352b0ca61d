"""What the registry's verification finds wrong, and what its database's copy does, by what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils import database_set
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.model_registry import ModelRegistry
from ansible_collections.platform.base.plugins.module_utils.postgres import DatabaseProblem
from ansible_collections.platform.base.plugins.module_utils.web_door import Answer, NoAnswer

from tests.repository import role_folder
from tests.role_programs import loaded
from tests.unit.collection.model_site import PASSWORD, MlflowDoor
from tests.unit.roles.cluster import Cluster

probe = loaded(role_folder("model_registry") / "library/model_registry_probe.py")
database = loaded(role_folder("model_registry") / "library/model_registry_database.py")
PLACE = {"kubeconfig": "nowhere", "namespace": "model-registry", "site_database": "", "seconds": 10}
SITE = {**PLACE, "site_database": "postgres.example.com"}


class Broken(MlflowDoor):
    """Does all but one thing right.

    Args:
        what: of which requests the answer is lost on the way.
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        if f"{method} {path}".startswith(self._what):
            return Answer(200, HTTPMessage(), b'{"model_version": {"version": "1"}}')
        return super().request(method, path, headers, body)


class Open(MlflowDoor):
    """Lets everybody in."""

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        return Answer(200, HTTPMessage(), b"{}")


def used(door: MlflowDoor) -> list[str]:
    return list(probe.misuse(ModelRegistry(door, "platform", PASSWORD)))


def test_a_registry_that_works_is_right_and_left_as_it_was() -> None:
    door = MlflowDoor()

    assert used(door) == []
    assert (door.models, door.versions) == ({}, [])


def test_what_a_verification_left_behind_is_no_obstacle() -> None:
    door = MlflowDoor()
    ModelRegistry(door, "platform", PASSWORD).register(probe.MODEL, "an-image", {"version": "0.0.9"})

    assert used(door) == []


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("POST /api/2.0/mlflow/registered-models/alias", "read back as"),
        ("DELETE /api/2.0/mlflow/registered-models/delete", "still there"),
    ],
)
def test_a_registry_that_forgets_what_it_is_told_is_wrong(what: str, words: str) -> None:
    (fault,) = used(Broken(what))

    assert words in fault


def test_a_registry_that_asks_nobody_who_they_are_is_wrong() -> None:
    assert len(list(probe.open_doors(Open()))) == 2
    assert list(probe.open_doors(MlflowDoor())) == []


def test_a_registry_that_does_not_answer_is_wrong() -> None:
    def away() -> list[str]:
        raise NoAnswer("models.example.com does not answer")

    assert probe.until_right(away, 0) == ["models.example.com does not answer"]


class Registry(Cluster):
    """A cluster whose registry ends as soon as it is told to.

    Args:
        ends: whether it does.
    """

    def __init__(self, ends: bool = True) -> None:
        pod = {"metadata": {"labels": {"app.kubernetes.io/name": "model-registry"}}}
        super().__init__({("pods", "model-registry-1"): pod})
        self.each_wait = self.objects.clear if ends else lambda: None


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """Return how a set of a backup is reached."""
    (tmp_path / "20260131T120000Z").mkdir()
    return {"folder": str(tmp_path), "id": "20260131T120000Z", "passphrase": "secret words"}


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], list[str]]:
    """Return what makes a program that stands in for kubectl: it says something, and keeps what it reads."""

    def made(script: str) -> list[str]:
        path = tmp_path / "beside-the-database"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return [str(path)]

    return made


def test_a_copy_comes_out_of_the_set_as_it_went_in(
    files: dict[str, Any], program: Callable[[str], list[str]], tmp_path: Path
) -> None:
    taken = database.take(
        {**PLACE, "backup": files}, program('printf "SELECT 1;\\n-- PostgreSQL database dump complete\\n"')
    )
    run = program(f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/read')

    given = database.give_back({**PLACE, "backup": files}, Registry(), run)

    read = (tmp_path / "read").read_text()
    assert (taken["holds"]["database_bytes"], given["changed"]) == (47, True)
    assert read.startswith("BEGIN;") and read.endswith("COMMIT;\n") and "SELECT 1;" in read
    assert "--username=models --dbname=models" in (tmp_path / "arguments").read_text()


def test_a_copy_that_is_cut_off_is_none(files: dict[str, Any], program: Callable[[str], list[str]]) -> None:
    with pytest.raises(DatabaseProblem, match="not copied whole"):
        database.take({**PLACE, "backup": files}, program('printf "SELECT 1;"'))


def test_a_sites_database_is_the_sites(files: dict[str, Any], program: Callable[[str], list[str]]) -> None:
    taken = database.take({**SITE, "backup": files}, program("exit 1"))

    assert "postgres.example.com" in taken["holds"]["database"]
    assert not database.give_back({**SITE, "backup": files}, Registry(), program("exit 1"))["changed"]


def test_a_set_without_the_database_says_whose_it_was(
    files: dict[str, Any], program: Callable[[str], list[str]]
) -> None:
    database.take({**SITE, "backup": files}, program("exit 1"))

    with pytest.raises(DatabaseProblem, match=r"the site's own, on postgres\.example\.com"):
        database.give_back({**PLACE, "backup": files}, Registry(), program("exit 1"))


@pytest.mark.parametrize("ends", [True, False])
def test_the_registry_is_started_again_however_it_goes(
    files: dict[str, Any], program: Callable[[str], list[str]], ends: bool
) -> None:
    with ComponentFiles(files, database.COMPONENT).sealing(database_set.CONTENT) as sealer:
        sealer.write(b"SELECT 1;\n")
    with ComponentFiles(files, database.COMPONENT).sealing(database_set.ABOUT) as sealer:
        sealer.write(json.dumps({"as_of": "", "holds": {"database_bytes": 10}}).encode())
    cluster = Registry(ends)

    with pytest.raises(DatabaseProblem if ends else KubectlFailed):
        database.give_back({**PLACE, "backup": files}, cluster, program("cat > /dev/null; echo no >&2; exit 3"))

    assert cluster.asked[-1] == "scale deployment/model-registry --replicas=1 --namespace=model-registry"


def test_the_moment_of_a_copy_is_told_to_who_measures_it() -> None:
    cluster = Registry()

    assert database.note({**PLACE, "as_of": "2026-01-31T12:00:00Z"}, cluster)["changed"]
    assert cluster.asked[-1].startswith("apply ")
    assert not database.note({**SITE, "as_of": "2026-01-31T12:00:00Z"}, cluster)["changed"]
