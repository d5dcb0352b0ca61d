"""Decide whether a request may go on: a limit per key and model class, quotas per tenant and day."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Protocol

from inference_gateway.errors import RateLimited
from inference_gateway.valkey_store import StoreGone, ValkeyStore

# As long as a month's bill can be asked for.
KEEP_SECONDS = 62 * 86400
SCRIPT = files(__package__).joinpath("admission.lua").read_text()
PRESENCE = files(__package__).joinpath("presence.lua").read_text()
GATEWAYS, ABSENT_SECONDS = "aip:gateways", 10


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose request it is, and what that caller may use."""

    request_id: str
    tenant: str
    subject: str
    model_class: str
    limit: int
    window_seconds: int
    requests_per_day: int | None = None
    tokens_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request may go on, and what is left."""

    admitted: bool
    limit: int
    remaining: int
    reset_seconds: float
    window_seconds: int
    reason: str = ""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return what every answer tells about the limit."""
        reset = int(-(-self.reset_seconds // 1))
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % max(0, reset)),
            (b"ratelimit-policy", b"%d;w=%d" % (self.limit, self.window_seconds)),
        ]

    def refusal(self, now: datetime) -> RateLimited:
        """Return what a caller who may not go on is told."""
        if self.reason == "rate":
            message = f"The limit of {self.limit} requests in {self.window_seconds} s is used up."
            return RateLimited(message, reason=self.reason, retry_after=self.reset_seconds)
        tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        message = f"The tenant's quota of {self.reason} for today is used up."
        return RateLimited(message, reason=self.reason, retry_after=(tomorrow - now).total_seconds())


class Admission(Protocol):
    """Decides about requests, and is told what they cost."""

    async def admit(self, claim: Claim) -> Decision:
        """Decide about one request, and count it where it may go on."""
        ...

    def spend(self, tenant: str, tokens: int) -> None:
        """Count what a request cost in the end."""
        ...


def spent_key(tenant: str, day: datetime) -> str:
    """Return where a tenant's day is counted. The braces keep a tenant's keys in one slot of a cluster."""
    return f"aip:{{{tenant}}}:spent:{day:%Y-%m-%d}"


class LocalAdmission:
    """Grants one gateway's share alone: the limit divided by how many gateways there are, as far as is known."""

    def __init__(self, replicas: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how many may share the limits: as many do until it is known better."""
        self._most = self._replicas = replicas
        self._clock = clock
        self._windows: dict[tuple[str, str, str], deque[float]] = {}
        self._day = ""
        self._spent: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._swept = clock()

    async def admit(self, claim: Claim) -> Decision:
        """Decide by what this process has seen."""
        return self.decide(claim)

    def decide(self, claim: Claim) -> Decision:
        """Decide by what this process has seen."""
        now = self._clock()
        self._sweep(now, claim.window_seconds)
        share = max(1, claim.limit // self._replicas)
        window = self._windows.setdefault((claim.tenant, claim.subject, claim.model_class), deque())
        while window and window[0] <= now - claim.window_seconds:
            window.popleft()
        reset = window[0] + claim.window_seconds - now if window else float(claim.window_seconds)
        reason = "rate" if len(window) >= share else self._over_quota(claim)
        if reason:
            return Decision(False, share, share - len(window), reset, claim.window_seconds, reason)
        window.append(now)
        self._spent[claim.tenant][0] += 1
        return Decision(True, share, share - len(window), reset, claim.window_seconds)

    def shared_by(self, gateways: int) -> None:
        """Take how many gateways there are, this one among them."""
        self._replicas = min(max(1, gateways), self._most)

    def spend(self, tenant: str, tokens: int) -> None:
        """Count tokens."""
        self._spent[tenant][1] += tokens

    def _over_quota(self, claim: Claim) -> str:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        if today != self._day:
            self._day = today
            self._spent.clear()
        requests, tokens = self._spent[claim.tenant]
        if claim.requests_per_day is not None and requests >= -(-claim.requests_per_day // self._replicas):
            return "requests"
        if claim.tokens_per_day is not None and tokens >= -(-claim.tokens_per_day // self._replicas):
            return "tokens"
        return ""

    def _sweep(self, now: float, window_seconds: int) -> None:
        # Callers who left would stay in memory for ever.
        if now - self._swept > window_seconds:
            self._swept = now
            self._windows = {key: seen for key, seen in self._windows.items() if seen and seen[-1] > now - 3600}


class ValkeyAdmission:
    """Grants what all gateways grant together, by one script; the local share while Valkey is gone."""

    def __init__(
        self,
        store: ValkeyStore,
        local: LocalAdmission,
        fell_back: Callable[[], None],
        met: Callable[[float], None],
        ready: Callable[[], Awaitable[int]],
    ) -> None:
        """Take the store, who decides without it, and whom to tell that it did, and how many gateways there are.

        Args:
            ready: counts the gateways that are ready without the store; 0 where that is not known.
        """
        self._store = store
        self._local = local
        self._fell_back = fell_back
        self._met = met
        self._ready = ready
        self._name = secrets.token_hex(8)
        self._owed: dict[str, int] = defaultdict(int)

    async def admit(self, claim: Claim) -> Decision:
        """Decide together with all other gateways."""
        keys = [
            f"aip:{{{claim.tenant}}}:window:{claim.subject}:{claim.model_class}",
            spent_key(claim.tenant, datetime.now(UTC)),
        ]
        arguments: list[str | int] = [
            claim.limit,
            claim.window_seconds * 1000,
            claim.request_id,
            -1 if claim.requests_per_day is None else claim.requests_per_day,
            -1 if claim.tokens_per_day is None else claim.tokens_per_day,
            KEEP_SECONDS,
        ]
        try:
            admitted, reason, remaining, reset = await self._store.run_script(SCRIPT, keys, arguments)
        except StoreGone:
            self._fell_back()
            return self._local.decide(claim)
        return Decision(
            bool(admitted), claim.limit, int(remaining), float(reset) / 1000, claim.window_seconds, reason.decode()
        )

    def spend(self, tenant: str, tokens: int) -> None:
        """Count tokens; they are written by `settle`, many requests' in one go."""
        self._local.spend(tenant, tokens)
        self._owed[tenant] += tokens

    async def meet(self) -> None:
        """Say that this gateway is there, and see how many are.

        While Valkey is gone there are as many as are ready, or, where nobody knows that either, as many as before.
        """
        try:
            (there,) = await self._store.run_script(PRESENCE, [GATEWAYS], [self._name, ABSENT_SECONDS * 1000])
        except StoreGone:
            there = await self._ready()
        if there:
            self._local.shared_by(int(there))
            self._met(int(there))

    async def settle(self) -> None:
        """Write what was spent since the last time; what cannot be written is kept for the next."""
        owed, self._owed = self._owed, defaultdict(int)
        today = datetime.now(UTC)
        amounts = {spent_key(tenant, today): {"tokens": tokens} for tenant, tokens in owed.items() if tokens}
        if not amounts:
            return
        try:
            await self._store.add(amounts, KEEP_SECONDS)
        except StoreGone:
            for tenant, tokens in owed.items():
                self._owed[tenant] += tokens
