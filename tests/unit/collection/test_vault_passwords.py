"""A password is made once, asked for where it must be, and forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.vault_site import VaultProblem
from ansible_collections.platform.base.plugins.modules import vault_passwords

from tests.fake_vault import FakeVault

WANTED = {"paths": ["valkey/one", "valkey/two"], "state": "made"}


def settled(client: FakeVault, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return vault_passwords.settle(client, {**WANTED, **given}, check_mode)


def test_a_password_is_made_once() -> None:
    client = FakeVault()

    first, second = settled(client), settled(client)

    assert (first["changed"], second["changed"]) == (True, False)
    assert (first["passwords"], first["digest"]) == (second["passwords"], second["digest"])
    assert len(set(first["passwords"].values())) == 2
    assert min(map(len, first["passwords"].values())) >= 43


def test_check_mode_keeps_nothing() -> None:
    client = FakeVault()

    assert settled(client, check_mode=True)["changed"]
    assert client.held == {}


def test_a_password_that_must_be_there_is_named_when_it_is_not() -> None:
    client = FakeVault()
    client.held = {"valkey/one": {"password": "there"}}

    with pytest.raises(VaultProblem, match="valkey/two"):
        settled(client, state="there")


def test_passwords_are_forgotten() -> None:
    client = FakeVault()
    settled(client)

    first = vault_passwords.forget(client, WANTED, check_mode=False)
    second = vault_passwords.forget(client, WANTED, check_mode=False)

    assert client.held == {}
    assert (first["changed"], second["changed"]) == (True, False)
