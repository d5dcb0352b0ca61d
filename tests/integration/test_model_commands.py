"""`platform-install model` runs its plays on an admin host, which is this machine, with a stand-in for kubectl."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from installer.cli.app import app
from tests.playbooks import play
from tests.repository import PROJECT, read
from tests.unit.collection.release_site import HEALTHY, WAITS
from tests.unit.collection.rollouts import NEW, OLD, replica_set

HOSTS = """\
all:
  children:
    admin:
      hosts:
        admin1: {ansible_host: 192.0.2.5, ansible_connection: local, ansible_become: false}
    control_plane:
      hosts:
        cp1: {ansible_host: 192.0.2.11}
"""
VARIABLES = """\
platform_api_address: 192.0.2.10
platform_host_networks: [192.0.2.0/24]
platform_audit_log: {folder}/audit/models.jsonl
"""
KUBECTL = """\
#!/bin/sh
case " $* " in
  *" patch "*) echo "$*" >> {folder}/patches ;;
  *" --namespace=llamacpp "*) cat {folder}/objects.json ;;
  *) echo '{{"items": []}}' ;;
esac
"""
OWNED = [replica_set(OLD, "1.0.0"), replica_set(NEW, "1.1.0", ready=1)]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a site's folder, whose cluster says what is in `objects.json`."""
    (tmp_path / "site" / "group_vars" / "all").mkdir(parents=True)
    (tmp_path / "site" / "hosts.yml").write_text(HOSTS)
    (tmp_path / "site" / "group_vars" / "all" / "site.yml").write_text(VARIABLES.format(folder=tmp_path))
    program = tmp_path / "programs" / "kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("PLATFORM_LAB", raising=False)
    return tmp_path


@pytest.fixture
def run(site: Path) -> Run:
    """Return what runs a command for a site whose cluster has one model."""

    def command(found: Mapping[str, Any], *arguments: str) -> tuple[int, str, str]:
        (site / "objects.json").write_text(json.dumps({"items": [found, *OWNED]}))
        options = ["-i", str(site / "site"), "--state", str(site / "state")]
        result = CliRunner().invoke(app, ["model", *arguments, *options])
        return result.exit_code, result.stdout, result.stderr

    return command


def patches(site: Path) -> Sequence[str]:
    path = site / "patches"
    return path.read_text().splitlines() if path.exists() else []


def test_a_release_is_seen_agreed_to_and_in_the_log(run: Run, site: Path) -> None:
    seen = run(WAITS, "status", "tiny", "-o", "json")
    agreed = run(WAITS, "approve", "tiny", "--reason", "looked")
    verified = run(WAITS, "audit", "--verify", "-o", "json")

    assert json.loads(seen[1])["models"][0]["waits_for"] == "person"
    assert (agreed[0], len(patches(site))) == (0, 1)
    (entry,) = json.loads(verified[1])["entries"]
    assert (verified[0], entry["command"], entry["reason"], entry["to"]) == (0, "approve", "looked", "1.1.0")
    assert "@" in entry["who"]


def test_an_approval_for_a_later_time_is_in_the_log_and_in_the_status(run: Run, site: Path) -> None:
    asked = ("--window", "0 2 * * sat", "--minutes", "90", "--reason", "tried")
    made = run(WAITS, "schedule", "tiny", "1.1.0", *asked, "-o", "json")
    listed = run(WAITS, "schedule", "--list", "-o", "json")
    seen = run(WAITS, "status", "tiny", "-o", "json")
    again = run(WAITS, "schedule", "tiny", "1.1.0", *asked)
    cancelled = run(WAITS, "schedule", "tiny", "--cancel", "--reason", "the ward is full")

    assert [answer[0] for answer in (made, listed, seen, again, cancelled)] == [0, 0, 0, 2, 0]
    (schedule,) = json.loads(listed[1])["schedules"]
    assert (schedule["begins"], schedule["outcome"]) == (json.loads(made[1])["begins"], "open")
    assert json.loads(seen[1])["models"][0]["schedule"] == schedule
    assert "is scheduled for" in again[2]
    entries = map(json.loads, (site / "audit" / "models.jsonl").read_text().splitlines())
    assert [entry["command"] for entry in entries] == ["schedule", "schedule cancelled"]
    assert patches(site) == []


def test_what_does_not_fit_is_refused_and_nothing_is_touched(run: Run, site: Path) -> None:
    code, _, stderr = run(HEALTHY, "rollback", "tiny", "--reason", "bad")

    assert code == 2
    assert "No release of tiny is under way: 1.0.0 has all requests." in stderr
    assert (patches(site), (site / "audit" / "models.jsonl").exists()) == ([], False)


def test_who_rehearses_touches_nothing(run: Run, site: Path) -> None:
    code, stdout, _ = run(WAITS, "rollback", "tiny", "--reason", "bad", "--dry-run")

    assert (code, stdout) == (0, "tiny: 1.1.0 would be taken back, and 1.0.0 go on.\n")
    assert (patches(site), (site / "audit").exists()) == ([], False)


def test_a_run_that_releases_leaves_a_line(site: Path) -> None:
    (site / "objects.json").write_text(json.dumps({"items": [WAITS, *OWNED]}))
    tasks = read(PROJECT / "collections/ansible_collections/platform/base/roles/served_models/tasks/main.yml")
    task = next(entry for entry in tasks if "platform.base.model_releases" in entry)
    applied = ["argoproj.io/v1alpha1/Rollout/llamacpp/tiny"]
    engine = {"served_models_engine": "llamacpp", "served_models_title": "x", "served_models_namespace": "llamacpp"}
    variables = {**engine, "__manifests": {"changed": True, "applied": applied}}

    play(
        site,
        {"hosts": "admin1", "gather_facts": False, "vars": variables, "tasks": [task]},
        site / "site",
        PLATFORM_OPERATOR="anna@desk",
    )

    (line,) = (site / "audit" / "models.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert [entry[key] for key in ("who", "command", "from", "to")] == ["anna@desk", "deploy", "1.0.0", "1.1.0"]
