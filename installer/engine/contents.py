"""What a bundle's folder holds, by path: pure functions over its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import rfc8785
from pydantic import TypeAdapter, ValidationError

from installer.errors import BundleRefused
from installer.model.bundle import Manifest, Release

RELEASE, SIGNATURE, MANIFEST, CHECKSUMS = "RELEASE", "RELEASE.sig", "manifest.json", "SHA256SUMS"
BLOBS = "oci/blobs/sha256"
# A delta carries the release of the bundle it leads to, which becomes RELEASE once it is loaded.
WHOLE_RELEASE, WHOLE_SIGNATURE = "whole/RELEASE", "whole/RELEASE.sig"
UNLISTED = frozenset({RELEASE, SIGNATURE, CHECKSUMS, MANIFEST})

Listing = Mapping[str, tuple[str, int]]

_manifest = TypeAdapter(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the one way to write a manifest."""
    return rfc8785.dumps(_manifest.dump_python(manifest, mode="json"))


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Return a manifest whose bytes were already found to be the signed ones.

    Args:
        content: the manifest's bytes.
        where: the bundle's place, for the message.

    Raises:
        BundleRefused: it cannot be read.
    """
    try:
        return _manifest.validate_json(content)
    except ValidationError as error:
        raise BundleRefused(
            f"manifest.json of {where} cannot be read.",
            hint="Use the installer that the bundle carries in its folder installer/.",
            details=[str(error)[:500]],
        ) from error


def blob_path(digest: str) -> str:
    """Return where a blob lies below the bundle."""
    return f"{BLOBS}/{digest.removeprefix('sha256:')}"


def listing(manifest: Manifest) -> dict[str, tuple[str, int]]:
    """Return digest and size of every file a manifest describes, by path."""
    files = {blob_path(digest): (digest, size) for digest, size in manifest.blobs.items()}
    files.update({path: (entry.digest, entry.size) for path, entry in manifest.files.items()})
    return files


def owners_of_blobs(manifest: Manifest) -> dict[str, str]:
    """Return a sentence with the items a blob is part of, by its path: what an operator knows by name."""
    items: dict[str, list[str]] = {}
    for item in manifest.items:
        for blob in {blob.digest for blob in item.blobs}:
            items.setdefault(blob_path(blob), []).append(f"{item.kind.value} {item.name} {item.version}")
    more = {path: " and others" if len(names) > 3 else "" for path, names in items.items()}
    return {path: f" It is of {', '.join(names[:3])}{more[path]}." for path, names in items.items()}


def format_checksums(files: Listing) -> bytes:
    """Return the listing as `sha256sum` reads it."""
    return "".join(
        f"{digest.removeprefix('sha256:')}  {path}\n" for path, (digest, _) in sorted(files.items())
    ).encode()


def carried(release: Release, manifest: Manifest, checksums: bytes) -> dict[str, tuple[str, int]]:
    """Return the files a bundle carries beside those that are signed by name; a delta leaves blobs out.

    Args:
        release: RELEASE, already trusted.
        manifest: the manifest it names.
        checksums: SHA256SUMS, already found to be the signed one.

    Raises:
        BundleRefused: SHA256SUMS and the manifest contradict each other, or a path leads out of the bundle.
    """
    found = listing(manifest)
    if release.base:
        named = {line[66:] for line in checksums.decode(errors="replace").splitlines()}
        found = {path: entry for path, entry in found.items() if path in named or path in manifest.files}
    if format_checksums(found) != checksums:
        raise BundleRefused(
            f"SHA256SUMS of the bundle {release.id} does not say what manifest.json says.",
            hint="Build the bundle again.",
        )
    for path in (*found, *release.signed):
        if not inside(path):
            raise BundleRefused(
                f"The bundle {release.id} names {path!r}, which lies outside of it.", hint="Do not use it."
            )
    return found


def inside(path: str) -> bool:
    """Return whether a path stays below the folder it is joined to, written in the one plain way."""
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and ".." not in parts
        and not path.startswith("/")
        and "/".join(parts) == path
        and path.isprintable()
    )
