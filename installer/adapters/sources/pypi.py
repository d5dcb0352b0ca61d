"""Wheels from the package index pip is configured with, for any Python version."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from installer.adapters.blob_store import BlobStore
from installer.adapters.process import CommandFailed, run
from installer.errors import PlatformError
from installer.model.artifact import Blob, Kind, LockedItem
from installer.ports import Reporter

_MEDIA_TYPE = "application/vnd.python.wheel"
# Every C library a supported system has understands the first; some projects publish only newer ones.
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64")


class WheelUnavailable(PlatformError):
    """The package index does not hold a wheel."""


class WheelIndex:
    """Resolves and fetches wheels through pip."""

    def __init__(self, store: BlobStore, scratch: Path) -> None:
        """Put wheels into `store`; use `scratch` for downloads under way."""
        self._store = store
        self._scratch = scratch

    def closure(self, requirements: Mapping[str, Sequence[str]], python: str) -> tuple[LockedItem, ...]:
        """Return the wheels of all requirements and what they need.

        Args:
            requirements: pinned requirements by component.
            python: the targets' Python version: `3.13`.

        Raises:
            WheelUnavailable: a requirement has no wheel for that Python.
        """
        wanted = sorted({line for lines in requirements.values() for line in lines})
        owners = {
            canonicalize_name(line.split("==")[0].split("[")[0]): tuple(
                sorted(name for name, lines in requirements.items() if line in lines)
            )
            for line in wanted
        }
        everyone = tuple(sorted(requirements))
        items = []
        for path in self._download(wanted, python):
            name, version, _, _ = parse_wheel_filename(path.name)
            blob = self._store.put_file(path)
            items.append(
                LockedItem(
                    kind=Kind.WHEEL,
                    name=name,
                    version=str(version),
                    digest=blob.digest,
                    blobs=(Blob(blob.digest, blob.size, _MEDIA_TYPE),),
                    origin={"type": "pypi", "file": path.name, "python": python},
                    licence="see METADATA in the wheel",
                    needed_by=owners.get(name, everyone),
                    scope=f"python{python}",
                )
            )
        return tuple(sorted(items, key=lambda item: item.key))

    def fetch(self, item: LockedItem, reporter: Reporter) -> None:
        """Put a locked wheel into the store.

        Raises:
            WheelUnavailable: the index does not hold it, or holds other bytes.
        """
        del reporter
        requirement = f"{item.name}=={item.version} --hash={item.digest}"
        for path in self._download([requirement], str(item.origin["python"]), exact=True):
            self._store.put_file(path, item.digest)

    def _download(self, requirements: Sequence[str], python: str, exact: bool = False) -> list[Path]:
        self._scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        listing = folder / "requirements.txt"
        listing.write_text("\n".join(requirements) + "\n")
        options = ["--no-deps", "--require-hashes"] if exact else []
        for platform in _PLATFORMS:
            options += ["--platform", platform]
        try:
            run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
                 "--only-binary=:all:", "--python-version", python, "--implementation", "cp",
                 *options, "--dest", str(folder), "--requirement", str(listing)],
            )  # fmt: skip
        except CommandFailed as error:
            raise WheelUnavailable(
                f"The package index has no wheels of {', '.join(requirements)[:200]} for Python {python}.",
                hint="Run `platform-install bundle lock` to pin what it holds now, or check pip's index.",
                details=error.details,
            ) from error
        return sorted(folder.glob("*.whl"))
