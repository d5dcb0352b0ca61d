"""Every play sees the catalogue, the bundle's lock and the defaults of platform-wide variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.vars.catalog import _age

from tests.repository import PROJECT, ROLES, read

# As a lock has them, which is sorted as text; the newest comes neither first nor last.
VERSIONS = ("v0.9.9", "v1.10.0", "v1.10.0-rc.10", "v1.10.0-rc.9", "v1.9.0")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what Ansible knows of a host of an inventory with a small lock."""
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "group_vars" / "all").mkdir(parents=True)
    (folder / "group_vars" / "all" / "site.yml").write_text("platform_domain: example.com\n")
    (folder / "hosts.yml").write_text("all: {hosts: {h1: {}}}\n")
    (folder / "bundle.lock.json").write_text(
        json.dumps({"items": [*map(locked, ("image", "file", "wheel")), *map(model, VERSIONS)]})
    )
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "--inventory", str(folder), "--host", "h1"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def locked(kind: str) -> dict[str, Any]:
    digest = "sha256:" + {"image": "a", "file": "b", "wheel": "c"}[kind] * 64
    more = {"origin": {"file": "x.whl"}, "needed_by": ["admin"], "scope": "python3.13"}
    return {"kind": kind, "name": f"some/{kind}", "version": "1", "digest": digest, **more}


def model(version: str) -> dict[str, Any]:
    digest = f"sha256:{VERSIONS.index(version)}".ljust(71, "0")
    return {**locked("image"), "name": "platform.internal/models/letters", "version": version, "digest": digest}


def test_every_component_is_known(facts: dict[str, Any]) -> None:
    assert set(facts["platform_components"]) == set(ROLES)


def test_a_default_holds_until_the_inventory_says_otherwise(facts: dict[str, Any]) -> None:
    defaults = read(PROJECT / "inventories/variables.yml")

    assert facts["platform_domain"] == "example.com"
    assert facts["platform_api_port"] == defaults["platform_api_port"]["default"]


def test_where_each_server_of_the_vault_answers_follows_from_the_hosts(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(
        "all: {children: {control_plane: {hosts: {cp1: {ansible_host: 192.0.2.11}}}}}\n"
    )
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "play.yml").write_text(
        "- {hosts: cp1, gather_facts: false, tasks: [{ansible.builtin.debug: {var: platform_vault_urls}}]}\n"
    )
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        str(tmp_path / "hosts.yml"),
        str(tmp_path / "play.yml"),
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}

    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)

    assert '"cp1": "https://192.0.2.11:8200"' in done.stdout


def test_every_play_knows_where_a_component_answers(facts: dict[str, Any]) -> None:
    port = facts["platform_components"]["object_storage"]["endpoint"]["port"]

    assert port == "{{ object_storage_port }}"
    assert (
        facts["object_storage_port"] == read(PROJECT / "roles/object_storage/defaults/main.yml")["object_storage_port"]
    )


def test_every_play_knows_what_a_component_offers_others(facts: dict[str, Any]) -> None:
    defaults = read(PROJECT / "roles/gpu_operator/defaults/main.yml")

    offered = facts["platform_components"]["gpu_operator"]["offers"]["gpu_classes"]

    assert offered == "{{ gpu_operator_classes }}"
    assert facts["gpu_operator_classes"] == defaults["gpu_operator_classes"]


@pytest.mark.parametrize(("kind", "letter"), [("images", "a"), ("files", "b")])
def test_artefacts_are_known_by_kind_and_name(facts: dict[str, Any], kind: str, letter: str) -> None:
    assert facts["platform_artifacts"][kind][f"some/{kind.rstrip('s')}"] == {
        "version": "1",
        "digest": f"sha256:{letter * 64}",
        "path": f"oci/blobs/sha256/{letter * 64}",
    }


def test_the_name_of_a_model_means_its_newest_version(facts: dict[str, Any]) -> None:
    assert facts["platform_artifacts"]["images"]["platform.internal/models/letters"]["version"] == "v1.10.0"


@pytest.mark.parametrize(
    "versions", [("v1.0.0-rc.9", "v1.0.0-rc.10"), ("v1.0.0-rc", "v1.0.0"), ("v1.9.0", "v1.10.0"), ("b1", "v0.0.1")]
)  # fmt: skip
def test_versions_are_ordered_by_what_they_mean(versions: tuple[str, str]) -> None:
    assert _age(versions[0]) < _age(versions[1])


def test_wheels_are_known_by_the_python_they_are_for(facts: dict[str, Any]) -> None:
    (wheel,) = facts["platform_artifacts"]["wheels"]["python3.13"]

    assert (wheel["name"], wheel["file"], wheel["needed_by"]) == ("some/wheel", "x.whl", ["admin"])
