#!/usr/bin/python
"""Have programs' accounts of a Harbor, with secrets that end, and keep these in the site's Vault."""

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_robots
short_description: Have programs' accounts of a Harbor
description:
  - Each account's secret is at C(platform/harbor/robots/NAME), with who it is and when it ends. One that ends soon
    is made anew, and so is every one with C(rotate), which also gives the administrator another password; what was good
    before must be refused then.
  - A secret is in the Vault before Harbor is told of it, so that whoever is killed in between can go on.
extends_documentation_fragment: [platform.base.vault]
options:
  address: {description: Where Harbor answers., type: str, required: true}
  name: {description: Who it is., type: str, required: true}
  port: {description: Its port., type: int, default: 443}
  authority: {description: The authority of its certificate., type: path, required: true}
  robots: {description: "The accounts, by name.", type: dict, required: true}
  days: {description: Days a secret is good for., type: int, required: true}
  renew_days: {description: Days before its end from which it is renewed., type: int, required: true}
  rotate: {description: Make every secret anew., type: bool, default: false}
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Have them
  harbor_robots:
    vault: "{{ platform_vault_access }}"
    address: 192.0.2.64
    name: registry.example.com
    authority: /etc/platform/ca.crt
    robots: {ci: {projects: [shop], may: [pull, push]}}
    days: 90
    renew_days: 30
"""

RETURN = r"""
told: {description: What was changed., returned: always, type: list, elements: str}
"""

import secrets
import string
import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.harbor_account import (
    ADMIN,
    INTERNAL,
    NEXT,
    PASSWORD,
    administrator_password,
    settle_password,
)
from ansible_collections.platform.base.plugins.module_utils.harbor_api import Harbor, HarborRefused
from ansible_collections.platform.base.plugins.module_utils.harbor_parts import lacks
from ansible_collections.platform.base.plugins.module_utils.harbor_wishes import robot
from ansible_collections.platform.base.plugins.module_utils.registry_client import Registry
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    forget_secret,
    read_secret,
    vault_of,
    write_secret,
)
from ansible_collections.platform.base.plugins.module_utils.web_door import ARGUMENTS as DOOR
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer, door_of

# Harbor puts it before the name it is given.
_PREFIX = "robot$"
_MADE = "Made by the platform."
_DAY = 86400
_LETTERS = string.ascii_letters + string.digits


def made_secret() -> str:
    """Return a secret that has what Harbor asks for: letters of both kinds and a digit."""
    return "".join(secrets.choice(_LETTERS) for _ in range(29)) + "aZ7"


def allowed(robot: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Return what an account may do, whatever order that is told in."""
    return {
        (permission["namespace"], access["resource"], access["action"])
        for permission in robot.get("permissions") or []
        for access in permission.get("access") or []
    }


class Keeper:
    """Keeps accounts of one Harbor.

    Args:
        client: of the Vault.
        door: the way to Harbor.
        given: the module's parameters.
        wet: whether anything is changed.
    """

    def __init__(self, client: Any, door: Door, given: Mapping[str, Any], wet: bool) -> None:
        self._client = client
        self._door = door
        self._given = given
        self._wet = wet
        self.told: list[str] = []

    def rotate_administrator(self, harbor: Harbor) -> Harbor:
        """Give the administrator another password, and return the API with that.

        Raises:
            HarborRefused: the old one is still good.
        """
        kept = {**read_secret(self._client, INTERNAL), NEXT: made_secret()}
        write_secret(self._client, INTERNAL, kept)
        number = harbor.get("/users/current")["user_id"]
        harbor.put(f"/users/{number}/password", {"old_password": kept[PASSWORD], "new_password": kept[NEXT]})
        settle_password(self._client, kept)
        self._must_be_refused(ADMIN, kept[PASSWORD])
        self.told.append("the administrator's password")
        return Harbor(self._door, ADMIN, kept[NEXT])

    def keep(self, harbor: Harbor) -> None:
        """Have every account, and none of the platform's that is not wanted any more.

        Raises:
            HarborRefused: it cannot be done.
        """
        there = {entry["name"].removeprefix(_PREFIX): entry for entry in harbor.items("/robots")}
        for name, given in sorted(self._given["robots"].items()):
            self._keep_one(harbor, name, robot(name, given, self._given["days"]), there.get(name))
        for name in sorted(set(there) - set(self._given["robots"])):
            if there[name].get("description") == _MADE:
                self.told.append(f"robot {name} goes")
                if self._wet:
                    harbor.delete(f"/robots/{there[name]['id']}")
                    forget_secret(self._client, f"harbor/robots/{name}")

    def _keep_one(self, harbor: Harbor, name: str, wanted: dict[str, Any], there: Mapping[str, Any] | None) -> None:
        path = f"harbor/robots/{name}"
        kept = read_secret(self._client, path)
        if there is not None and kept and not self._is_due(there) and not self._is_other(there, wanted):
            return
        self.told.append(f"robot {name}")
        if not self._wet:
            return
        # Its end counts from its making, so that a new one is made under the same name.
        secret = made_secret()
        write_secret(self._client, path, {**kept, "next": secret})
        if there is not None:
            harbor.delete(f"/robots/{there['id']}")
        made = harbor.post("/robots", {**wanted, "secret": secret})
        # An older Harbor chooses by itself, and says what.
        secret = made.get("secret") or secret
        document = {"name": made["name"], "secret": secret, "expires_at": made.get("expires_at", -1)}
        write_secret(self._client, path, {**document, "registry": self._given["name"]})
        if kept.get("secret"):
            self._must_be_refused(kept["name"], kept["secret"])

    def _is_due(self, there: Mapping[str, Any]) -> bool:
        end = int(there.get("expires_at", -1))
        ending = end > 0 and end - time.time() < self._given["renew_days"] * _DAY
        return bool(self._given["rotate"] or ending)

    @staticmethod
    def _is_other(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
        told = {name: wanted[name] for name in ("disable", "duration")}
        return lacks(there, told) or allowed(there) != allowed(wanted)

    def _must_be_refused(self, user: str, password: str) -> None:
        """See that what was good before is good no more.

        Raises:
            HarborRefused: it is.
        """
        if Registry(self._door, user, password).lets_in():
            raise HarborRefused(f"The old secret of {user} is still good")


def settle(client: Any, given: Mapping[str, Any], wet: bool) -> list[str]:
    """Bring the accounts to what is wanted, and return what was changed.

    Raises:
        HarborRefused, NoAnswer: it cannot be done.
    """
    door = door_of(given)
    keeper = Keeper(client, door, given, wet)
    harbor = Harbor(door, ADMIN, administrator_password(client, door, wet))
    if given["rotate"] and wet:
        harbor = keeper.rotate_administrator(harbor)
    keeper.keep(harbor)
    return keeper.told


def main() -> None:
    """Run the module."""
    number = {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS, "seconds": {"type": "float", "default": 120}, **DOOR,
            "robots": {"type": "dict", "required": True}, "days": number, "renew_days": number,
            "rotate": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )  # fmt: skip
    try:
        with vault_of(module.params) as client:
            told = settle(client, module.params, not module.check_mode)
    except (HarborRefused, NoAnswer) as problem:
        if module.check_mode:
            # What an earlier task would bring is missing: all of it would change.
            module.exit_json(changed=True, told=[])
        module.fail_json(msg=f"{problem}. Look at `kubectl -n harbor logs deploy/harbor-core`, and run again.")
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=bool(told), told=told)


if __name__ == "__main__":
    main()
