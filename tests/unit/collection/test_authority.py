"""An authority below the platform's signs for what it is meant for, and is made anew in time."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.authority import AuthorityProblem, serves, sign_below
from ansible_collections.platform.base.plugins.modules import authority_below

PASSPHRASE = "a passphrase"


def openssl(*arguments: str, text: str = "") -> str:
    return subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True, check=True).stdout


def root(folder: Path, name: str = "root", days: int = 3650) -> tuple[str, str]:
    """Make a platform's authority, and return the files of its certificate and of its key."""
    key, certificate = str(folder / f"{name}.key"), str(folder / f"{name}.crt")
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    openssl("genpkey", *curve, "-aes256", "-pass", f"pass:{PASSPHRASE}", "-out", key)
    extensions = ("-addext", "basicConstraints=critical,CA:TRUE,pathlen:1", "-addext", "keyUsage=critical,keyCertSign")
    request = ("req", "-x509", "-new", "-key", key, "-passin", f"pass:{PASSPHRASE}", "-subj", f"/CN={name}")
    openssl(*request, "-days", str(days), *extensions, "-out", certificate)
    return certificate, key


def given(folder: Path, certificate: str, key: str, **other: Any) -> dict[str, Any]:
    known = {"folder": str(folder), "name": "below", "common_name": "below", "certificate": certificate, "key": key}
    return {**known, "passphrase": PASSPHRASE, "days": 100, "renew_days": 30, **other}


def test_it_signs_certificates_and_no_further_authority(tmp_path: Path) -> None:
    authority_below.make(given(tmp_path, *root(tmp_path)), check_mode=False)

    told = openssl("x509", "-noout", "-ext", "basicConstraints,keyUsage", "-in", str(tmp_path / "below.crt"))

    assert "CA:TRUE, pathlen:0" in told
    assert "Certificate Sign, CRL Sign" in told
    assert (tmp_path / "below.key").stat().st_mode & 0o777 == 0o600


def test_what_it_signs_is_trusted_by_who_knows_the_platform(tmp_path: Path) -> None:
    certificate, key = root(tmp_path)
    authority_below.make(given(tmp_path, certificate, key), check_mode=False)
    below = tmp_path / "below.crt"

    assert serves(below.read_text(), certificate, renew_days=30)
    assert not serves(below.read_text(), root(tmp_path, "stranger")[0], renew_days=30)


def test_it_is_made_once_and_again_before_its_end(tmp_path: Path) -> None:
    wanted = given(tmp_path, *root(tmp_path))

    assert len(authority_below.make(wanted, check_mode=False)) == 2
    assert authority_below.make(wanted, check_mode=False) == []
    assert authority_below.make({**wanted, "renew_days": 200}, check_mode=False) == [str(tmp_path / "below.crt")]


def test_in_check_mode_nothing_is_made(tmp_path: Path) -> None:
    wanted = given(tmp_path, *root(tmp_path))

    assert len(authority_below.make(wanted, check_mode=True)) == 2
    assert not (tmp_path / "below.key").exists()


def test_it_never_outlives_who_signed_it(tmp_path: Path) -> None:
    certificate, key = root(tmp_path, days=10)
    request = openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a",
                      "-keyout", str(tmp_path / "a.key"))  # fmt: skip

    signed = sign_below(request, certificate, key, PASSPHRASE, days=1000)

    assert not serves(signed, certificate, renew_days=10)
    assert serves(signed, certificate, renew_days=8)


def test_another_passphrase_is_named_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(AuthorityProblem, match="PLATFORM_CA_PASSPHRASE_FILE"):
        authority_below.make(given(tmp_path, *root(tmp_path), passphrase="another"), check_mode=False)


def test_no_certificate_serves_nobody(tmp_path: Path) -> None:
    assert not serves("", root(tmp_path)[0], renew_days=1)
