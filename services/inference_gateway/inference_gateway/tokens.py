"""Check tokens of an OpenID Connect provider by its public keys."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from inference_gateway.errors import GatewayError, Unauthenticated
from inference_gateway.settings import Jwt

if TYPE_CHECKING:
    import jwt

log = logging.getLogger(__name__)

# A token is checked once a minute, not once a request: a signature costs more than all else here.
REMEMBER_SECONDS = 60.0
REMEMBER_MOST = 4096
# An unknown key id makes the keys be fetched again, but nobody can make us do that all the time.
SOONEST_SECONDS = 10.0


class ProviderUnreachable(GatewayError):
    """The provider's public keys were never had, so no token can be judged."""

    status, code = 503, "identity_provider_unreachable"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says that is used here."""

    tenant: str
    subject: str


class TokenVerifier:
    """Checks signature, issuer, audience and times."""

    def __init__(self, settings: Jwt) -> None:
        """Take where the public keys are."""
        # 10 MiB of memory that a site without tokens does not need.
        import jwt

        self._jwt = jwt
        self._settings = settings
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()
        self._known: dict[bytes, tuple[float, Claims]] = {}

    async def verify(self, token: str) -> Claims:
        """Return a token's claims.

        Raises:
            Unauthenticated: it is not valid.
            ProviderUnreachable: that cannot be told.
        """
        mark = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(mark)
        if known and time.time() < known[0]:
            return known[1]
        try:
            key = await self._key(self._jwt.get_unverified_header(token).get("kid"))
            values: dict[str, Any] = self._jwt.decode(
                token,
                key,
                algorithms=list(self._settings.algorithms),
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=10,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (self._jwt.PyJWTError, UnicodeError) as error:
            raise Unauthenticated(f"The token is not valid: {error}") from error
        tenant = values.get(self._settings.tenant_claim)
        if not isinstance(tenant, str):
            raise Unauthenticated(f"The token has no claim {self._settings.tenant_claim!r}.")
        claims = Claims(tenant, str(values["sub"]))
        if len(self._known) >= REMEMBER_MOST:
            self._known.clear()
        self._known[mark] = (min(time.time() + REMEMBER_SECONDS, float(values["exp"])), claims)
        return claims

    async def _key(self, key_id: str | None) -> jwt.PyJWK:
        async with self._fetching:
            age = time.monotonic() - self._fetched
            stale = age > self._settings.refresh_seconds
            if stale or (key_id not in self._keys and age > SOONEST_SECONDS):
                await self._refresh()
        if not self._keys:
            raise ProviderUnreachable("The identity provider's keys cannot be had.", retry_after=SOONEST_SECONDS)
        key = self._keys.get(key_id)
        if key is None:
            raise Unauthenticated("The token is signed with a key that its issuer does not have.")
        return key

    async def _refresh(self) -> None:
        self._fetched = time.monotonic()
        try:
            found = self._jwt.PyJWKSet.from_dict(await self._read())
        except (OSError, aiohttp.ClientError, TimeoutError, ValueError, self._jwt.PyJWTError) as error:
            log.warning("the issuer's keys cannot be had; those had before are in use", extra={"reason": repr(error)})
            return
        # Kept under None too where it is the only one: a token need not name the key then.
        keys: dict[str | None, jwt.PyJWK] = {key.key_id: key for key in found.keys}
        if len(found.keys) == 1:
            keys[None] = found.keys[0]
        self._keys = keys

    async def _read(self) -> dict[str, Any]:
        if self._settings.jwks_file is not None:
            content: dict[str, Any] = json.loads(self._settings.jwks_file.read_bytes())
            return content
        context = ssl.create_default_context(cafile=self._settings.ca_file)
        timeout = aiohttp.ClientTimeout(total=5)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.get(self._settings.jwks_url) as response,
        ):
            response.raise_for_status()
            fetched: dict[str, Any] = json.loads(await response.read())
            return fetched
