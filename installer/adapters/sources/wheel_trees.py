"""Python libraries of an image: pinned wheels, unpacked beside each other as an interpreter looks for them.

Nothing of a wheel is run. What it would install elsewhere than among libraries, programs above all, is
left out; so are compiled files, whose bytes tell when and where they were made.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from installer.adapters.sources.images import Content, Tree
from installer.errors import BundleRefused, InvalidConfiguration, Problem
from installer.model.artifact import LockedItem

# Debian's newest C library that images are made with is 2.41; no wheel of a service wants a newer one.
_PLATFORMS = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(5, 42)),
    "manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64",
)  # fmt: skip
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;*]+)(\s+--hash=\S+)*")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})(?=\s|$)")
_SYMBOLIC_LINK, _KINDS = 0o120000, 0o170000
# A library that is larger is no library.
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Pin:
    """One wheel as a service's requirements name it: any file of these hashes."""

    name: str
    version: str
    hashes: frozenset[str]

    def line(self) -> str:
        """Return it as pip reads it."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={digest}" for digest in sorted(self.hashes))])


def read_pins(path: Path) -> tuple[Pin, ...]:
    """Return what a service's file of requirements pins.

    Raises:
        InvalidConfiguration: the file is missing, or a line pins no version or no hash, or holds something else.
    """
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        problem = Problem(str(path), "is not there.", "Pin the service's requirements with their hashes.")
        raise InvalidConfiguration([problem], "the services") from error
    pins, problems = [], []
    for number, line in _logical_lines(text):
        found, hashes = _PIN.fullmatch(line), frozenset(_HASH.findall(line))
        if found is None:
            problems.append(Problem(f"{path}:{number}", f"`{line.split(' --')[0]}` is no `name==version` alone."))
        elif not hashes:
            problems.append(Problem(f"{path}:{number}", f"{found['name']} has no hash.", "Add `--hash=sha256:…`."))
        else:
            pins.append(Pin(canonicalize_name(found["name"]), found["version"], hashes))
    if problems:
        raise InvalidConfiguration(problems, "the services")
    return tuple(pins)


def are_pinned(wheels: Sequence[LockedItem], pins: Sequence[Pin]) -> bool:
    """Return whether these wheels are one file of each pin, and no others."""
    hashes = {pin.name: pin.hashes for pin in pins}
    of_pins = all(wheel.digest in hashes.get(canonicalize_name(wheel.name), ()) for wheel in wheels)
    return of_pins and sorted(canonicalize_name(wheel.name) for wheel in wheels) == sorted(hashes)


def unpack_wheels(wheels: Iterable[tuple[str, Path]], python: str, to: str) -> Tree:
    """Return a tree with the libraries of wheels.

    Args:
        wheels: the name of each wheel's file, which says what it is for, and where its bytes are.
        python: the interpreter's version: `3.13`.
        to: the folder in the image.

    Raises:
        BundleRefused: a wheel is for another interpreter or platform, would write outside its place, holds links,
            names a file twice or one of another wheel, or is larger than it may be.
    """
    tree = Tree()
    owners: dict[str, str] = {}
    for file, path in sorted(wheels):
        _refuse_unfit(file, python)
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.infolist(), key=lambda entry: entry.filename):
                below = _place(file, member)
                if below is None:
                    continue
                if below in owners:
                    raise BundleRefused(f"The wheels {owners[below]} and {file} both hold {below}.", hint=_HINT)
                owners[below] = file
                tree.files[f"{to.strip('/')}/{below}"] = Content(data=_read(archive, member, file))
    return tree


_HINT = "Nothing of it was used. Compare the wheel with what its project publishes."


def _logical_lines(text: str) -> Iterable[tuple[int, str]]:
    """Yield lines with those that continue them, and where they begin."""
    begun, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        first = first if begun else number
        if line.endswith("\\"):
            begun += line[:-1].strip() + " "
            continue
        if whole := (begun + line).strip():
            yield first, whole
        begun = ""
    if begun.strip():
        yield first, begun.strip()


def _refuse_unfit(file: str, python: str) -> None:
    major, _, minor = python.partition(".")
    version = (int(major), int(minor))
    fitting = {
        *cpython_tags(version, platforms=_PLATFORMS),
        *compatible_tags(version, "cp" + major + minor, _PLATFORMS),
    }
    if not parse_wheel_filename(file)[3] & fitting:
        raise BundleRefused(f"The wheel {file} is not for Python {python} on linux/amd64.", hint=_HINT)


def _place(file: str, member: zipfile.ZipInfo) -> str | None:
    """Return where a member goes among libraries, or nothing for what has no place there."""
    name = member.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not path.parts:
        raise BundleRefused(f"The wheel {file} would write to {name!r}.", hint=_HINT)
    if (member.external_attr >> 16) & _KINDS == _SYMBOLIC_LINK:
        raise BundleRefused(f"The wheel {file} holds a link, {name}.", hint=_HINT)
    parts = path.parts
    if parts[0].endswith(".data"):
        if len(parts) < 3 or parts[1] not in ("purelib", "platlib"):
            return None
        parts = parts[2:]
    if member.is_dir() or "__pycache__" in parts or name.endswith(".pyc"):
        return None
    return "/".join(parts)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> bytes:
    if member.file_size > _MOST_BYTES:
        raise BundleRefused(f"The wheel {file} holds {member.filename} of {member.file_size} bytes.", hint=_HINT)
    try:
        # Never more than the archive says that there is: the rest of a member that is larger is not unpacked.
        return archive.read(member)
    # The library's words for damage, for a way of packing that it does not know, and for a member that is encrypted.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BundleRefused(f"The wheel {file} is damaged at {member.filename}: {error}.", hint=_HINT) from error
