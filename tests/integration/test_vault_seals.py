"""Servers of a Vault open as each seal says: by operators who type, by another Vault, and not at all without it."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    VaultProblem,
    client_of,
    read_secret,
    voters,
    wait_for,
    write_secret,
)
from ansible_collections.platform.base.plugins.modules import vault_probe, vault_rotate, vault_start
from ansible_collections.platform.base.plugins.modules.vault_start import StillShut
from hvac.exceptions import InvalidRequest

from installer.adapters.lock_files import read_lock
from tests.bundled import program
from tests.repository import PROJECT
from tests.vault_servers import OTHER, SECONDS, Servers

Make = Callable[..., Servers]
_POLICY = """
path "transit/encrypt/site" { capabilities = ["update"] }
path "transit/decrypt/site" { capabilities = ["update"] }
"""


@pytest.fixture
def bao(tmp_path: Path) -> Path:
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    return program(lock, "openbao", tmp_path).rename(tmp_path / "bao")


@pytest.fixture
def make(bao: Path, tmp_path: Path) -> Iterator[Make]:
    """Return what makes the servers of a Vault, which end with the test."""
    made: list[Servers] = []

    def servers(name: str, seal: str, hosts: dict[str, str] | None = None) -> Servers:
        made.append(Servers(bao, tmp_path / name, seal, **({"hosts": hosts} if hosts else {})))
        return made[-1]

    yield servers
    for vault in made:
        vault.stop()


@pytest.fixture
def gnupg() -> Iterator[dict[str, str]]:
    """Return an environment with an empty key ring of GnuPG's; its agent's socket wants a short path."""
    folder = tempfile.mkdtemp(prefix="gpg")
    environment = {**os.environ, "GNUPGHOME": folder}
    yield environment
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
    shutil.rmtree(folder, ignore_errors=True)


class Operators:
    """Operators who do, word by word, what they are told."""

    def __init__(self, vault: Servers, environment: dict[str, str], place: Path) -> None:
        self._environment, self._place = environment, place
        for key in vault.operators.values():
            self._do("gpg --batch --quiet --import", str(key).encode())

    def type_on(self, told: str, server: str, operators: list[str]) -> str:
        """Have operators type their shares on a server, and return what the last one saw."""
        take, decrypt = (re.search(rf"^ +({word} .*)$", told, re.MULTILINE) for word in ("sed", "gpg"))
        unseal = re.search(rf"^ +on {server}: (.*)$", told, re.MULTILINE)
        assert take and decrypt and unseal, told
        shown = ""
        for name in operators:
            self._do(take[1].replace("NAME", name))
            share = self._do(decrypt[1].replace("NAME", name))
            shown = self._at_a_terminal(unseal[1], share)
        return shown

    def _do(self, command: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            ["sh", "-ec", command],
            env=self._environment,
            cwd=self._place,
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def _at_a_terminal(self, command: str, line: bytes) -> str:
        ours, theirs = pty.openpty()
        try:
            with subprocess.Popen(
                ["sh", "-ec", command],
                env=self._environment,
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process:
                os.write(ours, line + b"\n")
                shown, _ = process.communicate(timeout=SECONDS)
        finally:
            os.close(ours)
            os.close(theirs)
        text = shown.decode()
        assert process.returncode == 0, text
        assert line.decode() not in text
        return text


def told_by(vault: Servers) -> str:
    """Return what a deployment says when it stops for operators."""
    with pytest.raises(StillShut) as stopped:
        vault.begin()
    return str(stopped.value)


def used(vault: Servers) -> None:
    """Use the servers as verification does."""
    client = vault.client()
    voters(client, vault.urls, SECONDS)
    vault_probe.keep_and_forget(client, "probe/of-a-test")
    vault_probe.give_up(client)


def test_operators_open_servers_by_typing_what_they_are_told(make: Make, gnupg: dict[str, str], tmp_path: Path) -> None:
    vault = make("site", "shares")
    operators = Operators(vault, gnupg, tmp_path)
    vault.start()

    told = told_by(vault)
    assert "needs 2 of its operators: anna, bela.b, carla" in told
    operators.type_on(told, "cp1", ["anna", "bela.b"])
    # Those who were not told to wait would be told that the Vault is not initialised.
    assert "cp2, cp3 will join it within seconds" in told
    assert wait_for(lambda: all(status.get("initialized") for status in vault.statuses()), SECONDS)
    again = told_by(vault)
    assert again.startswith("Vault is shut on cp2, cp3,")
    for server in ("cp2", "cp3"):
        operators.type_on(again, server, ["carla", "anna"])
    assert wait_for(vault.are_open, SECONDS)

    assert vault.begin() == {"changed": False, "unheard": False}
    vault.settle()
    used(vault)
    assert "root_token" not in vault.kept().read()

    write_secret(vault.client(), "planted", {"value": "kept"})
    vault.stop("cp2")
    vault.start("cp2")
    shut = told_by(vault)
    assert shut.startswith("Vault is shut on cp2, and needs 2")
    # The others go on without it.
    assert read_secret(vault.client(), "planted") == {"value": "kept"}
    assert "1/2" in operators.type_on(shut, "cp2", ["bela.b"])
    assert not vault.are_open()
    operators.type_on(shut, "cp2", ["carla"])
    assert wait_for(vault.are_open, SECONDS)
    used(vault)


def opened_by_another(make: Make) -> tuple[Servers, Servers]:
    """Return a site's Vault that another one opens, which runs, and that one."""
    other = make("other", "static", OTHER)
    other.start()
    other.begin()
    client = client_of(other.urls["other1"], other.authority, other.kept().read()["root_token"])
    assert wait_for(lambda: client.sys.read_leader_status()["is_self"], SECONDS)
    client.sys.enable_secrets_engine("transit")
    client.secrets.transit.create_key("site")
    client.sys.create_or_update_policy("opens-site", _POLICY)
    token = client.auth.token.create_orphan(policies=["opens-site"], period="24h", no_default_policy=False)
    site = make("site", "transit")
    site.is_opened_by(other, token["auth"]["client_token"])
    site.start()
    return site, other


def test_another_vault_opens_servers_whenever_they_start(make: Make) -> None:
    site, other = opened_by_another(make)

    assert site.begin() == {"changed": True, "unheard": False}
    site.settle()
    used(site)
    write_secret(site.client(), "planted", {"value": "kept"})
    site.stop()
    site.start()
    assert site.begin() == {"changed": False, "unheard": False}
    used(site)
    assert read_secret(site.client(), "planted") == {"value": "kept"}

    # Those that are open stay open without the other one; one that starts waits for it.
    other.stop()
    site.stop("cp3")
    site.start("cp3")
    assert wait_for(lambda: site.has_ended("cp3"), SECONDS)
    assert read_secret(site.client(), "planted") == {"value": "kept"}
    with pytest.raises(VaultProblem, match="No answer from cp3") as problem:
        vault_start.start({**site.wanted_start(), "seconds": 3}, check_mode=False)
    assert "the other Vault" in str(problem.value)
    assert "127.0.0.21" in site.log("cp3")
    other.start()
    assert wait_for(other.are_open, SECONDS)
    # What systemd does two seconds later.
    site.start("cp3")
    assert wait_for(site.are_open, SECONDS)
    used(site)


def test_a_program_without_hardware_security_says_so(make: Make) -> None:
    """The packaged OpenBao is built without PKCS#11: its settings are rendered, and no more can be seen with it."""
    site = make("site", "pkcs11")
    site.start("cp1")

    assert wait_for(lambda: site.has_ended("cp1"), SECONDS)

    assert 'Error configuring seal "pkcs11": unknown wrapper: pkcs11' in site.log("cp1")


def test_what_was_rotated_is_refused_by_real_servers(make: Make) -> None:
    site = make("other", "static", OTHER)
    site.set_up()
    old = site.kept().read()["installer"]
    url = site.urls["other1"]
    assert vault_rotate.enters(url, site.authority, old)
    sealed = site.client().secrets.transit.encrypt_data("backups", plaintext="AAAA")["data"]["ciphertext"]
    assert sealed.startswith("vault:v1:")

    write_secret(site.client(), "planted", {"value": "of the old key"})

    told = vault_rotate.rotate({"vault": site.access(), "keys": ["backups"], "seconds": SECONDS})

    assert not vault_rotate.enters(url, site.authority, old)
    assert site.kept().read()["installer"]["secret_id"] != old["secret_id"]
    sealed = site.client().secrets.transit.encrypt_data("backups", plaintext="AAAA")["data"]["ciphertext"]
    assert sealed.startswith("vault:v2:")
    with pytest.raises(InvalidRequest, match="version"):
        site.client().write_data("transit/encrypt/backups", data={"plaintext": "AAAA", "key_version": 1})
    assert read_secret(site.client(), "planted") == {"value": "of the old key"}
    assert [what.split(",")[0] for what in told] == [
        "the storage's key",
        "the key backups",
        "the secret of platform-installer",
    ]
    used(site)
