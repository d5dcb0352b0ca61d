"""Who may ask the registry for what."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

# Nobody is compared with it: who names an unknown account takes as long as who names a known one.
_NOBODY = hashlib.sha256(b"").hexdigest()


class Accounts:
    """The accounts that a file names, by name: a digest of the password, and whether it may write.

    Passwords are long and random, as the Vault makes them, so that a plain digest tells nothing of them.

    Args:
        path: the file; another one in its place counts from the next request.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: tuple[int, ...] = ()
        self._known: Mapping[str, Mapping[str, object]] = {}

    def known(self, header: str) -> str:
        """Return who a header of HTTP's basic authentication names; empty when that is nobody."""
        kind, _, word = header.partition(" ")
        if kind.lower() != "basic":
            return ""
        try:
            name, _, password = base64.b64decode(word, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        account = self._read().get(name, {})
        given = hashlib.sha256(password.encode()).hexdigest()
        right = hmac.compare_digest(given, str(account.get("sha256", _NOBODY)))
        return name if right and password and account else ""

    def may_write(self, name: str) -> bool:
        """Return whether an account may change what there is."""
        return self._read().get(name, {}).get("writes") is True

    def _read(self) -> Mapping[str, Mapping[str, object]]:
        found = self._path.stat()
        state = (found.st_ino, found.st_mtime_ns, found.st_size)
        if state != self._state:
            self._known = json.loads(self._path.read_text())
            self._state = state
        return self._known
