"""Every secret of a site is taken from its home, and nothing that is said beside it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.repository import PROJECT
from tests.system import planted
from tests.system.planted import of_cluster, of_state, of_vault, one_each, plant
from tests.system.secret_search import Secret, keys_below, telling_line

PAGE = PROJECT / "docs" / "operations" / "where-secrets-are.md"


def private_parts(key: Any) -> list[bytes]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return [key.private_bytes_raw()]
    numbers = key.private_numbers()
    values = (
        [numbers.private_value] if isinstance(key, ec.EllipticCurvePrivateKey) else [numbers.d, numbers.p, numbers.q]
    )
    return [value.to_bytes((value.bit_length() + 7) // 8, "big") for value in values]


KEYS: dict[str, tuple[Callable[[], Any], PrivateFormat]] = {
    "a curve's": (lambda: ec.generate_private_key(ec.SECP256R1()), PrivateFormat.PKCS8),
    "a curve's, as kubeadm writes it": (
        lambda: ec.generate_private_key(ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL,
    ),
    "a larger curve's": (lambda: ec.generate_private_key(ec.SECP384R1()), PrivateFormat.PKCS8),
    "two primes'": (lambda: rsa.generate_private_key(65537, 2048), PrivateFormat.TraditionalOpenSSL),
    "a signer's": (ed25519.Ed25519PrivateKey.generate, PrivateFormat.OpenSSH),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_known_by_a_line_with_what_is_secret_of_it(kind: str) -> None:
    made, form = KEYS[kind]
    key = made()

    line = telling_line(key.private_bytes(Encoding.PEM, form, NoEncryption()))

    content = base64.b64decode(f"{line}{'=' * (-len(line) % 4)}")
    pieces = {part[begin : begin + 12] for part in private_parts(key) for begin in range(len(part) - 11)}
    assert [piece for piece in pieces if piece in content]


def test_keys_are_gathered_from_files_and_from_clients_settings(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "tls.key").write_bytes(pem)
    (tmp_path / "admin.conf").write_text(f"    client-key-data: {base64.b64encode(pem).decode()}\n")
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    line = telling_line(pem)

    assert keys_below([str(tmp_path)]) == {f"{tmp_path}/tls.key": line, f"{tmp_path}/admin.conf": line}
    assert len(line) == 64


def pem() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_state_directory_gives_its_passphrase_and_keys(tmp_path: Path) -> None:
    plant(tmp_path)
    client, signer = pem(), pem()
    (tmp_path / "keys" / "bundle").write_bytes(signer)
    keys = {"client-key-data": base64.b64encode(client).decode(), "client-certificate-data": "LS0tLS1CRUdJTg=="}
    users = [{"name": "admin", "user": {**keys, "token": "t"}}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"users": users}))

    taken = {secret.name: secret for secret in of_state(tmp_path)}

    assert {name: secret.value for name, secret in taken.items()} == {
        "the passphrase of the authority": planted.PASSPHRASE,
        "the key that bundles are signed with": telling_line(signer),
        "the key of admin": telling_line(client),
        "the token of admin": "t",
    }
    assert taken["the passphrase of the authority"].homes == (str(tmp_path / "keys/authority_passphrase"),)
    assert (tmp_path / "keys/authority_passphrase").stat().st_mode & 0o777 == 0o600


def test_the_vault_gives_what_is_secret_of_what_it_keeps() -> None:
    tree: dict[str, dict[str, Any]] = {
        "object_storage/velero": {"access_key": "A" * 20, "secret_key": "s" * 40, "url": "https://192.0.2.1:8333"},
        "object_storage/inner": {"volume_signing": "v" * 64, "formed": True},
        "velero/repository": {"password": "p" * 32},
        "workloads/platform-verify-vault-1/owner/probe": {"value": "w" * 32},
    }

    taken = list(of_vault(tree))

    assert taken == [
        Secret("volume_signing of platform/object_storage/inner in the Vault", "v" * 64, planted.STORE),
        Secret("secret_key of platform/object_storage/velero in the Vault", "s" * 40, planted.STORE),
        Secret("password of platform/velero/repository in the Vault", "p" * 32),
    ]


def in_cluster(name: str, kind: str = "Opaque", **data: str) -> dict[str, Any]:
    encoded = {part.replace("_", "-"): base64.b64encode(value.encode()).decode() for part, value in data.items()}
    return {"type": kind, "metadata": {"namespace": "n", "name": name}, "data": encoded}


def test_the_cluster_gives_what_is_secret_of_its_secrets() -> None:
    key = pem()
    documents = [
        in_cluster("hook", "kubernetes.io/tls", tls_key=key.decode(), ca="-----BEGIN CERTIFICATE-----\nAAAA\n-----END"),
        in_cluster("asks", "kubernetes.io/service-account-token", token="eyJhbG.eyJpc3.signature", namespace="n" * 20),
        in_cluster(
            "join", "bootstrap.kubernetes.io/token", token_secret="0123456789abcdef", token_id="abcdef",
            auth_extra_groups="system:bootstrappers:nodes", usage_bootstrap_signing="true",
        ),
        in_cluster("released", "helm.sh/release.v1", release="something long that Helm knows"),
        {"type": "Opaque", "metadata": {"namespace": "n", "name": "empty"}},
    ]  # fmt: skip

    taken = {secret.name: secret.value for secret in of_cluster(documents)}

    assert taken == {
        "tls-key of the Secret n/hook": telling_line(key),
        "token of the Secret n/asks": "signature",
        "token-secret of the Secret n/join": "0123456789abcdef",
    }


def test_a_value_is_looked_for_once_and_is_at_home_where_any_of_its_names_is() -> None:
    both = [Secret("first", "value", ("/a",)), Secret("second", "value", ("/a", "/b")), Secret("other", "another")]

    assert one_each(both) == [Secret("first", "value", ("/a", "/b")), Secret("other", "another")]


HOMES = (planted.ETCD, planted.SEAL, planted.ADMINISTRATOR, *planted.KEYS, *planted.STORE)


@pytest.mark.parametrize("home", [*HOMES, planted.SIGNER, planted.KUBECONFIG, planted.PASSPHRASE_FILE])
def test_the_page_about_secrets_names_every_home(home: str) -> None:
    assert f"`{home}`" in PAGE.read_text()
