"""What a site has already: a folder of model weights, of certificates, of files of its own."""

from __future__ import annotations

from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.errors import InvalidConfiguration, Problem
from installer.model.artifact import Kind, LockedItem


def pin_directory(name: str, folder: Path, store: BlobStore) -> tuple[LockedItem, ...]:
    """Take every file of a folder into the store and pin it.

    Raises:
        InvalidConfiguration: the folder is missing or holds links or special files.
    """
    if not folder.is_dir():
        raise InvalidConfiguration([Problem(str(folder), "is not a folder.", "Correct `platform_directories`.")])
    items = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if path.is_symlink() or not path.is_file():
            raise InvalidConfiguration(
                [Problem(str(path), "is a link or a special file.", "Put the file itself there.")]
            )
        with path.open("rb") as stream:
            blob = store.put(stream)
        items.append(
            LockedItem(
                kind=Kind.MODEL,
                name=f"{name}/{path.relative_to(folder).as_posix()}",
                version=blob.digest.removeprefix("sha256:")[:12],
                digest=blob.digest,
                blobs=(blob,),
                origin={"type": "directory", "name": name},
                licence="of the site",
                needed_by=(name,),
            )
        )
    return tuple(items)
