#!/usr/bin/python
"""Bring a Harbor's settings, projects, rules, schedules and replication to what a site wants."""

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_settings
short_description: Bring a Harbor's settings and projects to what a site wants
description:
  - Waits until every part of it is well. Projects that nobody names are left alone.
extends_documentation_fragment: [platform.base.vault]
options:
  address: {description: Where Harbor answers., type: str, required: true}
  name: {description: Who it is., type: str, required: true}
  port: {description: Its port., type: int, default: 443}
  authority: {description: The authority of its certificate., type: path, required: true}
  login: {description: Who may log in., type: dict, default: {}}
  login_password: {description: What it asks the provider or the directory with., type: str, default: ""}
  upstream: {description: The projects of upstream's registries., type: list, elements: str, default: []}
  upstream_project: {description: What holds for them., type: dict, default: {}}
  projects: {description: "Projects of teams, by name.", type: dict, default: {}}
  garbage: {description: When garbage is collected., type: str, required: true}
  scan: {description: When everything is scanned., type: str, required: true}
  audit_days: {description: Days the audit log is kept., type: int, required: true}
  audit_server: {description: The syslog server of the audit log., type: str, default: ""}
  second_site: {description: A second Harbor., type: dict, default: {}}
  second_site_password: {description: Of who pushes there., type: str, default: ""}
  seconds: {description: How long it may take to be well., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Set it up
  harbor_settings:
    vault: "{{ platform_vault_access }}"
    address: 192.0.2.64
    name: registry.example.com
    authority: /etc/platform/ca.crt
    projects: {shop: {signed: true}}
    garbage: 0 0 2 * * 6
    scan: 0 0 4 * * *
    audit_days: 365
"""

RETURN = r"""
told: {description: What was changed., returned: always, type: list, elements: str}
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import harbor_wishes as wishes
from ansible_collections.platform.base.plugins.module_utils.harbor_account import ADMIN, administrator_password
from ansible_collections.platform.base.plugins.module_utils.harbor_api import Harbor, HarborRefused
from ansible_collections.platform.base.plugins.module_utils.harbor_parts import (
    Change,
    of_configuration,
    of_projects,
    of_schedules,
    of_second_site,
)
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    read_secret,
    vault_of,
    wait_for,
    write_secret,
)
from ansible_collections.platform.base.plugins.module_utils.web_door import ARGUMENTS as DOOR
from ansible_collections.platform.base.plugins.module_utils.web_door import NoAnswer, door_of

# After garbage was collected, and before everything is scanned.
_RETENTION = "0 0 1 * * *"


def unwell(harbor: Harbor) -> str:
    """Return which parts are not well, or why nobody knows; empty when all are."""
    try:
        found = harbor.get("/health") or {}
    except (NoAnswer, HarborRefused) as problem:
        return str(problem)
    parts = found.get("components") or []
    ill = [
        f"{part['name']} ({part.get('error') or part.get('status')})"
        for part in parts
        if part.get("status") != "healthy"
    ]
    return ", ".join(ill) if found.get("status") != "healthy" or ill else ""


def await_health(harbor: Harbor, seconds: float) -> None:
    """Wait until all parts are well.

    Raises:
        HarborRefused: they do not become so.
    """
    said: list[str] = [""]

    def well() -> bool:
        said[0] = unwell(harbor)
        return not said[0]

    if not wait_for(well, seconds):
        raise HarborRefused(f"After {seconds:.0f} s not all of Harbor is well: {said[0]}")


def projects_of(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return everything that is wanted of each project."""
    upstream = {name: wishes.project({}, given["upstream_project"]) for name in given["upstream"]}
    return {**upstream, **{name: wishes.project(entry or {}) for name, entry in given["projects"].items()}}


def changes(harbor: Harbor, given: Mapping[str, Any], told: Mapping[str, str]) -> Iterator[Change]:
    """Yield everything that is to be changed, in its order."""
    login = given["login"]
    configuration = wishes.configuration(login, given["audit_server"])
    secrets = wishes.login_secret(login, given["login_password"]) if login else {}
    yield from of_configuration(harbor, configuration, secrets, told)
    yield from of_projects(harbor, projects_of(given), _RETENTION)
    yield from of_schedules(harbor, wishes.schedules(given["garbage"], given["scan"], given["audit_days"]))
    site = wishes.second_site(given["second_site"], given["second_site_password"])
    yield from of_second_site(harbor, site, told)


def secrets_told(given: Mapping[str, Any]) -> dict[str, str]:
    """Return what Harbor is told and never tells again."""
    login = wishes.login_secret(given["login"], given["login_password"]) if given["login"] else {}
    site = {"second_site": given["second_site_password"]} if given["second_site"] else {}
    return {**login, **site}


def settle(client: Any, given: Mapping[str, Any], wet: bool) -> list[str]:
    """Bring it to what is wanted, and return what was changed.

    Raises:
        HarborRefused, NoAnswer, VaultProblem: it cannot be done.
    """
    door = door_of(given)
    await_health(Harbor(door), given["seconds"] if wet else 0)
    harbor = Harbor(door, ADMIN, administrator_password(client, door, wet))
    done, told = [], read_secret(client, "harbor/told")
    for what, change in changes(harbor, given, told):
        done.append(what)
        if wet:
            change()
    if wet and told != (now := secrets_told(given)):
        write_secret(client, "harbor/told", now)
    return done


def main() -> None:
    """Run the module."""
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "seconds": {"type": "float", "default": 120},
            **DOOR,
            "login": {"type": "dict", "default": {}},
            "login_password": {**text, "no_log": True},
            "upstream": {"type": "list", "elements": "str", "default": []},
            "upstream_project": {"type": "dict", "default": {}},
            "projects": {"type": "dict", "default": {}},
            "garbage": {"type": "str", "required": True},
            "scan": {"type": "str", "required": True},
            "audit_days": {"type": "int", "required": True},
            "audit_server": text,
            "second_site": {"type": "dict", "default": {}},
            "second_site_password": {**text, "no_log": True},
        },
        supports_check_mode=True,
    )
    try:
        with vault_of(module.params) as client:
            told = settle(client, module.params, not module.check_mode)
    except (HarborRefused, NoAnswer) as problem:
        if module.check_mode:
            # What an earlier task would bring is missing: all of it would change.
            module.exit_json(changed=True, told=[])
        module.fail_json(msg=f"{problem}. Look at `kubectl -n harbor get pods`, and run again.")
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=bool(told), told=told)


if __name__ == "__main__":
    main()
