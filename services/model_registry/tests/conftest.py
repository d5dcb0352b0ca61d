"""A registry as it runs: MLflow over SQLite, behind TLS."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORDS = {"platform": "long-and-random", "reader": "also-random"}


@dataclass
class Running:
    """A registry that was started."""

    url: str
    context: ssl.SSLContext

    def ask(self, path: str, account: str = "", body: Any = None, method: str = "") -> tuple[int, Any]:
        """Return the status and what was said; text where that is no JSON."""
        headers = {"Content-Type": "application/json"}
        if account:
            word = base64.b64encode(f"{account}:{PASSWORDS.get(account, 'guessed')}".encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers, method=method or None)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text


def accounts() -> dict[str, dict[str, object]]:
    """Return what the file of accounts says."""
    return {
        name: {"sha256": hashlib.sha256(password.encode()).hexdigest(), "writes": name == "platform"}
        for name, password in PASSWORDS.items()
    }


def make_certificate(folder: Path) -> None:
    """Write a certificate of localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    signed = built.sign(key, hashes.SHA256())
    (folder / "tls.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(key.private_bytes(*form))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a registry that is ready."""
    folder = tmp_path_factory.mktemp("registry")
    make_certificate(folder)
    (folder / "accounts.json").write_text(json.dumps(accounts()))
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = {
        "database": f"sqlite:///{folder}/models.db", "accounts_file": str(folder / "accounts.json"),
        "certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key"), "host": "127.0.0.1", "port": port,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    said = (folder / "said").open("wb")
    command = [sys.executable, "-m", "model_registry", str(folder / "settings.json")]
    with said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        found = Running(f"https://localhost:{port}", ssl.create_default_context(cafile=str(folder / "tls.crt")))
        end = time.monotonic() + 120
        try:
            while not _is_ready(found):
                assert process.poll() is None and time.monotonic() < end, (folder / "said").read_text()
                time.sleep(0.3)
            yield found
        finally:
            process.terminate()


def _is_ready(found: Running) -> bool:
    try:
        return found.ask("/health/ready")[0] == 200
    except OSError:
        return False
