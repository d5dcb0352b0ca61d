"""Stand-ins for the outside world that implement ports, and short ways to make frozen data."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from installer.errors import BundleRefused
from installer.model.artifact import Artifacts, Blob, Kind, LockedItem, digest_of
from installer.model.catalog import Catalog
from installer.model.component import Component, Description, Layer
from installer.model.deployed import Deployed, Ingredients
from installer.model.events import Event
from installer.model.evidence import Look
from installer.model.inventory import Host, Inventory
from installer.model.plan import Change, Job, Plan, PlannedComponent, Step, StepResult, TaskFailure
from installer.model.releases import ModelState
from installer.ports import Confirmation, Reporter, StepEnded

GOOD = StepResult(ok=True, changed=0, seconds=1.0)
BAD = StepResult(ok=False, changed=0, seconds=1.0)


class RecordingReporter:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Event]) -> list[Any]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class MemoryStore:
    """An artefact store in memory; `path` writes a blob below a folder when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.blobs: dict[str, bytes] = {}
        self._folder = folder

    def has(self, digest: str) -> bool:
        return digest in self.blobs

    def path(self, digest: str) -> Path:
        content = self.blobs[digest]
        place = self._folder / digest.removeprefix("sha256:")
        if not place.exists():
            place.write_bytes(content)
        return place

    def put(self, content: BinaryIO, expected: str | None = None) -> Blob:
        return self._keep(content.read(), expected)

    def put_bytes(self, content: bytes, media_type: str = "application/octet-stream") -> Blob:
        kept = self._keep(content, None)
        return Blob(kept.digest, kept.size, media_type)

    def put_file(self, path: Path, expected: str | None = None) -> Blob:
        return self._keep(path.read_bytes(), expected)

    @contextlib.contextmanager
    def writer(self, expected: str | None = None) -> Iterator[MemoryWriter]:
        writer = MemoryWriter()
        yield writer
        self._keep(bytes(writer.content), expected)

    def _keep(self, content: bytes, expected: str | None) -> Blob:
        digest = digest_of(content)
        if expected not in (None, digest):
            raise BundleRefused(f"The bytes have the digest {digest}, not {expected}.")
        self.blobs[digest] = content
        return Blob(digest, len(content))


class MemoryWriter:
    """Takes chunks into memory."""

    def __init__(self) -> None:
        self.content = bytearray()

    def __call__(self, chunk: bytes) -> None:
        self.content += chunk

    @property
    def blob(self) -> Blob:
        return Blob(digest_of(bytes(self.content)), len(self.content))


class MemoryJournal:
    """A journal that forgets when the test ends."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.known: dict[str, Deployed] = {}
        self.rebuilt: datetime | None = None

    def rebuilt_since(self, moment: datetime) -> datetime | None:
        return self.rebuilt

    def begin_run(self, command: str, bundle: str) -> int:
        self.entries.append(("begin run", command, bundle))
        return 1

    def end_run(self, run: int, outcome: str) -> None:
        self.entries.append(("end run", outcome))

    def begin_step(self, run: int, step: Step, parts: Ingredients | None) -> None:
        self.entries.append(("begin", step.name))

    def end_step(self, run: int, step: Step, result: StepResult) -> None:
        self.entries.append(("end", step.name, result.ok))

    def deployed(self) -> Mapping[str, Deployed]:
        return self.known

    def durations(self) -> Mapping[str, float]:
        return {}


class ScriptedRunner:
    """Ends each step as it was told to; good when it was not."""

    def __init__(self, results: Mapping[str, StepResult] | None = None) -> None:
        self.results = dict(results or {})
        self.ran: list[str] = []
        self.stopped = False
        self._guard = threading.Lock()

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        for step in job.steps:
            with self._guard:
                self.ran.append(step.name)
            ended(step, self.results.get(step.name, GOOD))

    def stop(self) -> None:
        self.stopped = True


def answering(answer: bool) -> Confirmation:
    """Return an operator who always answers the same."""
    return lambda question: answer


def component(name: str, *needs: str, layer: str = "host", **described: Any) -> Component:
    """Return a component with nothing but what is given."""
    description = Description(
        summary=name, layer=Layer(layer), runs_on=described.pop("runs_on", "all"), needs=tuple(needs), **described
    )
    return Component(name, description, frozenset({"deploy", "verify", "remove"}))


def catalog(*components: Component) -> Catalog:
    """Return a catalogue of components."""
    return Catalog({entry.name: entry for entry in components})


def artifacts(**brought: Any) -> Artifacts:
    """Return what a component brings."""
    return Artifacts(**brought)


def inventory(variables: Mapping[str, Any] | None = None, **hosts: str) -> Inventory:
    """Return an inventory of hosts, each with its groups in one string, at addresses in their order."""
    made = {
        name: Host(name, frozenset(groups.split()), {"ansible_host": f"192.0.2.{number}"})
        for number, (name, groups) in enumerate(hosts.items(), 11)
    }
    return Inventory("site", Path("inventories/site"), made, dict(variables or {}))


def item(name: str, content: bytes = b"", kind: Kind = Kind.FILE, **given: Any) -> LockedItem:
    """Return a locked item of one blob; its content is its name when none is given."""
    content = content or name.encode()
    blob = Blob(digest_of(content), len(content))
    facts = {"version": "1.0", "origin": {"type": "file"}, "licence": "Apache-2.0", "needed_by": ("a",), **given}
    return LockedItem(kind=kind, name=name, digest=blob.digest, blobs=(blob,), **facts)


def model(phase: str = "Healthy", **told: Any) -> ModelState:
    """Return how a model is; one without a release, where nothing else is told."""
    known: dict[str, Any] = {
        "model": "tiny", "engine": "llamacpp", "namespace": "llamacpp", "stable": None, "release": None, "share": 0,
        "taken_back": False, "waits_for": "", "since": "", "words": "", "ready": 2, "wanted": 2,
    }  # fmt: skip
    return ModelState(phase=phase, **{**known, **told})


def parts(**changed: str) -> Ingredients:
    """Return ingredients, each named after itself but for those given."""
    same = {"role": "role", "variables": "variables", "artifacts": "artifacts", "hosts": "hosts", "needs": "needs"}
    return Ingredients(**{**same, **changed})


class RecordingEvidence:
    """Knows the same about every failure, and remembers where it was sent."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.looks: list[Look] = []

    def gather(self, look: Look) -> tuple[str, ...]:
        self.looks.append(look)
        return self.lines


class Ticks:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def failed(message: str = "It broke.", host: str = "cp1", task: str = "deploy | Start it", **given: Any) -> StepResult:
    """Return a step's result with one failure."""
    return StepResult(ok=False, changed=0, seconds=1.0, failures=(TaskFailure(host, task, message, **given),))


def plan_of(*names: str, change: Change = Change.INSTALL) -> Plan:
    """Return a plan that deploys and verifies components on one host, one after another."""
    steps: list[Step] = []
    for name in names:
        steps.append(Step(name, "deploy", "all", after=(steps[-2].name,) if steps else ()))
        steps.append(Step(name, "verify", "all", after=(f"{name} deploy",)))
    return Plan(tuple(PlannedComponent(name, change, "for a test", ("cp1",), "") for name in names), tuple(steps))
