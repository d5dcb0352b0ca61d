"""What workflows need from the outside world. Adapters implement these; tests fake them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from installer.model.artifact import Blob, ChartSpec, FileSpec, GoLock, ImageSpec, LockedItem
from installer.model.backup import BackupSet
from installer.model.bundle import DebianTarget
from installer.model.deployed import Deployed, Ingredients
from installer.model.events import Event
from installer.model.evidence import Look
from installer.model.models import ModelEntry
from installer.model.plan import Job, Step, StepResult
from installer.model.registered import CatalogLook, Collection, Promotion
from installer.model.releases import ModelState


class Reporter(Protocol):
    """Tells the operator what happens."""

    def emit(self, event: Event) -> None:
        """Tell one event; never raises, never waits for the operator."""


class BlobSink(Protocol):
    """Takes chunks and knows the blob they make."""

    @property
    def blob(self) -> Blob:
        """Return what was written so far."""

    def __call__(self, chunk: bytes) -> None:
        """Write one chunk."""


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

    def put_file(self, path: Path, expected: str | None = None) -> Blob:
        """Take a file in, without copying it where the file system allows."""

    def writer(self, expected: str | None = None) -> AbstractContextManager[BlobSink]:
        """Return a context that takes a blob chunk by chunk."""


class ArtifactSources(Protocol):
    """Pins what components declare, and has what a lock pins. May be used by several threads."""

    def expect(self, items: Iterable[LockedItem]) -> None:
        """Be told which items will be fetched; refuse when there is no room to make them."""

    def expect_everything(self) -> None:
        """Be told that everything will be pinned; refuse when there is no room to make it."""

    def image(self, component: str, spec: ImageSpec) -> tuple[LockedItem, ...]:
        """Pin an image, one item for each platform wanted."""

    def chart(self, component: str, spec: ChartSpec) -> LockedItem:
        """Pin a chart."""

    def file(self, component: str, spec: FileSpec) -> tuple[LockedItem, ...]:
        """Pin a file, one item for each architecture wanted."""

    def packages(self, target: DebianTarget, wanted: Mapping[str, Sequence[str]]) -> tuple[LockedItem, ...]:
        """Pin the packages of all components and what they need on one target."""

    def wheels(self, python: str, wanted: Mapping[str, Sequence[str]]) -> tuple[LockedItem, ...]:
        """Pin wheels of all components and what they need for one Python version."""

    def directory(self, name: str, folder: Path) -> tuple[LockedItem, ...]:
        """Pin the files of a folder the site brings itself."""

    def model(self, entry: ModelEntry) -> tuple[LockedItem, ...]:
        """Pin a model as an image, once its files were found fit to be carried.

        Raises:
            InvalidConfiguration: they are not; everything that is wrong is listed.
        """

    def fetch(self, item: LockedItem) -> None:
        """Put every blob of a locked item into the store.

        Raises:
            PlatformError: the source does not have it any more, or has other bytes.
        """

    @property
    def tools(self) -> tuple[LockedItem, ...]:
        """Return what was used to make things, for the lock."""

    @property
    def go_locks(self) -> Mapping[str, GoLock]:
        """Return the build lists resolved, for the lock."""


class StepEnded(Protocol):
    """Told how each step of a job ended, as soon as it has."""

    def __call__(self, step: Step, result: StepResult, /) -> None:
        """Take one step's result."""


class PlaybookRunner(Protocol):
    """Runs verbs of components on their hosts."""

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        """Run a job's steps in order.

        A failure is a result, not an error; later steps still run when they verify something else.
        """

    def stop(self) -> None:
        """End what runs, and return when it has ended; its steps are told as neither good nor failed."""


class Evidence(Protocol):
    """Finds what explains a failure."""

    def gather(self, look: Look) -> tuple[str, ...]:
        """Return the lines that explain it, the telling ones last; never raises, and ends soon."""


class Journal(Protocol):
    """Remembers what was done, so that a killed run can go on."""

    def begin_run(self, command: str, bundle: str) -> int:
        """Write down that a run begins, and return its number."""

    def end_run(self, run: int, outcome: str) -> None:
        """Write down how a run ended."""

    def begin_step(self, run: int, step: Step, parts: Ingredients | None) -> None:
        """Write down that a step begins; what it deploys is not good until it is verified."""

    def end_step(self, run: int, step: Step, result: StepResult) -> None:
        """Write down how a step ended."""

    def deployed(self) -> Mapping[str, Deployed]:
        """Return what is known of every component."""

    def durations(self) -> Mapping[str, float]:
        """Return the seconds each step took when it ran well and was least disturbed by others."""

    def rebuilt_since(self, moment: datetime) -> datetime | None:
        """Return when the run began that set the site up anew after a moment; None when none did."""


class BackupStore(Protocol):
    """Keeps sets of backups."""

    def begin(self, set_id: str) -> Path:
        """Return the folder of a new set; what is left of sets that were broken off goes."""

    def finish(self, backup: BackupSet) -> None:
        """Complete a set whose files are all there.

        Raises:
            BackupRefused: a file is missing, or is not what was counted on its host.
        """

    def sets(self) -> tuple[BackupSet, ...]:
        """Return the sets that are whole by their manifests, the oldest first."""

    def delete(self, backup: BackupSet) -> None:
        """Delete a set."""


class Models(Protocol):
    """Knows how the models of a site are."""

    def look(self, model: str, other_than: str = "") -> tuple[tuple[ModelState, ...], str]:
        """Return how one model is, or all, and what tells that it was so.

        Args:
            model: its name; all when empty.
            other_than: what told how it was: the answer waits for a while until it is otherwise.

        Raises:
            UsageError: there is no such model.
            ComponentFailed: nobody answers.
        """


class ModelCatalog(Protocol):
    """Keeps the versions of a site's models, and which of them are in dev, staging and production."""

    def look(self, model: str = "") -> CatalogLook:
        """Return which versions there are, and where that differs from what the site has.

        Args:
            model: its name; all when empty.

        Raises:
            ComponentFailed: nobody answers.
        """

    def promote(self, model: str, version: str, stage: str, reason: str, *, dry: bool) -> Promotion:
        """Have a stage point to a version.

        Raises:
            UsageError: it does not fit how things are; nothing was changed.
            ComponentFailed: nobody answers, or it could not be done.
        """

    def collect(self, model: str, days: float, only: Sequence[str], *, dry: bool) -> Collection:
        """Delete versions that nobody needs, and return which, and why others stay.

        Args:
            model: its name; all when empty.
            days: how old one must be.
            only: names and versions of those that may be deleted; a rehearsal names all.
            dry: whether only to say so.

        Raises:
            ComponentFailed: nobody answers, or it could not be done.
        """


class PageStore(Protocol):
    """Keeps rendered files."""

    def differing(self, pages: Mapping[str, str]) -> tuple[str, ...]:
        """Return the paths of files that are not there or hold another text."""

    def write(self, path: str, text: str) -> None:
        """Write a file, whole or not at all."""


class Confirmation(Protocol):
    """Asks the operator."""

    def __call__(self, question: str) -> bool:
        """Return whether the operator agrees."""


Clock = Callable[[], datetime]
