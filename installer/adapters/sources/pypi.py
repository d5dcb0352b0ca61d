"""Wheels from the package index pip is configured with, for any Python version."""

from __future__ import annotations

import email
import re
import sys
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from installer.adapters.blob_store import BlobStore
from installer.adapters.process import CommandFailed, run
from installer.adapters.sources.errors import ArtifactGone, SourceUnavailable
from installer.adapters.sources.scratch import scratch_folder
from installer.errors import BundleRefused
from installer.model.artifact import Blob, Kind, LockedItem
from installer.ports import Reporter

_MEDIA_TYPE = "application/vnd.python.wheel"
# Every C library a supported system has understands the first; some projects publish only newer ones.
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64")
_OTHER_BYTES = "DO NOT MATCH THE HASHES"
# Pip reports an index it cannot reach like one that lacks the package; only its log tells them apart.
_UNFETCHED = re.compile(r"Could not fetch URL (?P<reason>.*?)(?: - skipping)?$", re.MULTILINE)
_LACKING = re.compile(r": (?:404|410) Client Error")
_NOT_THERE = ("No matching distribution found", "Could not find a version that satisfies")


class WheelUnavailable(SourceUnavailable):
    """The package index does not hold a wheel, or does not answer."""


class IndexSilent(WheelUnavailable):
    """The package index does not answer, or is not trusted."""


class WheelIndex:
    """Resolves and fetches wheels through pip. May be used by several threads and processes."""

    def __init__(self, store: BlobStore, scratch: Path) -> None:
        """Put wheels into `store`; use `scratch` for downloads under way."""
        self._store = store
        self._scratch = scratch
        self._expected: tuple[LockedItem, ...] = ()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def expect(self, items: Iterable[LockedItem]) -> None:
        """Be told of wheels that will be asked for, so that one call of pip can have them all."""
        self._expected = (*self._expected, *items)

    def closure(self, requirements: Mapping[str, Sequence[str]], python: str) -> tuple[LockedItem, ...]:
        """Return the wheels of all requirements and what they need.

        Each component's libraries lie in a folder of their own, so that two need not agree on what both use.

        Args:
            requirements: pinned requirements by component.
            python: the targets' Python version: `3.13`.

        Raises:
            WheelUnavailable: a requirement has no wheel for that Python, or the index does not answer.
        """
        found: dict[tuple[str, str, str, str], LockedItem] = {}
        for component, lines in sorted(requirements.items()):
            for item in self._closure_of(component, lines, python):
                owners = {*item.needed_by, *(found[item.key].needed_by if item.key in found else ())}
                found[item.key] = replace(item, needed_by=tuple(sorted(owners)))
        return tuple(item for _, item in sorted(found.items()))

    def pinned(self, lines: Sequence[str], python: str) -> tuple[LockedItem, ...]:
        """Return the wheels that lines with hashes name, and nothing that they need besides.

        Raises:
            WheelUnavailable: a line has no wheel of its hashes for that Python, or the index does not answer.
        """
        with self._downloaded(lines, python, exact=True) as paths:
            return tuple(self._item(path, python, "") for path in paths)

    def _closure_of(self, component: str, lines: Iterable[str], python: str) -> list[LockedItem]:
        environment = _environment(python)
        wanted = _applicable(set(lines), environment)
        while True:
            with self._downloaded(wanted, python) as paths:
                lacking = _lacking(wanted, paths, environment) - set(wanted)
                if not lacking:
                    return [self._item(path, python, component) for path in paths]
            wanted = [*wanted, *sorted(lacking)]

    def fetch(self, item: LockedItem, reporter: Reporter) -> None:
        """Put a locked wheel into the store.

        Raises:
            ArtifactGone: the index does not hold it any more.
            BundleRefused: the index holds other bytes.
            WheelUnavailable: the index does not answer.
        """
        del reporter  # the caller counts whole items
        python = str(item.origin["python"])
        with self._turns[python]:
            self._fetch_expected(python)
        if self._store.has(item.digest):
            return
        try:
            with self._downloaded([_exactly(item)], python, exact=True) as paths:
                for path in paths:
                    self._store.put_file(path, item.digest)
        except IndexSilent:
            raise
        except WheelUnavailable as error:
            said = "\n".join(error.details)
            if _OTHER_BYTES in said:
                raise BundleRefused(
                    f"The package index holds other bytes of {item.name} {item.version} than the lock pins.",
                    hint="Compare with what its project publishes before you pin it anew.",
                    details=error.details,
                ) from error
            if any(sign in said for sign in _NOT_THERE):
                raise ArtifactGone(item, "The package index", error.details) from error
            raise

    def _fetch_expected(self, python: str) -> None:
        """Have all expected wheels of a Python version; starting pip takes longer than most downloads."""
        # Two versions of one package are not asked for at once.
        mine = {item.name: item for item in self._expected if item.origin["python"] == python}
        self._expected = tuple(item for item in self._expected if item.origin["python"] != python)
        wanted = [item for item in mine.values() if not self._store.has(item.digest)]
        if len(wanted) < 2:
            return
        # Which of them fails, and why, is found out one by one.
        with (
            suppress(WheelUnavailable),
            self._downloaded([_exactly(item) for item in wanted], python, exact=True) as paths,
        ):
            for path in paths:
                self._store.put_file(path)

    def _item(self, path: Path, python: str, component: str) -> LockedItem:
        name, version, _, _ = parse_wheel_filename(path.name)
        blob = self._store.put_file(path)
        return LockedItem(
            kind=Kind.WHEEL,
            name=name,
            version=str(version),
            digest=blob.digest,
            blobs=(Blob(blob.digest, blob.size, _MEDIA_TYPE),),
            origin={"type": "pypi", "file": path.name, "python": python},
            licence="see METADATA in the wheel",
            needed_by=(component,),
            scope=f"python{python}",
        )

    @contextmanager
    def _downloaded(self, requirements: Sequence[str], python: str, exact: bool = False) -> Iterator[list[Path]]:
        """Yield the wheels in a folder that is gone afterwards."""
        with scratch_folder(self._scratch) as folder:
            listing = folder / "requirements.txt"
            listing.write_text("\n".join(requirements) + "\n")
            options = ["--no-deps", "--require-hashes"] if exact else []
            for platform in _PLATFORMS:
                options += ["--platform", platform]
            record = folder / "pip.log"
            try:
                run(
                    [sys.executable, "-m", "pip", "download", "--quiet", "--log", str(record), "--no-input",
                     "--disable-pip-version-check", "--only-binary=:all:", "--python-version", python,
                     "--implementation", "cp", *options, "--dest", str(folder), "--requirement", str(listing)],
                )  # fmt: skip
            except CommandFailed as error:
                if silence := unanswered(record.read_text() if record.exists() else ""):
                    hint = "Check this machine's network and proxy variables, and pip's index: `pip config list`."
                    raise IndexSilent("The package index does not answer.", hint, silence) from error
                raise WheelUnavailable(
                    f"The package index has no wheels of {', '.join(requirements)[:200]} for Python {python}.",
                    hint="Check the requirement, and pip's index: `pip config list`.",
                    details=error.details,
                ) from error
            yield sorted(folder.glob("*.whl"))


def unanswered(log: str) -> list[str]:
    """Return which addresses pip could not read, but for those that said that there is nothing."""
    reasons = [match["reason"] for match in _UNFETCHED.finditer(log)]
    return [reason for reason in reasons if not _LACKING.search(reason)][:5]


def _exactly(item: LockedItem) -> str:
    return f"{item.name}=={item.version} --hash={item.digest}"


def _environment(python: str) -> dict[str, str]:
    """Return what markers are compared with on a target; pip compares with the Python it runs on."""
    own = {name: str(value) for name, value in default_environment().items()}
    version = {"python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0"}
    return {**own, **version, "extra": ""}


def _applicable(lines: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Return the requirements that hold for a target, without their markers."""
    kept = []
    for line in sorted(lines):
        marker = Requirement(line).marker
        if marker is None or marker.evaluate(dict(environment)):
            kept.append(line.partition(";")[0].strip())
    return kept


def _lacking(wanted: Iterable[str], wheels: Iterable[Path], environment: Mapping[str, str]) -> set[str]:
    """Return what the wanted wheels need on a target and pip did not see that they do."""
    needs = {parse_wheel_filename(path.name)[0]: _requirements(path) for path in wheels}
    lacking: set[str] = set()
    seen: set[tuple[str, str]] = set()
    queue = [Requirement(line) for line in wanted]
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        if name not in needs:
            requirement.marker = None
            lacking.add(str(requirement))
            continue
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            about = {**environment, "extra": extra}
            queue += [need for need in needs[name] if need.marker is None or need.marker.evaluate(about)]
    return lacking


def _requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        described = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(described))
    return [Requirement(str(line)) for line in metadata.get_all("Requires-Dist") or ()]
