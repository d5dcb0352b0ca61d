"""Who signed a bundle is known, and nobody else can have."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from installer.adapters.process import run
from installer.adapters.signing import make_signing_key, sign, verify
from installer.errors import BundleRefused, InvalidConfiguration

TEXT = b"format: pib/1\nid: site-1\n"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a key that `allowed` trusts."""
    path = tmp_path / "keys" / "bundle"
    (tmp_path / "allowed").write_text(make_signing_key(path, "builder"))
    return path


def written(tmp_path: Path, signature: bytes) -> Path:
    path = tmp_path / "RELEASE.sig"
    path.write_bytes(signature)
    return path


def test_a_trusted_signer_is_named(key: Path, tmp_path: Path) -> None:
    signature = written(tmp_path, sign(TEXT, key))

    assert verify(TEXT, signature, tmp_path / "allowed") == "builder"


def test_a_key_is_made_once(key: Path, tmp_path: Path) -> None:
    assert make_signing_key(key, "builder") == (tmp_path / "allowed").read_text()


def test_only_its_owner_reads_a_key(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def test_another_text_is_refused(key: Path, tmp_path: Path) -> None:
    signature = written(tmp_path, sign(TEXT, key))

    with pytest.raises(BundleRefused, match="does not fit"):
        verify(TEXT + b"more", signature, tmp_path / "allowed")


def test_another_signer_is_refused(key: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_signing_key(other, "builder")
    signature = written(tmp_path, sign(TEXT, other))

    with pytest.raises(BundleRefused, match="trusts"):
        verify(TEXT, signature, tmp_path / "allowed")


def test_a_signature_for_another_purpose_is_refused(key: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(TEXT)
    run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "file", str(text)])

    with pytest.raises(BundleRefused):
        verify(TEXT, text.with_suffix(".sig"), tmp_path / "allowed")


def test_a_signer_trusted_for_another_purpose_is_refused(key: Path, tmp_path: Path) -> None:
    signature = written(tmp_path, sign(TEXT, key))
    allowed = tmp_path / "allowed"
    allowed.write_text(allowed.read_text().replace("platform-bundle", "file"))

    with pytest.raises(BundleRefused):
        verify(TEXT, signature, allowed)


@pytest.mark.parametrize(
    "signature", [b"", b"nonsense", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"]
)
def test_what_is_no_signature_is_refused(key: Path, tmp_path: Path, signature: bytes) -> None:
    with pytest.raises(BundleRefused):
        verify(TEXT, written(tmp_path, signature), tmp_path / "allowed")


def test_a_bundle_without_a_signature_is_refused(key: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="not signed"):
        verify(TEXT, tmp_path / "RELEASE.sig", tmp_path / "allowed")


def test_a_site_that_trusts_nobody_is_told_how_to(key: Path, tmp_path: Path) -> None:
    signature = written(tmp_path, sign(TEXT, key))

    with pytest.raises(BundleRefused) as caught:
        verify(TEXT, signature, tmp_path / "missing")

    assert 'namespaces="platform-bundle"' in caught.value.hint


def test_a_key_that_cannot_sign_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        sign(TEXT, tmp_path / "no-key")

    assert "no-key" in str(caught.value.problems[0])
