"""A host that cannot join is told of with what the API it waited for was doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded

MODULE = loaded(role_folder("kubernetes") / "library/api_evidence.py")
CRICTL = """#!/bin/sh
case "$*" in
  *"ps --all --name ^etcd$"*) echo '{"containers": []}' ;;
  *"ps --all --name ^kube-apiserver$"*) cat "$FOLDER/containers" ;;
  *"logs --tail=2 new"*) printf 'old line\nlooking for etcd\n' >&2 ;;
  *"logs --tail=2 old"*) echo "etcdserver: no leader" ;;
  *) exit 9 ;;
esac
"""
KUBECTL = """#!/bin/sh
printf '[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n'
exit 1
"""
CONTAINERS = """{"containers": [
  {"id": "new", "state": "CONTAINER_RUNNING", "createdAt": "200", "metadata": {"attempt": 3}},
  {"id": "old", "state": "CONTAINER_EXITED", "createdAt": "100", "metadata": {"attempt": 2}},
  {"id": "oldest", "state": "CONTAINER_EXITED", "createdAt": "99", "metadata": {"attempt": 1}}
]}"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the programs of a control plane."""
    for name, text in {"crictl": CRICTL, "kubectl": KUBECTL}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "containers").write_text(CONTAINERS)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("FOLDER", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("host")
def test_the_logs_of_the_container_that_runs_and_of_the_one_before_are_told() -> None:
    assert MODULE.log("kube-apiserver", 2) == [
        "-- kube-apiserver, attempt 2, exited --",
        "etcdserver: no leader",
        "-- kube-apiserver, attempt 3, running --",
        "old line",
        "looking for etcd",
    ]


@pytest.mark.usefixtures("host")
def test_that_there_is_no_container_is_told() -> None:
    assert MODULE.log("etcd", 2) == ["-- etcd: there is no container --"]


def test_a_runtime_that_does_not_answer_is_told(host: Path) -> None:
    (host / "containers").write_text("cannot connect to containerd.sock")

    assert MODULE.log("kube-apiserver", 2)[1] == "cannot connect to containerd.sock"


@pytest.mark.usefixtures("host")
def test_only_what_is_not_ready_is_told_of_the_api() -> None:
    assert MODULE.readiness()[1:] == ["[-]etcd failed: reason withheld", "readyz check failed"]
