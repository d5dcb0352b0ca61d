"""`bundle.lock.json`: sorted, readable in a diff."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from installer.errors import InvalidConfiguration, Problem
from installer.model.artifact import Lock, digest_of

_lock = TypeAdapter(Lock)


def read_lock(path: Path) -> Lock | None:
    """Return the lock, or None when there is none yet.

    Raises:
        InvalidConfiguration: the file is no lock.
    """
    if not path.exists():
        return None
    try:
        return _lock.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
        cure = "Restore it from version control, or remove it and run `platform-install bundle lock`."
        raise InvalidConfiguration([Problem(str(path), message, cure)], "the lock") from error


def stands_in(path: Path, original: Path) -> bool:
    """Return whether a lock was made to stand in for another as that is now."""
    if not path.exists() or not original.exists():
        return False
    try:
        lock = read_lock(path)
    except InvalidConfiguration:
        # It can be made again; the original is what counts.
        return False
    return lock is not None and lock.based_on == digest_of(original.read_bytes())


def write_lock(path: Path, lock: Lock) -> None:
    """Write the lock, whole or not at all."""
    document = _lock.dump_python(lock, mode="json", exclude_none=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    temporary.replace(path)
