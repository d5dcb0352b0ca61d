"""A role's digest changes when what it does on a host does."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.role_files import role_digests

BASE = "collections/ansible_collections/platform/base"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository of two roles and one shared module."""
    for role in ("a", "b"):
        write(tmp_path, f"roles/{role}/component.yml", "summary: a role")
        write(tmp_path, f"roles/{role}/tasks/deploy.yml", "[]")
    write(tmp_path, f"{BASE}/plugins/modules/host.py", "pass")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def changed_by(repository: Path, name: str, text: str = "new") -> set[str]:
    """Return the roles whose digest a written file changes."""
    before = role_digests(repository)
    write(repository, name, text)
    after = role_digests(repository)
    return {role for role in after if after[role] != before.get(role)}


def test_a_digest_is_the_same_each_time(repository: Path) -> None:
    assert role_digests(repository) == role_digests(repository)


def test_roles_of_the_same_files_in_other_places_have_the_same_digest(repository: Path) -> None:
    digests = role_digests(repository)

    assert digests["a"] == digests["b"]


@pytest.mark.parametrize("name", ["roles/a/tasks/deploy.yml", "roles/a/component.yml", "roles/a/files/new"])
def test_a_changed_file_changes_its_role_alone(repository: Path, name: str) -> None:
    assert changed_by(repository, name) == {"a"}


@pytest.mark.parametrize("name", ["roles/a/README.md", "roles/a/tests/test_a.py", "roles/a/library/__pycache__/x.pyc"])
def test_what_never_reaches_a_host_changes_nothing(repository: Path, name: str) -> None:
    assert changed_by(repository, name) == set()


@pytest.mark.parametrize(
    "name",
    [
        "roles/a/vars/preflight.yml",
        f"{BASE}/plugins/module_utils/preflight_rules/disks.py",
        f"{BASE}/plugins/modules/host_probe.py",
    ],
)
def test_what_only_looks_at_hosts_changes_nothing(repository: Path, name: str) -> None:
    assert changed_by(repository, name) == set()


def test_a_shared_module_changes_every_role(repository: Path) -> None:
    assert changed_by(repository, f"{BASE}/plugins/modules/host.py") == {"a", "b"}


def test_bytes_that_move_from_one_file_to_the_next_change_the_role(repository: Path) -> None:
    write(repository, "roles/a/files/x", "12")
    write(repository, "roles/a/files/y", "3")
    before = role_digests(repository)["a"]

    write(repository, "roles/a/files/x", "1")
    write(repository, "roles/a/files/y", "23")

    assert role_digests(repository)["a"] != before


def test_a_folder_without_a_description_is_no_component(repository: Path) -> None:
    write(repository, "roles/notes/README.md", "text")

    assert set(role_digests(repository)) == {"a", "b"}
