"""Single files from upstream, whole or out of a tar archive, checked by their published digest."""

from __future__ import annotations

import tarfile

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.http import download
from installer.errors import PlatformError
from installer.model.artifact import Blob, FileSpec
from installer.ports import Reporter


class FileUnavailable(PlatformError):
    """An archive does not hold the file it should."""


def address(spec: FileSpec, architecture: str) -> str:
    """Return where upstream publishes the file."""
    return spec.url.format(version=spec.version, bare_version=spec.version.removeprefix("v"), architecture=architecture)


def fetch_file(spec: FileSpec, architecture: str, store: BlobStore, reporter: Reporter) -> Blob:
    """Fetch the file, out of its archive where it has one.

    Raises:
        BundleRefused: what upstream answers is not what the component pins.
        FileUnavailable: the archive does not hold the member.
    """
    pinned = spec.sha256.get(architecture)
    fetched = download(address(spec, architecture), store, reporter, f"sha256:{pinned}" if pinned else None)
    if spec.member is None:
        return fetched
    with tarfile.open(store.path(fetched.digest)) as archive:
        try:
            member = archive.extractfile(spec.member)
        except KeyError:
            member = None
        if member is None:
            raise FileUnavailable(f"The archive of {spec.name} {spec.version} holds no file {spec.member}.")
        return store.put(member)  # type: ignore[arg-type]
