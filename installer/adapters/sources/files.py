"""Single files from upstream, whole or out of an archive, checked by their published digest.

Where upstream publishes no digest, the first download is trusted and said to be; the lock pins it.
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.downloads import Downloads, Wanted
from installer.adapters.sources.errors import ArtifactGone, DownloadFailed, SourceUnavailable
from installer.model.artifact import Blob, FileSpec, Kind, LockedItem
from installer.model.events import Notice
from installer.ports import Reporter


class FileUnavailable(SourceUnavailable):
    """An archive does not hold the file it should."""


def address(spec: FileSpec, architecture: str) -> str:
    """Return where upstream publishes the file."""
    return _filled(spec.url, spec, architecture)


def pin_file(component: str, spec: FileSpec, architecture: str, downloads: Downloads, reporter: Reporter) -> LockedItem:
    """Fetch the file a component names, out of its archive where it has one, and pin it.

    Raises:
        BundleRefused: what upstream answers is not what the component pins.
        DownloadFailed: upstream does not answer with it.
        FileUnavailable: the archive does not hold the member.
    """
    published = spec.sha256.get(architecture)
    wanted = Wanted(address(spec, architecture), spec.name, f"sha256:{published}" if published else None)
    fetched = downloads.fetch(wanted, reporter)
    if not published:
        reporter.emit(
            Notice(
                f"{spec.name} {spec.version} for {architecture} has no `sha256` in roles/{component}/component.yml: "
                f"what {wanted.url} answers now is trusted, and the lock pins {fetched.digest}."
            )
        )
    origin = {"type": "file", "url": wanted.url}
    blob = fetched
    if spec.member is not None:
        origin.update(archive=fetched.digest, member=_filled(spec.member, spec, architecture))
        blob = _take_out(downloads.store, fetched.digest, origin["member"], f"{spec.name} {spec.version}")
    return LockedItem(
        kind=Kind.FILE,
        name=spec.name,
        version=spec.version,
        digest=blob.digest,
        blobs=(blob,),
        origin=origin,
        licence=spec.licence,
        needed_by=(component,),
        scope=f"linux/{architecture}",
    )


def fetch_file(item: LockedItem, downloads: Downloads, reporter: Reporter) -> None:
    """Put a locked file into the store.

    Raises:
        ArtifactGone: upstream does not publish it any more.
        BundleRefused: upstream publishes other bytes than were locked.
    """
    url, member = str(item.origin["url"]), item.origin.get("member")
    digest = item.digest if member is None else item.origin.get("archive")
    try:
        fetched = downloads.fetch(Wanted(url, item.name, digest, item.size if member is None else None), reporter)
    except DownloadFailed as error:
        if error.gone:
            raise ArtifactGone(item, url, error.details) from error
        raise
    if member is not None:
        _take_out(downloads.store, fetched.digest, str(member), f"{item.name} {item.version}", item.digest)


def _take_out(store: BlobStore, archive: str, member: str, what: str, expected: str | None = None) -> Blob:
    """Put one regular file of an archive in the store into the store."""
    path = store.path(archive)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                for info in packed.infolist():
                    if _plain(info.filename) == _plain(member) and not info.is_dir():
                        with packed.open(info) as content:
                            return store.put(content, expected)  # type: ignore[arg-type]
            raise _lacking(what, member, "unzip -l")
        # Read as a stream, whatever packed it: nothing is unpacked but the one file.
        with tarfile.open(path, mode="r|*") as opened:
            for entry in opened:
                if _plain(entry.name) == _plain(member) and entry.isreg():
                    taken = opened.extractfile(entry)
                    assert taken is not None  # a regular file has content
                    return store.put(taken, expected)  # type: ignore[arg-type]
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise FileUnavailable(
            f"What upstream publishes for {what} is no archive: {error}.",
            hint="Correct the component's `url`, or leave `member` out when it answers with the file itself.",
        ) from error
    raise _lacking(what, member, "tar -t")


def _lacking(what: str, member: str, listing: str) -> FileUnavailable:
    return FileUnavailable(
        f"The archive of {what} holds no file {member}.",
        hint=f"Correct the component's `member`; list the archive with `{listing}`.",
    )


def _plain(name: str) -> str:
    return str(Path(name))


def _filled(text: str, spec: FileSpec, architecture: str) -> str:
    return text.format(version=spec.version, bare_version=spec.version.removeprefix("v"), architecture=architecture)
