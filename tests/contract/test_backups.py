"""What a component puts into a backup is counted, cleared away, and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.repository import ROLES, read, role_folder, tasks_in

OFFERING = {
    verb: [role for role in ROLES if (role_folder(role) / f"tasks/{verb}.yml").exists()]
    for verb in ("backup", "restore")
}


def shared(role: str, verb: str, name: str) -> list[dict[str, Any]]:
    """Return what a verb of a role gives a role that all share, each time."""
    tasks = tasks_in(read(role_folder(role) / f"tasks/{verb}.yml"))
    return [
        task.get("vars", {}) for task in tasks if (task.get("ansible.builtin.include_role") or {}).get("name") == name
    ]


def cleared(role: str) -> list[str]:
    """Return the paths that a restoration takes away."""
    tasks = tasks_in(read(role_folder(role) / "tasks/restore.yml"))
    files = [entry for task in tasks for entry in (task.get("platform.base.host") or {}).get("files", [])]
    return [entry["path"] for entry in files if entry.get("state") == "absent"]


@pytest.mark.parametrize("role", OFFERING["backup"])
def test_a_backup_is_counted_under_the_components_own_name(role: str) -> None:
    taken = shared(role, "backup", "platform.base.backup_taken")

    assert [entry.get("backup_taken_component") for entry in taken] == [role]
    assert all(entry.get("backup_taken_as_of") for entry in taken)


@pytest.mark.parametrize("role", OFFERING["restore"])
def test_what_is_restored_was_backed_up_by_the_same_component(role: str) -> None:
    given = shared(role, "restore", "platform.base.backup_given")

    assert role in OFFERING["backup"]
    assert [entry.get("backup_given_component") for entry in given] == [role]


@pytest.mark.parametrize("role", OFFERING["restore"])
def test_a_restoration_leaves_no_files_of_the_set_behind(role: str) -> None:
    assert f"{{{{ platform_backup_folder }}}}/{{{{ platform_backup_id }}}}/{role}" in cleared(role)
