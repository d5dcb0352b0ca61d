"""API keys: made, hashed, kept in a file, found again."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from inference_gateway.errors import SettingsInvalid
from inference_gateway.owned_files import write_private

SHAPE = re.compile(r"aip_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is kept of a key: whose it is, and the hash by which it is known again."""

    id: str
    hash: str
    tenant: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    note: str = ""

    def is_good(self, now: datetime) -> bool:
        """Whether the key opens anything at a moment."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def digest(key: str) -> str:
    """Return what is kept of a key. It has 256 random bits, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(key.encode()).hexdigest()


def make_key(tenant: str, now: datetime, days: int | None, note: str) -> tuple[str, KeyRecord]:
    """Return a new key, which is shown once, and its record."""
    key_id = secrets.token_hex(6)
    key = f"aip_{key_id}_{secrets.token_urlsafe(32)}"
    expires = now + timedelta(days=days) if days else None
    return key, KeyRecord(key_id, digest(key), tenant, now, expires, None, note)


class KeyRing:
    """The keys there are, by their ids."""

    def __init__(self, records: Iterable[KeyRecord] = ()) -> None:
        """Index the records."""
        self._records = {record.id: record for record in records}

    def __len__(self) -> int:
        return len(self._records)

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """Return all records, oldest first."""
        return tuple(sorted(self._records.values(), key=lambda record: (record.created, record.id)))

    def find(self, key: str) -> KeyRecord | None:
        """Return the record of a presented key, good or not."""
        shape = SHAPE.fullmatch(key)
        record = self._records.get(shape[1]) if shape else None
        return record if record and hmac.compare_digest(record.hash, digest(key)) else None

    def with_record(self, record: KeyRecord) -> KeyRing:
        """Return a ring that holds one record more."""
        return KeyRing([*self._records.values(), record])

    def revoked(self, key_id: str, now: datetime) -> KeyRing:
        """Return a ring in which a key opens nothing any more.

        Raises:
            KeyError: there is no such key.
        """
        record = self._records[key_id]
        return KeyRing([*self._records.values(), replace(record, revoked=record.revoked or now)])


def read_keys(path: Path) -> KeyRing:
    """Return the keys of a file; a file that is not there yet holds none.

    Raises:
        SettingsInvalid: the file is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return KeyRing()
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}") from error
    try:
        return KeyRing(_record(entry) for entry in orjson.loads(content)["keys"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise SettingsInvalid(f"{path} holds no API keys ({error!r}). Restore it, or make keys anew.") from error


def write_keys(path: Path, ring: KeyRing) -> None:
    """Write the keys so that a reader sees the old file or the new one, and only the owner sees either."""
    entries = [
        {
            "id": record.id,
            "hash": record.hash,
            "tenant": record.tenant,
            "created": record.created.isoformat(),
            "expires": record.expires and record.expires.isoformat(),
            "revoked": record.revoked and record.revoked.isoformat(),
            "note": record.note,
        }
        for record in ring.records
    ]
    write_private(path, orjson.dumps({"keys": entries}, option=orjson.OPT_INDENT_2) + b"\n")


def _record(entry: dict[str, Any]) -> KeyRecord:
    return KeyRecord(
        id=entry["id"],
        hash=entry["hash"],
        tenant=entry["tenant"],
        created=datetime.fromisoformat(entry["created"]),
        expires=datetime.fromisoformat(entry["expires"]) if entry.get("expires") else None,
        revoked=datetime.fromisoformat(entry["revoked"]) if entry.get("revoked") else None,
        note=entry.get("note", ""),
    )
