"""A workshop builds what is not kept, keeps what it built, and gives the disk back."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.errors import DiskTooSmall
from installer.adapters.sources.go_command import Compilers, ProgramNotBuilt
from installer.adapters.sources.roots import Roots
from installer.adapters.sources.workshop import Workshop
from installer.errors import InvalidConfiguration
from installer.model.artifact import Artifacts, FileSpec, GoModule, LockedItem, digest_of
from installer.model.catalog import Catalog
from installer.model.component import Component, Description, Layer
from tests.integration.sources.conftest import Told
from tests.integration.sources.test_go import StandIn

SPEC = FileSpec("tool", "v1", "https://example.com/tool", {}, "MIT", program="tool")
MODULE = GoModule("tool", "directory", {"tool": "."}, "MIT")


class GivenTools:
    """Tools that need not be fetched."""

    used: tuple[LockedItem, ...] = ()

    def __init__(self, compiler: Path) -> None:
        self._compiler = compiler

    def compilers(self) -> Compilers:
        return Compilers(self._compiler, digest_of(b"go"))


@pytest.fixture
def compiler(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "compiler")


@pytest.fixture
def workshop(compiler: StandIn, store: BlobStore, tmp_path: Path, told: Told) -> Workshop:
    own = tmp_path / "roles" / "app" / "files" / "tool"
    own.mkdir(parents=True)
    (own / "go.mod").write_text("module tool\n")
    description = Description("An app", Layer.HOST, "admin", artifacts=Artifacts(files=(SPEC,), go_modules=(MODULE,)))
    catalog = Catalog({"app": Component("app", description, frozenset())})
    roots = Roots(tmp_path / "cache" / "roots", store, {}, told)
    tools = GivenTools(compiler.folder)
    return Workshop(catalog, tmp_path / "roles", tmp_path / "cache", store, roots, tools, told)  # type: ignore[arg-type]


def builds(compiler: StandIn) -> int:
    return sum(call.startswith("build ") for call in compiler.calls)


def test_a_program_is_built_once(workshop: Workshop, compiler: StandIn) -> None:
    with workshop:
        first = workshop.file("app", SPEC)
        second = workshop.file("app", SPEC)

    assert first == second
    assert builds(compiler) == 1


def test_a_finished_program_survives_a_run_that_fails_later(workshop: Workshop, compiler: StandIn) -> None:
    with pytest.raises(KeyboardInterrupt), workshop:
        workshop.file("app", SPEC)
        raise KeyboardInterrupt

    with workshop:
        workshop.file("app", SPEC)

    assert builds(compiler) == 1


def test_compile_caches_are_dropped_when_all_is_made(workshop: Workshop, tmp_path: Path) -> None:
    caches = tmp_path / "cache" / "go"
    with workshop:
        workshop.file("app", SPEC)
        (caches / "build").mkdir()

    assert list(caches.iterdir()) == []


def test_compile_caches_are_kept_for_the_next_try(workshop: Workshop, compiler: StandIn, tmp_path: Path) -> None:
    caches = tmp_path / "cache" / "go"
    compiler.will_say("main.go:1: broken")

    with pytest.raises(ProgramNotBuilt), workshop:
        (caches / "build").mkdir(parents=True)
        workshop.file("app", SPEC)

    assert (caches / "build").is_dir()


def test_what_killed_builds_left_is_removed_before_anything_is_made(workshop: Workshop, tmp_path: Path) -> None:
    left = tmp_path / "cache" / "go" / "work" / "work-left"
    left.mkdir(parents=True)

    with workshop:
        gone = not left.exists()

    assert gone


def test_a_program_that_is_kept_needs_no_room(workshop: Workshop, told: Told) -> None:
    with workshop:
        workshop.file("app", SPEC)
        told.events.clear()
        workshop.expect([])

    assert told.sentences == []


def test_a_disk_without_room_is_found_before_anything_is_built(
    workshop: Workshop, compiler: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 20})())

    with pytest.raises(DiskTooSmall, match=r"Building 1 program takes about 0\.9 GiB"), workshop:
        workshop.expect([("app", "tool"), ("app", "tool")])

    assert builds(compiler) == 0


def test_a_program_no_module_makes_is_named(workshop: Workshop) -> None:
    with pytest.raises(InvalidConfiguration) as caught, workshop:
        workshop.expect([("app", "unknown")])

    assert "no go_module makes the program unknown" in caught.value.details[0]
