"""What a site has already: a folder of model weights, of certificates, of files of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.errors import ArtifactGone
from installer.errors import BundleRefused, InvalidConfiguration, Problem
from installer.model.artifact import Kind, LockedItem

_CURE = "Put it back, or run `platform-install bundle lock`."


def pin_directory(name: str, folder: Path, store: BlobStore) -> tuple[LockedItem, ...]:
    """Take every file of a folder into the store and pin it.

    Raises:
        InvalidConfiguration: the folder is missing or empty, or holds links or special files.
    """
    if not folder.is_dir():
        raise InvalidConfiguration([Problem(str(folder), "is not a folder.", "Correct `platform_directories`.")])
    paths = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]
    odd = [path for path in paths if path.is_symlink() or not path.is_file()]
    if odd:
        cure = "Put the file itself there."
        raise InvalidConfiguration([Problem(str(path), "is a link or a special file.", cure) for path in odd])
    if not paths:
        cure = "Put files there, or take it out of `platform_directories`."
        raise InvalidConfiguration([Problem(str(folder), "holds no files.", cure)])
    return tuple(_pin(name, path.relative_to(folder).as_posix(), path, store) for path in paths)


def fetch_from_directory(item: LockedItem, folders: Mapping[str, str], store: BlobStore) -> None:
    """Take a locked file into the store again.

    Args:
        item: the file.
        folders: `platform_directories`.
        store: where it goes.

    Raises:
        InvalidConfiguration: the inventory names its folder no more.
        ArtifactGone: it is not there any more.
        BundleRefused: it has other bytes.
    """
    name = str(item.origin["name"])
    if name not in folders:
        problem = Problem("platform_directories", f"names no folder {name}, which the lock holds.", _CURE)
        raise InvalidConfiguration([problem])
    path = Path(folders[name]) / item.name.removeprefix(f"{name}/")
    if path.is_symlink() or not path.is_file():
        raise ArtifactGone(item, f"The folder {folders[name]}")
    with path.open("rb") as stream:
        found = store.put(stream)
    if found.digest != item.digest:
        raise BundleRefused(f"{path} was changed: it has the digest {found.digest}, not {item.digest}.", hint=_CURE)


def _pin(name: str, below: str, path: Path, store: BlobStore) -> LockedItem:
    with path.open("rb") as stream:
        blob = store.put(stream)
    return LockedItem(
        kind=Kind.MODEL,
        name=f"{name}/{below}",
        version=blob.digest.removeprefix("sha256:")[:12],
        digest=blob.digest,
        blobs=(blob,),
        origin={"type": "directory", "name": name},
        licence="of the site",
        needed_by=(name,),
    )
