"""Small synthetic bundles: built like real ones, signed by a stand-in unless a test wants `ssh-keygen`."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from installer import __version__
from installer.adapters.blob_store import BlobStore
from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.load_journal import LoadingFolder
from installer.adapters.volume_files import TarVolume, VolumeFolder, find_media
from installer.engine.image_layout import image_layout
from installer.engine.volumes import END, padding, tar_header
from installer.errors import BundleRefused
from installer.model.artifact import Blob, Kind, Lock, LockedItem, digest_of
from installer.model.events import Event
from installer.workflows.bundle_build import Signing, build_bundle
from installer.workflows.bundle_delta import MadeDelta, make_delta
from installer.workflows.bundle_front import Medium, Trust
from installer.workflows.bundle_load import LoadReport, load_bundle
from installer.workflows.bundle_split import WrittenVolume, split_bundle
from installer.workflows.bundle_verify import TrustedBundle, trust_bundle, verify_bundle

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOOL = __version__
MEDIA = 1_500_000
# The last one is larger than the media.
SIZES = {"alpha": 1000, "beta": 400_000, "gamma": 700_000, "delta": 900_000, "epsilon": 3_500_000}


@dataclass
class Told:
    """Keeps what it is told."""

    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        self.events.append(event)


def content_of(name: str, size: int) -> bytes:
    """Return the same bytes for the same name, which no compression would shrink."""
    return random.Random(name).randbytes(size)


def stamp(text: bytes) -> bytes:
    """Sign as the stand-in does."""
    return b"stamp " + hashlib.sha256(text).hexdigest().encode()


def who_stamped(text: bytes, signature: bytes) -> str:
    """Return the signer, or refuse, as the stand-in does."""
    if signature != stamp(text):
        raise BundleRefused("No trusted signer signed this one.", hint="Get the bundle again.")
    return "maker"


def item_of(name: str, content: bytes, kind: Kind = Kind.FILE, needed_by: Sequence[str] = ("one",)) -> LockedItem:
    """Return an item of one blob."""
    blob = Blob(digest_of(content), len(content))
    return LockedItem(kind, name, "1.0", blob.digest, (blob,), {"type": "file"}, "Apache-2.0", tuple(needed_by))


def lock_of(*items: LockedItem) -> Lock:
    """Return a lock of these items."""
    ordered = tuple(sorted(items, key=lambda item: item.key))
    return Lock("platform-lock/1", "upstream", ("linux/amd64",), ordered)


@dataclass(frozen=True)
class Maker:
    """Builds bundles below a folder of its own.

    Attributes:
        sign: turns a text into its signature.
    """

    folder: Path
    sign: Callable[[bytes], bytes] = stamp
    now: datetime = NOW

    def build(
        self, name: str = "bundle", sizes: Mapping[str, int] | None = None, sequence: int = 1, items: Lock | None = None
    ) -> Path:
        """Build a bundle, of random files when no items are named, and return its folder."""
        store = BlobStore(self.folder / "store")
        lock = items
        if lock is None:
            contents = {file: content_of(file, size) for file, size in (SIZES if sizes is None else sizes).items()}
            lock = lock_of(*(item_of(file, content) for file, content in contents.items()))
            for content in contents.values():
                store.put_bytes(content)
        files: dict[str, Path | bytes] = {
            "apt/bookworm/Packages": b"Package: one\n",
            "installer/run": b"#!/bin/sh\n",
            "verify.sh": (resources.files("installer.adapters") / "verify.sh").read_bytes(),
            **image_layout(lock.items),
        }
        signing = Signing(
            id=f"site-{name}", sequence=sequence, validity=timedelta(days=90), sign=self.sign,
            repositories=lambda _, created: {"apt/bookworm/InRelease": f"Date: {created}\n".encode()}, tool=TOOL,
        )  # fmt: skip
        root = self.folder / name
        writer = BundleDirectory(root, store)
        build_bundle(lock, files, {}, {"installer/run": "0755"}, writer, signing, self.now, Told(), described)
        return root


def described(content: Path | bytes) -> tuple[str, int]:
    """Return digest and size of a file's content."""
    content = content.read_bytes() if isinstance(content, Path) else content
    return digest_of(content), len(content)


def stamped(root: Path) -> Callable[[bytes], str]:
    """Return what checks the stand-in's signature of a bundle's folder."""
    path = root / "RELEASE.sig"
    return lambda text: who_stamped(text, path.read_bytes() if path.is_file() else b"")


def verify(
    root: Path, now: datetime = NOW, seen: int = 0, delta: bool = False, reporter: Told | None = None
) -> TrustedBundle:
    """Verify a bundle of the stand-in's."""
    return verify_bundle(BundleDirectory(root), stamped(root), seen, TOOL, now, 2, reporter or Told(), delta)


def known(root: Path) -> TrustedBundle:
    """Return a bundle of the stand-in's, checked to its manifest."""
    return trust_bundle(BundleDirectory(root), stamped(root), 0, TOOL, NOW)


def split(root: Path, to: Path, media: int = MEDIA, reporter: Told | None = None) -> tuple[WrittenVolume, ...]:
    """Split a bundle of the stand-in's."""
    return split_bundle(known(root), BundleDirectory(root), media, VolumeFolder(to), 2, reporter or Told())


def trust(now: datetime = NOW, seen: int = 0) -> Trust:
    """Return what trusts the stand-in."""
    return Trust(who_stamped, seen, TOOL, now)


def load(
    places: Sequence[Path | Medium], target: Path, trusting: Trust | None = None, reporter: Told | None = None
) -> LoadReport:
    """Load media into a folder."""
    media: list[Medium] = []
    for place in places:
        media += find_media([place]) if isinstance(place, Path) else [place]
    return load_bundle(
        media, LoadingFolder(target), BundleDirectory(target), trusting or trust(), 2, reporter or Told()
    )


def make_small_delta(new: Path, base: Path, to: Path, sign: Callable[[bytes], bytes] = stamp) -> MadeDelta:
    """Make the delta between two bundles of the stand-in's."""
    read, writer = (lambda path: (new / path).read_bytes()), BundleDirectory(to)
    return make_delta(known(new), new, known(base), read, writer, sign, TOOL, NOW, Told())


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and bytes of every file below a folder."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def flip(path: Path, offset: int = -1) -> None:
    """Flip one bit of a file, which may share its bytes with others by a hard link."""
    content = bytearray(path.read_bytes())
    content[offset if offset >= 0 else len(content) // 2] ^= 1
    mode = path.stat().st_mode
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)


def copied(volumes: Iterable[Path], to: Path) -> list[Path]:
    """Copy volumes into a new folder, to be damaged there."""
    to.mkdir()
    return [Path(to / path.name) for path in volumes if (to / path.name).write_bytes(path.read_bytes())]


def member_of(volume: Path, prefix: str) -> tuple[int, int]:
    """Return where the bytes of the first such file of a volume begin, and how many they are."""
    content = volume.read_bytes()
    begin = 0
    for member in TarVolume(volume).members():
        begin = content.index(member.name.encode(), begin)
        if member.name.startswith(prefix):
            return content.index(next(member.chunks())[:64], begin), member.size
    raise KeyError(prefix)


def carrying(volumes: Iterable[Path], prefix: str) -> Path:
    """Return the first volume with such a file."""
    return next(v for v in volumes if any(member.name.startswith(prefix) for member in TarVolume(v).members()))


def repacked(volume: Path, change: Callable[[str, bytes], Iterable[tuple[str, bytes]]]) -> None:
    """Write a volume anew with other files."""
    found = [(member.name, b"".join(member.chunks())) for member in TarVolume(volume).members()]
    parts = [part for name, content in found for part in change(name, content)]
    volume.write_bytes(
        b"".join(tar_header(name, len(data)) + data + bytes(padding(len(data))) for name, data in parts) + END
    )
