"""A bundle as a folder: written so that it can be killed anywhere, read so that nothing slips in."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import rfc8785
from pydantic import TypeAdapter, ValidationError

from installer.adapters.blob_store import CHUNK, BlobStore, hash_file, place
from installer.errors import BundleRefused
from installer.model.artifact import Kind, LockedItem, digest_of
from installer.model.bundle import BundleFile, Manifest, Release

RELEASE, SIGNATURE, MANIFEST, CHECKSUMS = "RELEASE", "RELEASE.sig", "manifest.json", "SHA256SUMS"
BLOBS = "oci/blobs/sha256"
_UNLISTED = frozenset({RELEASE, SIGNATURE, CHECKSUMS, MANIFEST})

_manifest = TypeAdapter(Manifest)
Count = Callable[[str, int], None]


class BundleDirectory:
    """One bundle's folder."""

    def __init__(self, root: Path, cache: BlobStore | None = None) -> None:
        """Use the folder `root`; `cache` has the blobs a new bundle is composed of."""
        self.root = root
        self._cache = cache

    def release_text(self) -> bytes:
        """Return RELEASE as it stands.

        Raises:
            BundleRefused: there is none.
        """
        try:
            return (self.root / RELEASE).read_bytes()
        except OSError as error:
            raise BundleRefused(
                f"There is no bundle at {self.root}: RELEASE is missing.",
                hint="Name its folder with --bundle, or load its volumes with `platform-install bundle load`.",
            ) from error

    @property
    def signature(self) -> Path:
        """Return where the signature lies."""
        return self.root / SIGNATURE

    def manifest(self, release: Release) -> Manifest:
        """Return the manifest that a checked RELEASE names.

        Raises:
            BundleRefused: it is missing, or not the one RELEASE names.
        """
        content = self._checked(MANIFEST, release.manifest)
        try:
            return _manifest.validate_json(content)
        except ValidationError as error:
            raise BundleRefused(f"manifest.json of {self.root} cannot be read.", details=[str(error)[:500]]) from error

    def verify(self, release: Release, manifest: Manifest, workers: int, count: Count) -> None:
        """Check every file and blob of a whole bundle.

        Args:
            workers: how many are read at once.
            count: called with a name and its bytes after each.

        Raises:
            BundleRefused: something is missing, damaged or was added; everything found is listed.
        """
        expected = listing(manifest)
        checksums = self._checked(CHECKSUMS, release.checksums)
        problems = [] if checksums == format_checksums(expected) else ["SHA256SUMS does not say what manifest.json says."]
        expected.update({path: (digest, -1) for path, digest in release.signed.items()})
        present = dict(self._walk())
        problems += [f"{path} is missing." for path in sorted(expected.keys() - present.keys())]
        problems += [f"{path} does not belong to the bundle." for path in sorted(present.keys() - expected.keys() - _UNLISTED)]
        problems += [f"{path} is a link or a special file." for path, regular in sorted(present.items()) if not regular]
        whole = sorted(expected.keys() & present.keys(), key=lambda path: -expected[path][1])
        with ThreadPoolExecutor(workers) as pool:
            for path, problem in zip(whole, pool.map(lambda p: self._check_file(p, *expected[p]), whole), strict=True):
                problems += [problem] if problem else []
                count(path, max(0, expected[path][1]))
        if problems:
            raise BundleRefused(
                f"The bundle {release.id} at {self.root} is damaged: {len(problems)} files are not as signed.",
                hint="Nothing was touched. Load the volumes that hold them again, or get the bundle again.",
                details=problems[:20],
            )

    def compose(self, manifest: Manifest, files: Mapping[str, Path | bytes], count: Count) -> bytes:
        """Write everything but RELEASE, and return the manifest's bytes.

        Args:
            files: what lies beside the blobs, by path; `manifest.files` describes the same.
            count: called with a name and its bytes after each blob.
        """
        if self._cache is None:
            raise ValueError("a bundle is composed from a cache of blobs")
        for digest, size in sorted(manifest.blobs.items()):
            place(self._cache.path(digest), self.root / BLOBS / digest.removeprefix("sha256:"))
            count(digest, size)
        for path, content in files.items():
            self._write_file(path, content, manifest.files[path])
        encoded = encode_manifest(manifest)
        self._write_file(MANIFEST, encoded)
        self._write_file(CHECKSUMS, self.checksums(manifest))
        return encoded

    def checksums(self, manifest: Manifest) -> bytes:
        """Return what SHA256SUMS holds for a manifest."""
        return format_checksums(listing(manifest))

    def current(self) -> bytes | None:
        """Return RELEASE when one is there and signed, else None."""
        if (self.root / RELEASE).is_file() and self.signature.is_file():
            return (self.root / RELEASE).read_bytes()
        return None

    def seal(self, text: bytes, signature: bytes, signed: Mapping[str, bytes], manifest: Manifest) -> None:
        """Write RELEASE and what is signed with it, then delete what the bundle does not hold."""
        for path, content in signed.items():
            self._write_file(path, content)
        self._write_file(SIGNATURE, signature)
        self._write_file(RELEASE, text)
        keep = {*listing(manifest), *signed, *_UNLISTED}
        for path, _ in list(self._walk()):
            if path not in keep:
                (self.root / path).unlink()
        for folder, below, files in os.walk(self.root, topdown=False):
            if not below and not files and not os.listdir(folder):
                Path(folder).rmdir()

    def _check_file(self, path: str, digest: str, size: int) -> str:
        location = self.root / path
        hasher = hashlib.sha256()
        found = 0
        try:
            with location.open("rb", buffering=0) as stream:
                while chunk := stream.read(CHUNK):
                    hasher.update(chunk)
                    found += len(chunk)
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}."
        if size >= 0 and found != size:
            return f"{path} has {found} bytes, not {size}."
        return "" if f"sha256:{hasher.hexdigest()}" == digest else f"{path} has other bytes than were signed."

    def _checked(self, name: str, digest: str) -> bytes:
        try:
            content = (self.root / name).read_bytes()
        except OSError as error:
            raise BundleRefused(f"{name} is missing in the bundle at {self.root}.", hint="Get the bundle again.") from error
        if digest_of(content) != digest:
            raise BundleRefused(
                f"{name} in the bundle at {self.root} is not the one that was signed.", hint="Get the bundle again."
            )
        return content

    def _walk(self) -> Iterator[tuple[str, bool]]:
        """Yield every file with whether it is a regular one."""
        for folder, below, files in os.walk(self.root):
            for name in [*files, *(entry for entry in below if (Path(folder) / entry).is_symlink())]:
                path = Path(folder) / name
                yield path.relative_to(self.root).as_posix(), stat.S_ISREG(path.lstat().st_mode)

    def _write_file(self, path: str, content: Path | bytes, described: BundleFile | None = None) -> None:
        target = self.root / path
        if described is not None and target.is_file() and hash_file(target).digest == described.digest:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path) and self._cache is not None and content.is_relative_to(self._cache.root):
            # A kept blob never changes, so the bundle may share it; a file of the project is copied.
            target.unlink(missing_ok=True)
            place(content, target)
            return
        temporary = target.with_name(f".{target.name}.new")
        with temporary.open("wb") as stream:
            stream.write(content.read_bytes() if isinstance(content, Path) else content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(int(described.mode, 8) if described else 0o644)
        temporary.replace(target)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the one way to write a manifest."""
    return rfc8785.dumps(_manifest.dump_python(manifest, mode="json"))


def listing(manifest: Manifest) -> dict[str, tuple[str, int]]:
    """Return digest and size of every file a manifest describes, by path."""
    files = {f"{BLOBS}/{digest.removeprefix('sha256:')}": (digest, size) for digest, size in manifest.blobs.items()}
    files.update({path: (entry.digest, entry.size) for path, entry in manifest.files.items()})
    return files


def format_checksums(files: Mapping[str, tuple[str, int]]) -> bytes:
    """Return the listing as `sha256sum` reads it."""
    return "".join(f"{digest.removeprefix('sha256:')}  {path}\n" for path, (digest, _) in sorted(files.items())).encode()


def image_layout(items: Iterable[LockedItem]) -> dict[str, bytes]:
    """Return the files that make `oci/` an OCI image layout any tool can read."""
    entries = [
        {
            "mediaType": item.blobs[0].media_type,
            "digest": item.digest,
            "size": item.blobs[0].size,
            "annotations": {"org.opencontainers.image.ref.name": f"{item.name}:{item.version}"},
        }
        for item in items
        if item.kind is Kind.IMAGE
    ]
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    return {
        "oci/oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "oci/index.json": json.dumps(index, sort_keys=True, separators=(",", ":")).encode(),
    }
