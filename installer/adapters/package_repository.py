"""A Debian package repository over the bundle's blobs.

`Packages` names blobs by digest, so the repository needs no copy of a package. Its signing key is made
for one bundle and thrown away: the bundle's own signature covers the public half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from installer.adapters.process import run
from installer.model.artifact import LockedItem
from installer.ports import ArtifactStore

KEYRING = "apt/platform.asc"
_OMITTED = ("Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Status")


def package_index(items: Sequence[LockedItem], store: ArtifactStore) -> bytes:
    """Return the `Packages` file of one release's packages."""
    stanzas = []
    for item in sorted(items, key=lambda item: item.key):
        path = store.path(item.digest)
        control = run(["dpkg-deb", "--field", str(path)]).decode()
        lines = [line for line in control.rstrip("\n").splitlines() if line.split(":", 1)[0] not in _OMITTED]
        hexadecimal = item.digest.removeprefix("sha256:")
        lines += [f"Filename: oci/blobs/sha256/{hexadecimal}", f"Size: {item.size}", f"SHA256: {hexadecimal}"]
        stanzas.append("\n".join(lines) + "\n")
    return "\n".join(stanzas).encode()


def sign_repositories(indexes: dict[str, bytes], created: datetime) -> dict[str, bytes]:
    """Return the signed `InRelease` of each release, and the keyring that checks them.

    Args:
        indexes: release to its `Packages`.

    Returns:
        Files by their path below the bundle.
    """
    # Needed where bundles are built, not on a site: imported only then.
    from pysequoia import SignatureMode, Tsk, sign

    key = Tsk.generate(user_id="Platform packages")
    signer = key.signer()
    files = {KEYRING: str(key.extract_certificate()).encode()}
    for release, packages in indexes.items():
        text = _release(release, packages, created)
        files[f"apt/{release}/InRelease"] = bytes(sign(signer, text, mode=SignatureMode.CLEAR))
    return files


def index_path(release: str) -> str:
    """Return where a release's `Packages` lies below the bundle."""
    return f"apt/{release}/Packages"


def _release(release: str, packages: bytes, created: datetime) -> bytes:
    digest = hashlib.sha256(packages).hexdigest()
    lines = [
        "Origin: platform",
        "Label: platform",
        f"Suite: {release}",
        f"Codename: {release}",
        f"Date: {format_datetime(created, usegmt=True)}",
        "Architectures: amd64 arm64 all",
        "Acquire-By-Hash: no",
        "SHA256:",
        f" {digest} {len(packages)} Packages",
    ]
    return ("\n".join(lines) + "\n").encode()
