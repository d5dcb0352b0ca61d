"""Sets of backups as folders: one is whole when its manifest is there, which is written last."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from installer.engine.backups import is_set_id, part_of
from installer.errors import BackupRefused
from installer.model.backup import BackupSet

_MANIFEST = "manifest.json"
_FORMAT = "platform-backup/1"
_SEAL = "sha256"


class BackupFolder:
    """Sets below one folder."""

    def __init__(self, folder: Path) -> None:
        """Work below a folder; it need not be there."""
        self._folder = folder

    def begin(self, set_id: str) -> Path:
        """Return the folder of a new set; what is left of sets that were broken off goes."""
        for entry in self._entries():
            if not (entry / _MANIFEST).exists():
                shutil.rmtree(entry)
        place = self._folder / set_id
        place.mkdir(parents=True, mode=0o700)
        return place

    def finish(self, backup: BackupSet) -> None:
        """Complete a set whose files are all there.

        Raises:
            BackupRefused: a file is missing, or is not what was counted on its host.
        """
        place = self._folder / backup.id
        _require_whole(backup, place, "The set is not completed.")
        for path in place.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
            _flush(path)
        half = place / f"{_MANIFEST}.half"
        half.write_text(_sealed(document_of(backup)))
        half.chmod(0o600)
        _flush(half)
        half.replace(place / _MANIFEST)
        _flush(place)

    def sets(self) -> tuple[BackupSet, ...]:
        """Return the sets whose manifests can be read, the oldest first; a damaged one is for who asks for it."""
        found = []
        for entry in self._entries():
            with contextlib.suppress(BackupRefused):
                found.append(_read(entry))
        return tuple(found)

    def newest(self) -> Path | None:
        """Return the folder of the newest set, damaged or not; what was broken off is none."""
        return max((entry for entry in self._entries() if (entry / _MANIFEST).exists()), default=None)

    def delete(self, backup: BackupSet) -> None:
        """Delete a set, its manifest first: half of it is none."""
        place = self._folder / backup.id
        (place / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(place)

    def _entries(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(entry for entry in self._folder.iterdir() if entry.is_dir() and is_set_id(entry.name))


def open_set(place: Path) -> BackupSet:
    """Return a set whose every file is as its manifest says.

    Raises:
        BackupRefused: there is none, it was broken off, or a file is missing or changed.
    """
    if not (place / _MANIFEST).is_file():
        what = "a set that was broken off, for it has no manifest" if place.is_dir() else "no set"
        raise BackupRefused(
            f"{place} is {what}; nothing was touched.", hint="`platform-install backup` says where sets are."
        )
    backup = _read(place)
    _require_whole(backup, place, "Nothing was touched.")
    return backup


def document_of(backup: BackupSet) -> dict[str, Any]:
    """Return a set's manifest as plain data."""
    return {
        "format": _FORMAT,
        "id": backup.id,
        "site": backup.site,
        "began": _moment(backup.began),
        "ended": _moment(backup.ended),
        "as_of": _moment(backup.as_of),
        "rpo_seconds": backup.recovery_point_seconds,
        "bundle": backup.bundle,
        "tool": backup.tool,
        "components": {
            name: {
                "as_of": _moment(part.as_of),
                "version": part.version,
                "holds": dict(part.holds),
                "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in part.files],
            }
            for name, part in backup.components.items()
        },
    }


def _read(place: Path) -> BackupSet:
    path = place / _MANIFEST
    try:
        document = json.loads(path.read_text())
        seal = document.pop(_SEAL)
        if document["format"] != _FORMAT or seal != _digest(document) or document["id"] != place.name:
            raise ValueError("it is not what was written, or its folder was given another name")
        return BackupSet(
            id=document["id"],
            site=document["site"],
            began=datetime.fromisoformat(document["began"]),
            ended=datetime.fromisoformat(document["ended"]),
            components={name: part_of(part) for name, part in document["components"].items()},
            bundle=document["bundle"],
            tool=document["tool"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupRefused(
            f"The manifest {path} cannot be used: {error}. Nothing was touched.",
            hint="Use another set, or a copy of this one.",
        ) from error


def _require_whole(backup: BackupSet, place: Path, outcome: str) -> None:
    if problems := list(_damage(backup, place)):
        raise BackupRefused(
            f"The set {place} is not whole: {len(problems)} of its files. {outcome}",
            hint="Use another set, or a copy of this one.",
            details=problems,
        )


def _damage(backup: BackupSet, place: Path) -> Iterator[str]:
    for name, part in backup.components.items():
        for file in part.files:
            path = place / name / file.path
            if not path.is_file():
                yield f"{name}/{file.path} is missing."
            elif path.stat().st_size != file.size:
                yield f"{name}/{file.path} has {path.stat().st_size} bytes instead of {file.size}."
            elif _file_digest(path) != file.sha256:
                yield f"{name}/{file.path} was changed: its digest is another one."


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _sealed(document: dict[str, Any]) -> str:
    return json.dumps({**document, _SEAL: _digest(document)}, indent=1) + "\n"


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="seconds")


def _flush(path: Path) -> None:
    """See that what was written is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
