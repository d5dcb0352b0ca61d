"""What was in a Vault is in others again when its servers were lost, by real servers and the role's modules."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    VaultProblem,
    read_secret,
    wait_for,
    write_secret,
)
from ansible_collections.platform.base.plugins.modules import vault_backup, vault_restore

from installer.adapters.lock_files import read_lock
from tests.bundled import program
from tests.repository import PROJECT
from tests.vault_servers import SECONDS, Servers

_SET = "20260131T120000Z"


def given(servers: Servers, backup: dict[str, str], files: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the modules are given."""
    return {"vault": servers.access(), "backup": backup, "files": list(files), "seconds": SECONDS}


@pytest.fixture
def bao(tmp_path: Path) -> Path:
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    return program(lock, "openbao", tmp_path)


@pytest.fixture
def servers(bao: Path, tmp_path: Path) -> Iterator[list[Servers]]:
    """Return the servers of two lives: the second has nothing of the first."""
    lives = [Servers(bao, tmp_path / name, "static") for name in ("first", "second")]
    try:
        yield lives
    finally:
        for life in lives:
            life.stop()


def test_what_was_in_a_vault_is_in_other_servers_again(servers: list[Servers], tmp_path: Path) -> None:
    first, second = servers
    backup = {"folder": str(tmp_path / "set"), "id": _SET, "passphrase": "of the set"}
    seal = str(first.folder / "seal.key")
    first.set_up()
    write_secret(first.client(), "planted", {"value": "of the first life"})
    told = vault_backup.back_up(given(first, backup, [seal, str(first.folder / "none")]))
    first.stop()
    shutil.rmtree(first.folder)
    first.folder.mkdir()

    second.set_up()
    with pytest.raises(SealBroken, match="another passphrase"):
        vault_restore.restore(given(second, {**backup, "passphrase": "a guess"}))
    assert read_secret(second.client(), "planted") == {}
    put = vault_restore.restore(given(second, backup))

    assert (put, told["size"] > 0) == (True, True)
    assert all(status["sealed"] for status in second.statuses())
    # What a deployment does next: the servers are given the key that came with the set.
    second.stop()
    shutil.copy(seal, second.folder / "seal.key")
    second.start()
    assert wait_for(second.are_open, SECONDS)
    assert read_secret(second.client(), "planted") == {"value": "of the first life"}
    assert vault_restore.restore(given(second, backup)) is False, "a run that was killed goes on where it was"
    second.settle()
    assert "restored" not in second.kept().read()


def test_a_vault_that_stands_goes_back_to_what_it_was(servers: list[Servers], tmp_path: Path) -> None:
    site, _ = servers
    backup = {"folder": str(tmp_path / "set"), "id": _SET, "passphrase": "of the set"}
    site.set_up()
    write_secret(site.client(), "planted", {"value": "before"})
    vault_backup.back_up(given(site, backup, []))
    write_secret(site.client(), "planted", {"value": "after"})

    vault_restore.restore(given(site, backup))

    assert wait_for(site.are_open, SECONDS)
    assert read_secret(site.client(), "planted") == {"value": "before"}


def test_a_snapshot_that_was_changed_is_not_put_in(servers: list[Servers], tmp_path: Path) -> None:
    site, _ = servers
    backup = {"folder": str(tmp_path / "set"), "id": _SET, "passphrase": "of the set"}
    site.set_up()
    vault_backup.back_up(given(site, backup, []))
    write_secret(site.client(), "planted", {"value": "after"})
    path = tmp_path / "set" / _SET / "vault" / "snapshot.sealed"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises((SealBroken, VaultProblem), match="was changed"):
        vault_restore.restore(given(site, backup))

    assert read_secret(site.client(), "planted") == {"value": "after"}
