"""Valkey is spoken to over TLS only when it proves who it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from inference_gateway.settings import Valkey
from inference_gateway.valkey_store import StoreGone, ValkeyStore

from tests.processes import ValkeyProcess, free_port

PASSWORD = "correct horse"


def write_certificate(folder: Path, host: str) -> Path:
    """Write a certificate that is its own authority, for one host, and its key; return the certificate's file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / f"{host}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    path = folder / f"{host}.crt"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    (made / "password").write_text(PASSWORD + "\n")
    for host in ("localhost", "else.example.com"):
        write_certificate(made, host)
    return made


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    tls = ["--tls-cert-file", str(folder / "localhost.crt"), "--tls-key-file", str(folder / "localhost.key")]
    number = free_port()
    options = ["--port", "0", "--tls-port", str(number), "--tls-auth-clients", "no", "--requirepass", PASSWORD]
    server = ValkeyProcess(folder, *options, *tls)
    server.port = number
    server.start()
    yield number
    server.kill()


def read(settings: Valkey) -> bytes | None:
    async def run() -> bytes | None:
        store = ValkeyStore(settings, lambda _: None)
        try:
            await store.write("name", b"value", 60)
            return await store.read("name")
        finally:
            await store.close()

    return asyncio.run(run())


def settings(folder: Path, port: int, host: str = "localhost", authority: str = "localhost") -> Valkey:
    return Valkey(
        url=f"valkeys://{host}:{port}",
        ca_file=folder / f"{authority}.crt",
        password_file=folder / "password",
        timeout_seconds=5,
    )


def test_a_valkey_that_proves_its_name_is_used(folder: Path, port: int) -> None:
    assert read(settings(folder, port)) == b"value"


def test_a_certificate_for_another_name_is_refused(folder: Path, port: int) -> None:
    with pytest.raises(StoreGone):
        read(settings(folder, port, host="127.0.0.1"))


def test_a_certificate_of_another_authority_is_refused(folder: Path, port: int) -> None:
    with pytest.raises(StoreGone):
        read(settings(folder, port, authority="else.example.com"))


def test_a_wrong_password_is_refused(folder: Path, port: int, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong")

    with pytest.raises(StoreGone):
        read(settings(folder, port).model_copy(update={"password_file": tmp_path / "password"}))
