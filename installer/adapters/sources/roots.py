"""User lands made by unpacking Debian packages, without running their scripts; each is made once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.process import CommandFailed
from installer.adapters.sources.debian import DebianArchive
from installer.adapters.sources.scratch import locked, settle, write_whole
from installer.model.artifact import LockedItem, digest_of
from installer.ports import Reporter

_AUTHORITIES = "usr/share/ca-certificates/mozilla"


class Roots:
    """Folders with packages' files, named by the packages' digests."""

    def __init__(
        self, folder: Path, store: BlobStore, archives: Mapping[str, DebianArchive], reporter: Reporter
    ) -> None:
        """Keep them in `folder`; packages come from the archives of their releases."""
        self._folder = folder
        self._store = store
        self._archives = archives
        self._reporter = reporter

    def unpacked(self, packages: Sequence[LockedItem]) -> Path:
        """Return a folder with the packages' files."""
        root = self._folder / name_of(packages)
        with locked(self._folder / f"{root.name}.lock"):
            if root.exists():
                return root
            for release in sorted({str(item.origin["release"]) for item in packages}):
                of_release = [item for item in packages if item.origin["release"] == release]
                self._archives[release].fetch_all(of_release, self._store, self._reporter)
            half = root.with_suffix(".half")
            # What a killed run unpacked may be older than what this one does.
            shutil.rmtree(half, ignore_errors=True)
            unpack([self._store.path(item.digest) for item in packages], half)
            settle(half)
            half.rename(root)
        return root

    def authorities(self, packages: Sequence[LockedItem]) -> Path:
        """Return the certificate authorities' file that their package's script would write."""
        root = self.unpacked(packages)
        path = self._folder / f"{root.name}.crt"
        with locked(self._folder / f"{root.name}.lock"):
            if not path.exists():
                sources = sorted((root / _AUTHORITIES).glob("*.crt"))
                write_whole(path, b"".join(source.read_bytes() for source in sources))
        return path


def name_of(packages: Iterable[LockedItem]) -> str:
    """Return the name of the folder that packages are unpacked to."""
    digests = "".join(sorted(item.digest for item in packages))
    return digest_of(digests.encode()).removeprefix("sha256:")[:24]


def unpack(packages: Sequence[Path], target: Path) -> None:
    """Unpack packages' files into one folder.

    Raises:
        CommandFailed: one of them is no package, or there is no room.
    """
    target.mkdir(parents=True, exist_ok=True)
    # --keep-directory-symlink: /bin and /lib are links, which a package's directory must not replace.
    take_in = ["tar", "-xpf", "-", "--keep-directory-symlink", "--no-same-owner", "-C", str(target)]
    for package in packages:
        give_out = ["dpkg-deb", "--fsys-tarfile", str(package)]
        try:
            with subprocess.Popen(give_out, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
                assert reader.stdout is not None and reader.stderr is not None  # both are pipes
                taken = subprocess.run(take_in, stdin=reader.stdout, capture_output=True, check=False)
                # So that dpkg-deb ends when tar has.
                reader.stdout.close()
                said = reader.stderr.read()
        except FileNotFoundError as error:
            raise CommandFailed(give_out, 127, f"{error.filename}: not found") from error
        if reader.returncode or taken.returncode:
            output = (said + taken.stderr).decode(errors="replace")
            raise CommandFailed(give_out, reader.returncode or taken.returncode, output)
