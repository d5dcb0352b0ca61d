"""What is kept of a Vault survives a crash and a wrong passphrase; nothing it answers is lost or asked for twice."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils import vault_parts, vault_site
from ansible_collections.platform.base.plugins.module_utils.vault_site import Kept, VaultProblem
from ansible_collections.platform.base.plugins.modules import vault_settings, vault_start
from hvac.exceptions import Forbidden, InvalidPath
from requests.exceptions import ReadTimeout

_KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: who\n\nQUJD\nREVG\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"


class FakeSystem:
    """What a server's `sys` paths hold, and what was asked of them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.policies: dict[str, str] = {}
        self.mounts: dict[str, Any] = {}

    def initialize(self, **given: Any) -> dict[str, Any]:
        self.asked.append(("initialize", given))
        count = given.get("recovery_shares") or given["secret_shares"]
        name = "recovery_keys_base64" if given.get("recovery_shares") else "keys_base64"
        return {"root_token": "s.first", name: [f"share{number}" for number in range(count)]}

    def list_mounted_secrets_engines(self) -> dict[str, Any]:
        return {"data": self.mounts}

    def enable_secrets_engine(self, kind: str, path: str, options: Any, config: Any) -> None:
        self.mounts[f"{path}/"] = {"type": kind, "options": options}

    def list_policies(self) -> dict[str, Any]:
        return {"data": {"policies": list(self.policies)}}

    def read_policy(self, name: str) -> dict[str, Any]:
        return {"data": {"rules": self.policies[name]}}

    def create_or_update_policy(self, name: str, text: str) -> None:
        self.policies[name] = text


class FakeClient:
    """A server."""

    def __init__(self) -> None:
        self.sys = FakeSystem()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(str(tmp_path / "secrets"), "a passphrase")


def given(tmp_path: Path, **other: Any) -> dict[str, Any]:
    keys = {"first": _KEY, "second": _KEY}
    return {"operator_keys": keys, "threshold": 2, "opens_itself": True, "shares": str(tmp_path / "shares"), **other}


def test_what_is_kept_is_read_again_and_never_in_clear(kept: Kept, tmp_path: Path) -> None:
    kept.write({"root_token": "s.planted"})

    assert kept.read() == {"root_token": "s.planted"}
    assert b"planted" not in (tmp_path / "secrets").read_bytes()
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600


def test_nothing_kept_is_nothing_known(kept: Kept) -> None:
    assert kept.read() == {}


def test_another_passphrase_is_named_with_its_cure(kept: Kept, tmp_path: Path) -> None:
    kept.write({"a": "b"})

    with pytest.raises(VaultProblem, match="PLATFORM_CA_PASSPHRASE_FILE"):
        Kept(str(tmp_path / "secrets"), "another").read()


def test_a_key_is_given_without_its_frame() -> None:
    assert base64.b64decode(vault_start.dearmour(_KEY)) == b"ABCDEF"


@pytest.mark.parametrize("text", ["", "ssh-ed25519 AAAA", _KEY.replace("PUBLIC", "PRIVATE")])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(VaultProblem, match="no armoured OpenPGP public key"):
        vault_start.dearmour(text)


@pytest.mark.parametrize("opens_itself", [True, False])
def test_each_operator_has_a_share_and_the_token_is_kept(kept: Kept, tmp_path: Path, opens_itself: bool) -> None:
    client = FakeClient()

    vault_start.initialise(client, given(tmp_path, opens_itself=opens_itself), kept)

    shares = json.loads((tmp_path / "shares").read_text())
    assert shares == {"threshold": 2, "shares": {"first": "share0", "second": "share1"}}
    assert kept.read() == {"root_token": "s.first"}
    ((_, asked),) = client.sys.asked
    assert {name.partition("_")[0] for name in asked} == ({"recovery"} if opens_itself else {"secret", "pgp"})


def test_too_few_operators_are_found_before_anything_is_asked(kept: Kept, tmp_path: Path) -> None:
    client = FakeClient()

    with pytest.raises(VaultProblem, match="names 2 operators, and `vault_threshold` asks for 3"):
        vault_start.initialise(client, given(tmp_path, threshold=3), kept)

    assert (client.sys.asked, kept.read()) == ([], {})


def test_an_initialisation_is_written_down_before_it_is_asked_for(kept: Kept, tmp_path: Path) -> None:
    client = FakeClient()

    def cut_off(**_: Any) -> dict[str, Any]:
        raise ReadTimeout

    client.sys.initialize = cut_off  # type: ignore[method-assign]

    with pytest.raises(VaultProblem, match="it begins anew"):
        vault_start.initialise(client, given(tmp_path), kept)

    assert kept.read() == {"begun": True}


def told_to_type(joined: set[str]) -> str:
    urls = {name: f"https://192.0.2.1{number}:8200" for number, name in enumerate(("cp1", "cp2"), 1)}
    given = {
        "threshold": 2,
        "shares": "/s",
        "program": "/usr/local/bin/vault",
        "operator_keys": {"first": "", "second": ""},
        "vault": {"ca_certificate": "/ca.crt", "urls": urls},
    }
    return vault_start.to_type(given, ["cp1", "cp2"], joined)


def test_operators_are_told_what_to_type() -> None:
    told = told_to_type({"cp1", "cp2"})

    assert "needs 2 of its operators: first, second" in told
    for address in ("192.0.2.11", "192.0.2.12"):
        assert f"VAULT_ADDR=https://{address}:8200 VAULT_CACERT=/ca.crt /usr/local/bin/vault operator unseal" in told
    assert "will join" not in told


def test_a_server_that_has_not_joined_yet_is_opened_after_the_first_one() -> None:
    before, _, after = told_to_type({"cp1"}).partition("When that is open, cp2 will join it within seconds")

    assert ("on cp1:" in before, "on cp2:" in before) == (True, False)
    assert "on cp2:" in after


def test_only_what_is_missing_is_made() -> None:
    client = FakeClient()
    client.sys.mounts["platform/"] = {"type": "kv"}
    wanted = {"platform": {"type": "kv"}, "transit": {"type": "transit"}}

    (change,) = vault_parts.of_mounts(client, wanted)
    change[1]()

    assert change[0] == "mount transit"
    assert list(vault_parts.of_mounts(client, wanted)) == []


def test_a_policy_that_says_something_else_is_brought_up_to_date() -> None:
    client = FakeClient()
    client.sys.policies = {"same": "a", "other": "b"}

    changes = list(vault_parts.of_policies(client, {"same": "a", "other": "new", "third": "c"}))
    for _, make in changes:
        make()

    assert [what for what, _ in changes] == ["policy other", "policy third"]
    assert client.sys.policies == {"same": "a", "other": "new", "third": "c"}


class FakeAccounts:
    """The account the platform logs in with."""

    def __init__(self, kept: Kept) -> None:
        self.role: dict[str, Any] | None = None
        self.kept_when_revoked: list[dict[str, Any]] = []
        self._kept = kept

    def read_role(self, _: str) -> dict[str, Any]:
        if self.role is None:
            raise InvalidPath
        return {"data": self.role}

    def create_or_update_approle(self, _: str, **given: Any) -> None:
        # As the server tells it: nothing for an empty list, and a network of one address by that.
        self.role = {
            name: [entry.removesuffix("/32") for entry in value] or None if isinstance(value, list) else value
            for name, value in given.items()
        }

    def read_role_id(self, _: str) -> dict[str, Any]:
        return {"data": {"role_id": "the role"}}

    def generate_secret_id(self, _: str) -> dict[str, Any]:
        return {"data": {"secret_id": "the secret"}}

    def revoke_self(self) -> None:
        self.kept_when_revoked.append(self._kept.read())


def with_accounts(kept: Kept) -> tuple[Any, FakeAccounts]:
    accounts = FakeAccounts(kept)
    client: Any = FakeClient()
    client.sys.list_auth_methods = lambda: {"data": {"approle/": {}}}
    client.auth = type("Auth", (), {"approle": accounts, "token": accounts})()
    return client, accounts


@pytest.mark.parametrize("bound", [[], ["192.0.2.5/32"]])
def test_the_account_is_made_once(kept: Kept, bound: list[str]) -> None:
    client, _ = with_accounts(kept)

    ((what, make),) = vault_parts.of_account(client, 20, bound)
    make()

    assert what == "account platform-installer"
    assert list(vault_parts.of_account(client, 20, bound)) == []
    assert len(list(vault_parts.of_account(client, 5, bound))) == 1


def test_the_first_token_is_given_up_once_there_is_another_way_in(kept: Kept) -> None:
    client, accounts = with_accounts(kept)
    kept.write({"root_token": "s.first"})

    vault_settings.hand_over(client, kept)

    installer = {"role_id": "the role", "secret_id": "the secret"}
    assert accounts.kept_when_revoked == [{"root_token": "s.first", "installer": installer}]
    assert kept.read() == {"installer": installer}


@pytest.mark.parametrize(("good", "used"), [(True, "s.first"), (False, "s.own")])
def test_a_first_token_that_was_given_up_already_is_passed_over(kept: Kept, good: bool, used: str) -> None:
    client, accounts = with_accounts(kept)

    def look_up() -> None:
        if client.token == "s.first" and not good:
            raise Forbidden

    accounts.lookup_self = look_up  # type: ignore[attr-defined]
    accounts.login = lambda **_: setattr(client, "token", "s.own")  # type: ignore[attr-defined]

    assert vault_site._is_let_in(client, {"root_token": "s.first", "installer": {"role_id": "r", "secret_id": "s"}})
    assert client.token == used


def test_who_has_nothing_to_log_in_with_is_told_so() -> None:
    with pytest.raises(VaultProblem, match="Restore its /etc/platform"):
        vault_site.login({}, "/ca.crt", {}, 0)
