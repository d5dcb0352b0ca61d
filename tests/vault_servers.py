"""Servers of a Vault on loopback, with the settings that the role renders, and what an admin host keeps of them."""

from __future__ import annotations

import base64
import functools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    Kept,
    client_of,
    login,
    seal_status,
    wait_for,
)
from ansible_collections.platform.base.plugins.modules import vault_settings, vault_start
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pysequoia import Tsk

from tests.playbooks import play
from tests.repository import role_folder

SECONDS = 120
HOSTS = {"cp1": "127.0.0.11", "cp2": "127.0.0.12", "cp3": "127.0.0.13"}
# A Vault that opens another one.
OTHER = {"other1": "127.0.0.21"}
# Stand for what is known when servers start, in settings that are rendered once and used by many tests: the folder
# of a Vault's servers, that of the other Vault's, and what its seal logs in with.
_FOLDER, _OTHER_FOLDER, SECRET = "@folder@", "@other-folder@", "@secret@"
# Settings of each seal as an inventory has them.
SEALS: dict[str, dict[str, str]] = {
    "static": {},
    "shares": {},
    "transit": {
        "address": "https://127.0.0.21:{{ platform_vault_port }}", "key_name": "site", "mount_path": "transit/",
        "tls_ca_cert": f"{_OTHER_FOLDER}/tls.crt",
    },
    "pkcs11": {
        "lib": "/usr/lib/softhsm/libsofthsm2.so", "token_label": "platform", "key_label": "platform",
        "mechanism": "0x1087",
    },
}  # fmt: skip
_VARIABLES = {
    "vault_product": "openbao", "vault_operator_keys": [], "platform_ca_certificate": f"{_FOLDER}/tls.crt",
    # Where systemd gives a host's only server these, several servers of one machine have their own.
    "__vault_credentials": _FOLDER, "__vault_data": f"{_FOLDER}/{{{{ inventory_hostname }}}}/data",
    # The same name on every server, as on hosts: it is kept in the storage they share, and a server that is told
    # another one never leads. It is looked for where the server was started.
    "__vault_log": ".", "__vault_listens": "{{ platform_address }}",
}  # fmt: skip


@functools.cache
def port() -> int:
    """Return a port that is free at every address servers are given here, like the one after it."""
    while True:
        found = random.randrange(20000, 30000)
        try:
            for number in (found, found + 1):
                for address in (*HOSTS.values(), *OTHER.values()):
                    socket.create_server((address, number)).close()
        except OSError:
            continue
        return found


@functools.cache
def settings_of(seal: str) -> dict[str, str]:
    """Return the `vault.hcl` that the role gives each host for a seal."""
    return _rendered()[seal]


@functools.cache
def _rendered() -> dict[str, dict[str, str]]:
    """Render the role's template for every seal in one go, which is what takes its time."""
    with tempfile.TemporaryDirectory() as place:
        folder, copy = Path(place), Path(place) / "roles" / "vault"
        shutil.copytree(role_folder("vault"), copy, ignore=shutil.ignore_patterns("tasks", "tests"))
        (copy / "tasks").mkdir()
        (copy / "tasks" / "main.yml").write_text(json.dumps([_task(seal, folder) for seal in SEALS]))
        (folder / "group_vars").mkdir()
        (folder / "hosts.yml").write_text(json.dumps(_inventory()))
        (folder / "secret").write_text(f"{SECRET}\n")
        playbook = {"name": "vault", "hosts": "control_plane", "gather_facts": False, "roles": ["vault"]}
        given = ("--extra-vars", json.dumps(_VARIABLES), "--extra-vars", json.dumps({"platform_vault_port": port()}))
        play(folder, playbook, folder / "hosts.yml", *given)
        return {
            seal: {name: (folder / f"{name}.{seal}").read_text() for name in (*HOSTS, *OTHER)} for seal in SEALS
        }  # fmt: skip


def _task(seal: str, folder: Path) -> dict[str, Any]:
    """Return a task that writes each host's settings for a seal; the other Vault has one server."""
    content = "{{ lookup('ansible.builtin.template', 'vault.hcl.j2') }}"
    copied = {"content": content, "dest": f"{folder}/{{{{ inventory_hostname }}}}.{seal}", "mode": "0600"}
    servers = f"{{{{ {list(OTHER)} if inventory_hostname in {list(OTHER)} else {list(HOSTS)} }}}}"
    secret = {"vault_seal_secret_file": f"{folder}/secret"} if seal in ("transit", "pkcs11") else {}
    given = {"vault_seal": seal, "vault_seal_settings": SEALS[seal], "__vault_servers": servers, **secret}
    return {"name": f"Render for {seal}", "ansible.builtin.copy": copied, "vars": given}


def _inventory() -> dict[str, Any]:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    servers = {name: {"ansible_host": address, **here} for name, address in {**HOSTS, **OTHER}.items()}
    return {"all": {"children": {"control_plane": {"hosts": servers}, "admin": {"hosts": {"admin1": here}}}}}


def certificate(folder: Path, addresses: list[str]) -> None:
    """Write a certificate that is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    known_as = [x509.IPAddress(ip_address(address)) for address in addresses]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(known_as), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(key.private_bytes(*plain))


class Servers:
    """The servers of one Vault, and what an admin host keeps of them."""

    def __init__(self, bao: Path, folder: Path, seal: str, hosts: Mapping[str, str] = HOSTS) -> None:
        """Give servers what they need; none is started."""
        folder.mkdir()
        self.folder, self.bao, self.opens_itself = folder, bao, seal != "shares"
        self.urls = {name: f"https://{address}:{port()}" for name, address in hosts.items()}
        self.passphrase = f"the passphrase of {folder.name}"
        self.secrets = str(folder / "secrets")
        self.shares = folder / "shares.json"
        self.authority = str(folder / "tls.crt")
        self.operators = {name: Tsk.generate(f"{name} of a test") for name in ("anna", "bela.b", "carla")}
        self.threshold = 2
        self._settings = settings_of(seal)
        self._replaced = {_FOLDER: str(folder)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        certificate(folder, list(hosts.values()))
        (folder / "seal.key").write_bytes(base64.b64encode(os.urandom(32)))

    def is_opened_by(self, other: Servers, secret: str) -> None:
        """Take the other Vault's folder, and what the seal logs in there with."""
        self._replaced |= {_OTHER_FOLDER: str(other.folder), SECRET: secret}

    def start(self, *names: str) -> None:
        """Start servers, all of them when none is named."""
        for name in names or self.urls:
            folder = self.folder / name
            (folder / "data").mkdir(parents=True, exist_ok=True)
            settings, text = folder / "vault.hcl", self._settings[name]
            for stand_in, value in self._replaced.items():
                text = text.replace(stand_in, value)
            settings.write_text(text)
            with (folder / "log").open("ab") as log:
                command = [str(self.bao), "server", f"-config={settings}"]
                self._running[name] = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)

    def stop(self, *names: str) -> None:
        """Stop servers, all of them when none is named."""
        stopped = [self._running.pop(name) for name in names or list(self._running)]
        for process in stopped:
            process.terminate()
        for process in stopped:
            process.wait()

    def log(self, name: str) -> str:
        """Return what a server has said."""
        return (self.folder / name / "log").read_text()

    def has_ended(self, name: str) -> bool:
        """Return whether a server that was started is gone by itself."""
        return self._running[name].poll() is not None

    def statuses(self) -> list[dict[str, Any]]:
        """Return what each server says of itself; nothing of those that do not answer."""
        return [seal_status(client_of(url, self.authority)) for url in self.urls.values()]

    def are_open(self) -> bool:
        """Return whether every server is open."""
        return all(status.get("sealed") is False for status in self.statuses())

    def begin(self) -> dict[str, Any]:
        """Do what a deployment does when the servers run."""
        return vault_start.start(self.wanted_start(), check_mode=False)

    def set_up(self) -> None:
        """Initialise servers that open themselves, and hand them to the platform's account, as a deployment does."""
        self.start()
        self.begin()
        assert wait_for(self.are_open, SECONDS)
        self.settle()

    def settle(self) -> list[str]:
        """Bring what is in them to what the platform wants."""
        return vault_settings.settle(self.wanted(), check_mode=False)

    def wanted_start(self) -> dict[str, Any]:
        """Return what the role tells the module that initialises."""
        return {
            "vault": self.access(),
            "operator_keys": {name: str(key.extract_certificate()) for name, key in self.operators.items()},
            "threshold": self.threshold, "opens_itself": self.opens_itself, "shares": str(self.shares),
            "program": str(self.bao), "seconds": SECONDS,
        }  # fmt: skip

    def wanted(self) -> dict[str, Any]:
        """Return what the role tells the module that sets them up, as far as these tests want it."""
        policy = (role_folder("vault") / "files/policies/platform-installer.hcl").read_text()
        return {
            "vault": self.access(), "seconds": SECONDS,
            "audit": {}, "authority": {}, "kubernetes": None, "workload_policies": {},
            "mounts": {"platform": {"type": "kv", "options": {"version": "2"}}, "transit": {"type": "transit"}},
            "keys": ["backups"], "policies": {"platform-installer": policy}, "workloads": {}, "absent": [],
            "token_minutes": 20, "bound_addresses": ["127.0.0.1/32"],
        }  # fmt: skip

    def access(self) -> dict[str, Any]:
        """Return how modules log in."""
        files = {"ca_certificate": self.authority, "secrets": self.secrets}
        return {"urls": self.urls, **files, "passphrase": self.passphrase}

    def kept(self) -> Kept:
        """Return what the platform logs in with."""
        return Kept(self.secrets, self.passphrase)

    def client(self) -> Any:
        """Return a client of the platform's account."""
        return login(self.urls, self.authority, self.kept().read(), SECONDS)
