"""Keep answers that would be given again in the same words."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from inference_gateway.answers import Answer
from inference_gateway.settings import Cache
from inference_gateway.valkey_store import StoreGone, ValkeyStore

# They say who asks or how the answer travels, not what it is.
OF_NO_MATTER = frozenset({"model", "user", "stream", "stream_options", "metadata", "store", "safety_identifier"})


class ResultCache:
    """Answers by the digest of the model that gave them: a promotion or a rollback finds none of the other's."""

    def __init__(self, settings: Cache, store: ValkeyStore | None) -> None:
        """Take how long answers are kept, and where."""
        self._settings = settings
        self._store = store if settings.enabled else None

    def key(self, digest: str, operation: str, tenant: str, body: dict[str, Any]) -> str | None:
        """Return where an answer is kept; None where it must not be, as its model is not known or it is drawn."""
        if not self._settings.enabled or not digest:
            return None
        if operation != "embeddings" and (body.get("temperature") != 0 or body.get("n") not in (None, 1)):
            return None
        asked = {name: value for name, value in body.items() if name not in OF_NO_MATTER}
        canonical = orjson.dumps([digest, operation, tenant, asked], option=orjson.OPT_SORT_KEYS)
        return f"aip:answer:{hashlib.sha256(canonical).hexdigest()}"

    async def find(self, key: str) -> Answer | None:
        """Return a kept answer; none while Valkey is gone."""
        if self._store is None:
            return None
        try:
            kept = await self._store.read(key)
        except StoreGone:
            return None
        return Answer.unpacked(kept) if kept else None

    async def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer, unless it is large or Valkey is gone."""
        if self._store is None or len(answer.body) > self._settings.entry_bytes:
            return
        try:
            await self._store.write(key, answer.packed(), self._settings.ttl_seconds)
        except StoreGone:
            pass
