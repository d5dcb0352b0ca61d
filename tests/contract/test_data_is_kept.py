"""What others made or stored goes only with `--data`, and whoever gives that is told what goes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.repository import ROLES, read, role_folder, tasks_in

FLAG = "platform_remove_data"
KINDS = "customresourcedefinition"
# What stands in an expression only when data goes.
ONLY_WITH_DATA = re.compile(r"\((?:[^()]|\([^()]*\))*? if platform_remove_data else [^()]*\)")


def removal(role: str) -> list[dict[str, Any]]:
    """Return the tasks of a removal."""
    return list(tasks_in(read(role_folder(role) / "tasks/remove.yml")))


def always_deleted(role: str, task: dict[str, Any]) -> str:
    """Return, as text, what a task takes out of a cluster whether or not data goes."""
    arguments = task.get("platform.base.cluster_absent") or {}
    if FLAG in str(task.get("when", "")):
        return ""
    text = str([arguments.get("before"), arguments.get("objects")])
    without = ONLY_WITH_DATA.sub("", text)
    kept = read(role_folder(role) / "vars/main.yml") or {}
    return without + "".join(str(kept.get(name, "")) for name in re.findall(r"__\w+", without))


@pytest.mark.parametrize("role", ROLES)
def test_a_component_whose_data_can_go_says_what_that_is(role: str) -> None:
    heeds = FLAG in (role_folder(role) / "tasks/remove.yml").read_text()

    assert bool(read(role_folder(role) / "component.yml").get("stores")) == heeds


@pytest.mark.parametrize("role", ROLES)
def test_kinds_go_only_with_data(role: str) -> None:
    wrong = [task["name"] for task in removal(role) if KINDS in always_deleted(role, task)]

    assert wrong == [], "With a kind goes all that others made of it."


@pytest.mark.parametrize("role", ROLES)
def test_what_is_worth_a_backup_is_data(role: str) -> None:
    backed_up = (role_folder(role) / "tasks/backup.yml").exists()

    assert not backed_up or read(role_folder(role) / "component.yml").get("stores")


@pytest.mark.parametrize("role", ROLES)
def test_objects_and_secrets_go_only_with_data(role: str) -> None:
    forgetting = ("backup_keys", "harbor_secrets", "platform.base.objects_absent", "s3_keys")

    wrong = [
        task["name"]
        for task in removal(role)
        if any(module in task for module in forgetting) and FLAG not in str(task.get("when", ""))
    ]

    assert wrong == []
