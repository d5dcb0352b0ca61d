"""The state directory is its owner's alone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding

from installer.adapters.state_folder import kubeconfig_end, own_folder
from installer.errors import StateDamaged, UsageError


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "deep" / "state")

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_with_somebodys_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    tmp_path.chmod(0o755)

    with pytest.raises(UsageError, match=r"thesis\.txt"):
        own_folder(tmp_path)

    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StateDamaged, match="cannot be used"):
        own_folder(tmp_path / "file" / "state")


def test_the_day_an_access_ends_is_read_from_its_certificate(tmp_path: Path) -> None:
    key, name = generate_private_key(SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    dated = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2027, 3, 4, tzinfo=UTC))
    data = base64.b64encode(dated.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)).decode()
    (tmp_path / "kubeconfig").write_text(f"users:\n- user:\n    client-certificate-data: {data}\n")

    assert kubeconfig_end(tmp_path / "kubeconfig") == "2027-03-04"


def test_no_kubeconfig_ends_on_no_day(tmp_path: Path) -> None:
    assert kubeconfig_end(tmp_path / "kubeconfig") == ""
