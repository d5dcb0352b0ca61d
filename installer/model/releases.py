"""Models, their releases, and who moved those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model, as it runs.

    Attributes:
        version: as the inventory has it; empty when it tells none.
        hash: what the cluster calls its copies by; empty while it has none.
        ready: copies that answer.
    """

    version: str
    hash: str
    ready: int

    def __str__(self) -> str:
        return self.version or self.hash or "-"


@dataclass(frozen=True)
class ModelSchedule:
    """An approval for a later time.

    Attributes:
        version: the only version that it is for.
        begins: from when it is done, in UTC.
        ends: until when; later it is missed.
        once: whether the first look decides; otherwise what may still come is waited for until the end.
        who: who agreed.
        alone: why the same person who released may agree.
        made: when it was agreed to, in UTC.
        outcome: `open`, `carried out`, `cancelled`, `refused`, `missed` or `failed`.
        words: why it ended so.
    """

    engine: str
    model: str
    version: str
    begins: str
    ends: str
    once: bool
    who: str
    reason: str
    alone: str
    made: str
    outcome: str
    words: str


@dataclass(frozen=True)
class ModelState:
    """How a model is.

    Attributes:
        engine: the component that serves it.
        phase: `Healthy`, `Progressing`, `Paused` or `Degraded`.
        stable: the version that takes over from no other any more; None while there is none.
        release: the one that takes over, or was taken back; None without one.
        share: of the requests, in percent, that the release gets.
        waits_for: `person`, `verdict`, `measurement`, `copies`, `hand`, or nothing when empty.
        since: since when it waits, where it does for somebody.
        words: what it waits for, or why it was taken back.
        ready: copies that answer, of all versions.
        wanted: copies that the inventory asks for.
        schedule: the approval for a later time that is open, or that came to nothing; None without one.
    """

    model: str
    engine: str
    namespace: str
    phase: str
    stable: ModelVersion | None
    release: ModelVersion | None
    share: int
    taken_back: bool
    waits_for: str
    since: str
    words: str
    ready: int
    wanted: int
    schedule: ModelSchedule | None = None


@dataclass(frozen=True)
class AuditBreak:
    """The first line of an audit log that is not what was written.

    Attributes:
        expected: the digest that was written down of it.
        found: the digest it has; empty when it is not there.
        why: what may have become of it.
    """

    line: int
    expected: str
    found: str
    why: str


@dataclass(frozen=True)
class Audit:
    """Who moved releases of models.

    Attributes:
        path: where the log is, on the admin host.
        entries: the oldest first.
        lines: how many are whole.
        digest: of the last of them; whoever notes it down can tell later that nothing before it was changed.
        broken: where it is not what was written; None when it is.
        torn: bytes of a last line that was cut off.
    """

    path: str
    entries: tuple[Mapping[str, str], ...]
    lines: int
    digest: str
    broken: AuditBreak | None
    torn: int
