"""What workflows need from the outside world. Adapters implement these; tests fake them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from installer.model.artifact import Blob, LockedItem
from installer.model.events import Event
from installer.model.plan import Step, StepResult


class Reporter(Protocol):
    """Tells the operator what happens."""

    def emit(self, event: Event) -> None:
        """Tell one event; never raises, never waits for the operator."""


class ArtifactStore(Protocol):
    """Blobs by digest. Content is checked on its way in; a blob that is there is whole."""

    def has(self, digest: str) -> bool:
        """Return whether the blob is there."""

    def path(self, digest: str) -> Path:
        """Return where the blob lies.

        Raises:
            KeyError: it is not there.
        """

    def put(self, content: BinaryIO, expected: str | None = None) -> Blob:
        """Take bytes in by streaming; with `expected`, refuse any others.

        Raises:
            BundleRefused: the bytes have another digest.
        """

    def put_bytes(self, content: bytes, media_type: str = "application/octet-stream") -> Blob:
        """Take a small document in."""


class ArtifactSource(Protocol):
    """Fetches or makes the blobs of locked items of one origin."""

    def fetch(self, item: LockedItem, store: ArtifactStore, reporter: Reporter) -> None:
        """Put every blob of the item into the store.

        Raises:
            ArtifactUnavailable: the source does not have it any more, or has other bytes.
        """


class PlaybookRunner(Protocol):
    """Runs one verb of one component on its hosts."""

    def run(self, step: Step, variables: Mapping[str, Any], reporter: Reporter) -> StepResult:
        """Run the step to its end and return what it did; a failure is a result, not an error."""


class Journal(Protocol):
    """Remembers what was done, so that a killed run can go on."""

    def last_good(self, component: str) -> str | None:
        """Return the fingerprint of the last deployment that was verified."""

    def started(self, step: Step) -> None:
        """Write down that a step begins."""

    def finished(self, step: Step, result: StepResult) -> None:
        """Write down how a step ended."""


class Confirmation(Protocol):
    """Asks the operator."""

    def __call__(self, question: str) -> bool:
        """Return whether the operator agrees."""


Clock = Callable[[], float]
Chunks = Iterator[bytes]
Locked = AbstractContextManager[None]
Arguments = Sequence[str]
