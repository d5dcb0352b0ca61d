"""What was in a Vault is in others again when its servers were lost, by real servers and the role's modules."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    Kept,
    VaultProblem,
    client_of,
    login,
    read_secret,
    seal_status,
    wait_for,
    write_secret,
)
from ansible_collections.platform.base.plugins.modules import vault_backup, vault_restore, vault_settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from installer.adapters.lock_files import read_lock
from tests.bundled import program
from tests.repository import PROJECT, role_folder

_SECONDS = 120
_SET = "20260131T120000Z"
_CONFIGURATION = """
api_addr = "{urls[0]}"
cluster_addr = "https://127.0.0.1:{peer}"
storage "raft" {{
  path = "{folder}/data"
  node_id = "{name}"
  {joins}
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{peer}"
  tls_cert_file = "{shared}/tls.crt"
  tls_key_file = "{shared}/tls.key"
}}
seal "static" {{
  current_key_id = "1"
  current_key = "file://{shared}/seal.key"
}}
"""


def certificate(folder: Path) -> None:
    """Write a certificate that is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(key.private_bytes(*plain))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in held]


class Servers:
    """Three servers of one Vault, and what an admin host keeps of them."""

    def __init__(self, bao: Path, folder: Path, passphrase: str) -> None:
        folder.mkdir()
        self.folder, self._bao = folder, bao
        ports = free_ports(6)
        self._ports = {f"cp{number + 1}": (ports[2 * number], ports[2 * number + 1]) for number in range(3)}
        self.urls = {name: f"https://127.0.0.1:{port}" for name, (port, _) in self._ports.items()}
        self._running: list[subprocess.Popen[bytes]] = []
        self.passphrase = passphrase
        self.secrets = str(folder / "secrets")
        self.authority = str(folder / "tls.crt")
        certificate(folder)
        (folder / "seal.key").write_bytes(base64.b64encode(os.urandom(32)))

    def start(self) -> None:
        for name, (port, peer) in self._ports.items():
            folder = self.folder / name
            (folder / "data").mkdir(parents=True, exist_ok=True)
            joins = "\n".join(
                f'retry_join {{\nleader_api_addr = "{url}"\nleader_ca_cert_file = "{self.authority}"\n}}'
                for other, url in self.urls.items()
                if other != name
            )
            text = _CONFIGURATION.format(
                urls=[self.urls[name]], peer=peer, port=port, folder=folder, name=name, joins=joins, shared=self.folder
            )
            (folder / "vault.hcl").write_text(text)
            with (folder / "log").open("ab") as log:
                self._running.append(
                    subprocess.Popen([str(self._bao), "server", f"-config={folder}/vault.hcl"], stdout=log, stderr=log)
                )

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait()
        self._running.clear()

    def statuses(self) -> list[dict[str, Any]]:
        return [seal_status(client_of(url, self.authority)) for url in self.urls.values()]

    def are_open(self) -> bool:
        return all(status.get("sealed") is False for status in self.statuses())

    def set_up(self) -> None:
        """Initialise them, and hand them to the platform's account, as a deployment does."""
        self.start()
        assert wait_for(lambda: all(self.statuses()), _SECONDS)
        first = client_of(next(iter(self.urls.values())), self.authority, seconds=_SECONDS)
        token = first.sys.initialize(recovery_shares=1, recovery_threshold=1)["root_token"]
        self.kept().write({"root_token": token})
        assert wait_for(self.are_open, _SECONDS)
        # A server that is just being joined does not vote yet; nothing tells when it will.
        time.sleep(1)
        vault_settings.settle(self.wanted(), check_mode=False)

    def wanted(self) -> dict[str, Any]:
        policy = (role_folder("vault") / "files/policies/platform-installer.hcl").read_text()
        nothing: dict[str, Any] = {"audit": {}, "authority": {}, "kubernetes": None, "workload_policies": {}}
        return {
            "vault": self.access(),
            "seconds": _SECONDS,
            **nothing,
            "mounts": {"platform": {"type": "kv", "options": {"version": "2"}}},
            "keys": [],
            "policies": {"platform-installer": policy},
            "workloads": {},
            "absent": [],
            "token_minutes": 20,
            "bound_addresses": ["127.0.0.1/32"],
        }

    def access(self) -> dict[str, Any]:
        files = {"ca_certificate": self.authority, "secrets": self.secrets}
        return {"urls": self.urls, **files, "passphrase": self.passphrase}

    def kept(self) -> Kept:
        return Kept(self.secrets, self.passphrase)

    def client(self) -> Any:
        return login(self.urls, self.authority, self.kept().read(), _SECONDS)


def given(servers: Servers, backup: dict[str, str], files: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the modules are given."""
    return {"vault": servers.access(), "backup": backup, "files": list(files), "seconds": _SECONDS}


@pytest.fixture
def bao(tmp_path: Path) -> Path:
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    return program(lock, "openbao", tmp_path)


@pytest.fixture
def servers(bao: Path, tmp_path: Path) -> Iterator[list[Servers]]:
    """Return the servers of two lives: the second has nothing of the first."""
    lives = [Servers(bao, tmp_path / name, f"the passphrase of {name}") for name in ("first", "second")]
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
    assert wait_for(second.are_open, _SECONDS)
    assert read_secret(second.client(), "planted") == {"value": "of the first life"}
    assert vault_restore.restore(given(second, backup)) is False, "a run that was killed goes on where it was"
    vault_settings.settle(second.wanted(), check_mode=False)
    assert "restored" not in second.kept().read()


def test_a_vault_that_stands_goes_back_to_what_it_was(servers: list[Servers], tmp_path: Path) -> None:
    site, _ = servers
    backup = {"folder": str(tmp_path / "set"), "id": _SET, "passphrase": "of the set"}
    site.set_up()
    write_secret(site.client(), "planted", {"value": "before"})
    vault_backup.back_up(given(site, backup, []))
    write_secret(site.client(), "planted", {"value": "after"})

    vault_restore.restore(given(site, backup))

    assert wait_for(site.are_open, _SECONDS)
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
