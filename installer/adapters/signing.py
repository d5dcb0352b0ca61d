"""Signatures by `ssh-keygen -Y`, which every server has."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from installer.adapters.process import CommandFailed, run
from installer.errors import BundleRefused, InvalidConfiguration, Problem
from installer.model.bundle import SIGNATURE_NAMESPACE

_LINE = f'a line `identity namespaces="{SIGNATURE_NAMESPACE}" ssh-ed25519 AAAA…` for each signer.'
_BEGIN, _END, _WIDTH = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", 70
_SAY_WHO = "Compare the fingerprint with the one its maker gave you by another way before you add a key."


def make_signing_key(path: Path, identity: str) -> str:
    """Make a key to sign bundles with, unless it exists; return its allowed-signers line."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", identity, "-f", str(path)])
    public = " ".join(path.with_suffix(".pub").read_text().split()[:2])
    return f'{identity} namespaces="{SIGNATURE_NAMESPACE}" {public}\n'


def trusted_lines(allowed_signers: Path) -> tuple[str, ...]:
    """Return the lines of a list of signers that name one; none when there is no list."""
    lines = allowed_signers.read_text(encoding="utf-8").splitlines() if allowed_signers.is_file() else []
    return tuple(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def sign(text: bytes, key: Path) -> bytes:
    """Return the signature of a text.

    Args:
        text: what is signed.
        key: a private key, or the public half of one that an agent or a token holds.

    Raises:
        InvalidConfiguration: the key cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text"
        path.write_bytes(text)
        try:
            run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", SIGNATURE_NAMESPACE, str(path)])
        except CommandFailed as error:
            reason = " ".join(error.details) or f"status {error.status}"
            raise InvalidConfiguration([Problem(str(key), f"cannot sign: {reason}.")], "the signing key") from error
        return path.with_suffix(".sig").read_bytes()


def verify(text: bytes, signature: Path, allowed_signers: Path) -> str:
    """Return who signed a text.

    Raises:
        BundleRefused: nobody the site trusts signed it, or not for this purpose, or not these bytes.
    """
    if not allowed_signers.is_file():
        raise BundleRefused(f"There is no list of trusted signers at {allowed_signers}.", hint=f"Write one: {_LINE}")
    if not trusted_lines(allowed_signers):
        raise BundleRefused(f"{allowed_signers} names no signer.", hint=f"Add {_LINE}")
    if not signature.is_file():
        raise BundleRefused("The bundle is not signed: RELEASE.sig is missing.", hint="Get the bundle again, whole.")
    _refuse_other_armour(signature)
    common = ["-s", str(signature), "-n", SIGNATURE_NAMESPACE, "-f", str(allowed_signers)]
    try:
        found = run(["ssh-keygen", "-Y", "find-principals", *common]).decode().split()
    except CommandFailed as error:
        raise BundleRefused(
            f"No signer that {allowed_signers} trusts for bundles signed this one.",
            hint=_SAY_WHO,
            details=error.details,
        ) from error
    identity = found[0]
    try:
        run(["ssh-keygen", "-q", "-Y", "verify", "-I", identity, *common], stdin=text)
    except CommandFailed as error:
        raise BundleRefused(
            f"The signature of {identity} does not fit RELEASE.",
            hint="RELEASE or its signature was changed, or was signed for another purpose; get the bundle again.",
            details=error.details,
        ) from error
    return identity


def _refuse_other_armour(signature: Path) -> None:
    """Refuse a signature that is not written just as `ssh-keygen` writes it: reading, it overlooks some damage."""
    content = signature.read_bytes()
    try:
        encoded = base64.b64encode(base64.b64decode(b"".join(content.splitlines()[1:-1]), validate=True)).decode()
    except ValueError:
        encoded = ""
    lines = [encoded[begin : begin + _WIDTH] for begin in range(0, len(encoded), _WIDTH)]
    if content != "\n".join([_BEGIN, *lines, _END, ""]).encode():
        raise BundleRefused("RELEASE.sig is damaged.", hint="Get the bundle again.")
