from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.signing import make_signing_key, sign, trusted_lines, verify
from installer.cli.wiring import PROJECT
from installer.errors import BundleRefused


def test_a_list_of_comments_trusts_nobody(tmp_path: Path) -> None:
    example = PROJECT / "inventories" / "onprem" / "allowed_signers"

    with pytest.raises(BundleRefused) as caught:
        verify(b"text", tmp_path / "signature", example)

    assert caught.value.summary == f"{example} names no signer."
    assert 'namespaces="platform-bundle"' in caught.value.hint


def test_a_signer_is_trusted_once_its_line_is_in_the_list(tmp_path: Path) -> None:
    line = make_signing_key(tmp_path / "key", "builder@example.com")
    (tmp_path / "signature").write_bytes(sign(b"text", tmp_path / "key"))
    (tmp_path / "allowed_signers").write_text(f"# who may sign\n\n{line}")

    signer = verify(b"text", tmp_path / "signature", tmp_path / "allowed_signers")

    assert signer == "builder@example.com"
    assert trusted_lines(tmp_path / "allowed_signers") == (line.strip(),)


def test_no_list_trusts_nobody(tmp_path: Path) -> None:
    assert trusted_lines(tmp_path / "none") == ()
