"""A bundle as a folder: written so that it can be killed anywhere, read so that nothing slips in."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from installer.adapters.blob_store import CHUNK, BlobStore, hash_file, open_regular, place
from installer.engine.contents import (
    CHECKSUMS,
    MANIFEST,
    RELEASE,
    SIGNATURE,
    UNLISTED,
    blob_path,
    carried,
    encode_manifest,
    format_checksums,
    listing,
    owners_of_blobs,
    parse_manifest,
)
from installer.errors import BundleRefused, UsageError
from installer.model.artifact import digest_of
from installer.model.bundle import BundleFile, Manifest, Release

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
            return self._read(RELEASE)
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
        return parse_manifest(self._checked(MANIFEST, release.manifest), str(self.root))

    def carried(self, release: Release, manifest: Manifest) -> dict[str, tuple[str, int]]:
        """Return digest and size of the files the bundle carries; a delta leaves blobs out.

        Raises:
            BundleRefused: SHA256SUMS is missing, or not the one RELEASE names.
        """
        return carried(release, manifest, self._checked(CHECKSUMS, release.checksums))

    def chunks(self, path: str, offset: int = 0, size: int = -1) -> Iterator[bytes]:
        """Yield a file's bytes, or a part of them.

        Raises:
            BundleRefused: there is no such regular file.
        """
        try:
            stream = open_regular(self.root / path, os.O_NOFOLLOW)
        except OSError as error:
            raise BundleRefused(
                f"{path} of the bundle at {self.root} cannot be read: {error.strerror}.", hint="Get the bundle again."
            ) from error
        with stream:
            stream.seek(offset)
            left = size if size >= 0 else os.fstat(stream.fileno()).st_size - offset
            while left > 0 and (chunk := stream.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk

    def verify(self, release: Release, manifest: Manifest, workers: int, count: Count) -> None:
        """Check every file and blob; of a delta, those it carries.

        Args:
            release: RELEASE, already trusted.
            manifest: the manifest it names.
            workers: how many are read at once.
            count: called with a name and its bytes after each.

        Raises:
            BundleRefused: something is missing, damaged or was added; everything found is listed.
        """
        expected = self.carried(release, manifest)
        expected.update({path: (digest, -1) for path, digest in release.signed.items()})
        present = dict(self._walk())
        problems = [f"{path} is missing." for path in sorted(expected.keys() - present.keys())]
        added = present.keys() - expected.keys() - UNLISTED
        problems += [f"{path} does not belong to the bundle." for path in sorted(added)]
        problems += [f"{path} is a link or a special file." for path, regular in sorted(present.items()) if not regular]
        # What is no regular file is not opened: a pipe would never end.
        whole = sorted((path for path in expected if present.get(path)), key=lambda path: -expected[path][1])
        with ThreadPoolExecutor(workers) as pool:
            for path, problem in zip(whole, pool.map(lambda p: self._check_file(p, *expected[p]), whole), strict=True):
                problems += [problem] if problem else []
                count(path, max(0, expected[path][1]))
        if problems:
            owners = owners_of_blobs(manifest)
            problems = [f"{problem}{owners.get(problem.split(' ')[0], '')}" for problem in problems]
            raise BundleRefused(
                f"The bundle {release.id} at {self.root} is damaged: {len(problems)} files are not as signed.",
                hint="Nothing was touched. Load the volumes that hold them again, or get the bundle again.",
                details=problems[:20],
            )

    def compose(self, manifest: Manifest, files: Mapping[str, Path | bytes], count: Count) -> bytes:
        """Write everything but RELEASE, and return the manifest's bytes.

        Args:
            manifest: the new bundle's.
            files: what lies beside the blobs, by path; `manifest.files` describes the same.
            count: called with a name and its bytes after each blob.
        """
        if self._cache is None:
            raise ValueError("a bundle is composed from a cache of blobs")
        self.refuse_foreign(listing(manifest))
        encoded = encode_manifest(manifest)
        self._unseal_other(encoded)
        for digest, size in sorted(manifest.blobs.items()):
            self._place_blob(self._cache.path(digest), digest)
            count(digest, size)
        for path, content in files.items():
            self._write_file(path, content, manifest.files[path])
        self._write_file(MANIFEST, encoded)
        self._write_file(CHECKSUMS, self.checksums(manifest))
        return encoded

    def _unseal_other(self, encoded: bytes) -> None:
        """Take the seal away when it is another manifest's: what is half one bundle, half another is none."""
        path = self.root / MANIFEST
        if not path.is_file() or path.read_bytes() != encoded:
            self.unseal()

    def unseal(self) -> None:
        """Take the signature away: what lies here is no bundle until it is sealed again.

        RELEASE stays, for its sequence is the last that was used.
        """
        self.signature.unlink(missing_ok=True)

    def _place_blob(self, source: Path, digest: str) -> None:
        """Have a blob from the cache; what lies there already is believed when it is the cache's own file."""
        target = self.root / blob_path(digest)
        if target.exists() and not target.samefile(source) and hash_file(target).digest != digest:
            target.unlink()
        place(source, target)

    def checksums(self, manifest: Manifest) -> bytes:
        """Return what SHA256SUMS holds for a manifest."""
        return format_checksums(listing(manifest))

    def current(self) -> bytes | None:
        """Return RELEASE when one is there and signed, else None."""
        if (self.root / RELEASE).is_file() and self.signature.is_file():
            return (self.root / RELEASE).read_bytes()
        return None

    def seal(self, text: bytes, signature: bytes, signed: Mapping[str, bytes], manifest: Manifest) -> None:
        """Write RELEASE and what is signed with it, then delete what the bundle does not hold.

        The signature comes last: a seal that is cut short leaves no signed RELEASE with files of another.
        """
        self.unseal()
        for path, content in signed.items():
            self._write_file(path, content)
        self._write_file(RELEASE, text)
        self._write_file(SIGNATURE, signature)
        self.prune({*listing(manifest), *signed})

    def copy(self, source: Path, manifest: Manifest, paths: Collection[str], count: Count) -> None:
        """Take files of another bundle over, and its manifest.

        Args:
            source: the other bundle's folder.
            manifest: the other bundle's.
            paths: the files.
            count: called with a name and its bytes after each.
        """
        self.refuse_foreign(listing(manifest))
        for path in sorted(paths):
            described = manifest.files.get(path)
            if described is None:
                place(source / path, self.root / path)
            else:
                self._write_file(path, source / path, described)
            count(path, (self.root / path).stat().st_size)
        # Its very bytes: another version of this tool may write the same manifest differently.
        self._write_file(MANIFEST, source / MANIFEST)

    def write_checksums(self, content: bytes) -> None:
        """Write SHA256SUMS of a bundle that carries less than its manifest lists."""
        self._write_file(CHECKSUMS, content)

    def prune(self, keep: Collection[str]) -> None:
        """Delete every file but those of RELEASE, the manifest and the paths given, and folders left empty."""
        for path, _ in list(self._walk()):
            if path not in keep and path not in UNLISTED:
                (self.root / path).unlink()
        for folder, below, files in os.walk(self.root, topdown=False):
            if not below and not files and not any(Path(folder).iterdir()):
                Path(folder).rmdir()

    def refuse_foreign(self, paths: Iterable[str]) -> None:
        """Refuse to turn a folder into a bundle that is something else: what is no part of a bundle is deleted.

        Args:
            paths: what the bundle will hold.

        Raises:
            UsageError: there is no RELEASE, and something that no bundle holds.
        """
        if not self.root.is_dir() or (self.root / RELEASE).exists():
            return
        known = {path.split("/")[0] for path in (*paths, *UNLISTED, "apt", "oci", "whole")}
        # A killed build leaves what it was writing.
        known |= {f".{name}.new" for name in known}
        if foreign := sorted(path.name for path in self.root.iterdir() if path.name not in known):
            raise UsageError(
                f"{self.root} is no bundle: it holds {foreign[0]}.",
                hint="Name an empty folder, or one that is not there yet.",
            )

    def _check_file(self, path: str, digest: str, size: int) -> str:
        try:
            found = hash_file(self.root / path)
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}."
        if size >= 0 and found.size != size:
            return f"{path} has {found.size} bytes, not {size}."
        return "" if found.digest == digest else f"{path} has other bytes than were signed."

    def _checked(self, name: str, digest: str) -> bytes:
        try:
            content = self._read(name)
        except OSError as error:
            raise BundleRefused(
                f"{name} is missing in the bundle at {self.root}.", hint="Get the bundle again."
            ) from error
        if digest_of(content) != digest:
            raise BundleRefused(
                f"{name} in the bundle at {self.root} is not the one that was signed.", hint="Get the bundle again."
            )
        return content

    def _read(self, name: str) -> bytes:
        path = self.root / name
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FileNotFoundError(f"{name} is no regular file")
        return path.read_bytes()

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
