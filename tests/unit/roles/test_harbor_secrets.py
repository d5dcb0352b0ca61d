"""A registry's secrets are made once, what others gave is kept, and what lacks is told with its cure."""

from __future__ import annotations

import ctypes
import re
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.vault_site import VaultProblem

from tests.fake_vault import FakeVault
from tests.repository import role_folder
from tests.role_programs import loaded

SECRETS = loaded(role_folder("harbor") / "library/harbor_secrets.py")
STORE = {"url": "https://192.0.2.10:8333", "access_key": "key", "secret_key": "word"}


def vault_with_store() -> FakeVault:
    vault = FakeVault()
    vault.held["object_storage/harbor"] = dict(STORE)
    return vault


def settle(vault: FakeVault, wet: bool = True, **other: Any) -> dict[str, Any]:
    found: dict[str, Any] = SECRETS.settle(vault, {"given": "", "wanted": [], "bucket": "registry", **other}, wet)
    return found


def test_secrets_are_made_once() -> None:
    vault = vault_with_store()

    first, second = settle(vault), settle(vault)

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["internal"] == second["internal"] == vault.held["harbor/internal"]
    assert first["mark"] == second["mark"]


def test_secrets_have_the_lengths_that_harbor_asks_for() -> None:
    internal = settle(vault_with_store())["internal"]

    assert (len(internal["secret_key"]), len(internal["csrf_key"])) == (16, 32)
    assert all(re.search("[a-z]", internal[name]) for name in ("admin_password", "registry_password"))
    assert len(set(internal.values())) == len(internal)


def test_the_parts_own_password_is_kept_in_the_only_way_a_registry_takes() -> None:
    internal = settle(vault_with_store())["internal"]
    user, _, kept = internal["registry_htpasswd"].partition(":")

    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p

    assert user == "harbor_registry_user"
    assert kept.startswith("$2y$10$")
    assert crypt(internal["registry_password"].encode(), kept.encode()).decode() == kept
    assert crypt(b"another", kept.encode()).decode() != kept


def test_what_others_gave_goes_into_the_vault_and_is_there_without_the_file() -> None:
    vault = vault_with_store()

    first = settle(vault, given="[database]\npassword = of 100%\n", wanted=["database"])
    second = settle(vault, wanted=["database"])

    assert first["given"] == second["given"] == {"database": {"password": "of 100%"}}
    assert (first["changed"], second["changed"]) == (True, False)


def test_another_password_changes_the_mark_by_which_programs_start_anew() -> None:
    vault = vault_with_store()
    first = settle(vault, given="[database]\npassword = first\n", wanted=["database"])

    second = settle(vault, given="[database]\npassword = second\n", wanted=["database"])

    assert first["mark"] != second["mark"]
    assert second["changed"]


def test_a_password_that_nobody_knows_is_asked_for_by_its_section() -> None:
    with pytest.raises(VaultProblem, match=r"password of cache.*section \[cache\]"):
        settle(vault_with_store(), wanted=["cache"])


def test_a_file_that_is_none_is_told_without_what_is_in_it() -> None:
    with pytest.raises(VaultProblem, match="is none") as problem:
        settle(vault_with_store(), given="top secret", wanted=["cache"])

    assert "top secret" not in str(problem.value)


def test_without_a_bucket_the_operator_is_told_what_to_declare() -> None:
    with pytest.raises(VaultProblem, match=r"\{name: registry, owner: harbor\}"):
        settle(FakeVault())


def test_check_mode_keeps_nothing() -> None:
    vault = vault_with_store()

    assert settle(vault, wet=False)["changed"]
    assert set(vault.held) == {"object_storage/harbor"}


def test_all_of_it_is_forgotten_but_the_stores_key() -> None:
    vault = vault_with_store()
    settle(vault, given="[database]\npassword = x\n", wanted=["database"])

    first, second = SECRETS.forget(vault, True), SECRETS.forget(vault, True)

    assert (first["changed"], second["changed"]) == (True, False)
    assert set(vault.held) == {"object_storage/harbor"}
