"""Find out who asks: an API key, or a token of the identity provider."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inference_gateway.errors import Forbidden, SettingsInvalid, Unauthenticated
from inference_gateway.keys import KeyRing, read_keys
from inference_gateway.settings import Settings, Tenant
from inference_gateway.tokens import TokenVerifier
from inference_gateway.valkey_store import StoreGone, ValkeyStore

log = logging.getLogger(__name__)

REVOKED = "aip:revoked-keys"
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. The subject is a key's id, or whom a token was made for."""

    tenant_name: str
    tenant: Tenant
    subject: str


class Authenticator:
    """Knows callers by their keys and tokens."""

    def __init__(self, settings: Settings, store: ValkeyStore | None, tokens: TokenVerifier | None) -> None:
        """Take the settings, where revocations are told (if anywhere), and who checks tokens (if anybody)."""
        self._tenants = settings.tenants
        self._file = settings.files.keys
        self._store = store
        self._tokens = tokens
        self._ring = KeyRing()
        self._revoked: frozenset[str] = frozenset()
        self._seen: tuple[int, int] | None = None

    def load(self) -> None:
        """Read the keys.

        Raises:
            SettingsInvalid: the file is damaged.
        """
        if self._file is not None:
            self._ring = read_keys(self._file)
            self._seen = _mark(self._file)

    async def watch(self) -> None:
        """Keep up with the file, and with what was revoked a moment ago and the file does not say yet."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once whether keys changed; what is known stays where nothing can be read."""
        if self._file is not None and _mark(self._file) != self._seen:
            try:
                self.load()
                log.info("keys were read again", extra={"event": "keys_reloaded", "keys": len(self._ring)})
            except SettingsInvalid as error:
                log.error("keys cannot be read; those read before are in use", extra={"reason": str(error)})
                self._seen = _mark(self._file)
        if self._store is not None:
            try:
                self._revoked = await self._store.members(REVOKED)
            except StoreGone:
                pass

    async def identify(self, authorization: str) -> Identity:
        """Return who sent an Authorization header.

        Raises:
            Unauthenticated: nobody that is known.
            Forbidden: somebody of no tenant.
        """
        scheme, _, credential = authorization.partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential:
            raise Unauthenticated("Send an API key: `Authorization: Bearer aip_…`.")
        if credential.startswith("aip_"):
            return self._by_key(credential)
        if self._tokens is None:
            raise Unauthenticated("The API key is not valid.")
        claims = await self._tokens.verify(credential)
        return self._of_tenant(claims.tenant, claims.subject)

    def _by_key(self, key: str) -> Identity:
        record = self._ring.find(key)
        if record is None or not record.is_good(datetime.now(UTC)) or record.id in self._revoked:
            raise Unauthenticated("The API key is not valid.")
        return self._of_tenant(record.tenant, record.id)

    def _of_tenant(self, name: str, subject: str) -> Identity:
        tenant = self._tenants.get(name)
        if tenant is None:
            raise Forbidden(f"The tenant {name!r} is not served here.")
        return Identity(name, tenant, subject)


def _mark(path: Path) -> tuple[int, int] | None:
    # A mounted secret is a link to a folder that is exchanged: the inode changes even where the time does not.
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
