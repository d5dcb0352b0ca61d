"""`bundle.lock.json`: sorted, readable in a diff."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from installer.errors import InvalidConfiguration, Problem
from installer.model.artifact import Lock

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


def write_lock(path: Path, lock: Lock) -> None:
    """Write the lock, whole or not at all."""
    document = _lock.dump_python(lock, mode="json")
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    temporary.replace(path)
