"""Programs out of Go modules: built once, in turn, and what a failing compiler means."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from installer.adapters.sources.go import GoPrograms
from installer.adapters.sources.go_command import (
    Compilers,
    GoCommand,
    ModuleUnavailable,
    ProgramNotBuilt,
    caches_in_use,
    drop_caches,
)
from installer.errors import BundleRefused
from installer.model.artifact import GoLock, GoModule, digest_of

LOCK = GoLock(digest_of(b"declared"), ("module m", "go 1.27"), ("sum",))

# Stands in for the compiler: writes what it was asked to, or says what a test has put into `says`.
_STAND_IN = """#!/bin/sh
folder=$(dirname "$0")
echo "$*" >> "$folder/calls"
echo "$GOTMPDIR" >> "$folder/temporaries"
echo "$GOEXPERIMENT" >> "$folder/experiments"
if [ -s "$folder/says" ]; then
    head -n 1 "$folder/says" >&2
    sed -i 1d "$folder/says"
    exit 1
fi
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then echo "program of $(cat go.mod | head -n 1)" > "$2"; fi
    shift
done
"""


class StandIn:
    """A compiler's folder with a `go` of a few lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "go").write_text(_STAND_IN)
        (folder / "bin" / "go").chmod(0o755)

    def will_say(self, *lines: str) -> None:
        (self.folder / "bin" / "says").write_text("\n".join(lines) + "\n")

    @property
    def calls(self) -> list[str]:
        path = self.folder / "bin" / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def compiler(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "go")


@pytest.fixture
def caches(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "go"


@pytest.fixture
def programs(compiler: StandIn, caches: Path, tmp_path: Path, waits: list[float]) -> GoPrograms:
    command = GoCommand(caches, compiler.folder, sleep=waits.append)
    return GoPrograms(tmp_path / "cache" / "programs", Compilers(compiler.folder, digest_of(b"go")), command)


@pytest.fixture
def spec() -> GoModule:
    return GoModule("example.com/m", "v1.0.0", {"tool": "cmd/tool", "other": "cmd/other"}, "MIT")


def build(programs: GoPrograms, spec: GoModule, files: Path, name: str = "tool") -> Path:
    return programs.build(spec, name, LOCK, files, programs.inputs(spec, name, LOCK, files, None))


def test_a_program_is_kept_by_what_it_is_made_from(programs: GoPrograms, spec: GoModule, tmp_path: Path) -> None:
    inputs = programs.inputs(spec, "tool", LOCK, tmp_path, None)

    built = build(programs, spec, tmp_path)

    assert programs.kept(inputs, "tool") == built
    assert built.read_text() == "program of module m\n"


def test_a_build_leaves_nothing_but_the_program_and_the_caches(
    programs: GoPrograms, spec: GoModule, caches: Path, compiler: StandIn, tmp_path: Path
) -> None:
    build(programs, spec, tmp_path)

    temporaries = (compiler.folder / "bin" / "temporaries").read_text().splitlines()
    assert all(path.startswith(str(caches / "work")) for path in temporaries)
    assert [path.name for path in (caches / "work").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "change",
    [
        {"version": "v1.0.1"},
        {"tags": ("extra",)},
        {"stamp": {"main.version": "{version}"}},
        {"programs": {"tool": "cmd/else"}},
        {"cgo": True},
        {"experiments": ("nojsonv2",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_description_makes_another_program(
    programs: GoPrograms, spec: GoModule, tmp_path: Path, change: dict[str, object]
) -> None:
    other = GoModule(**{**vars(spec), **change})

    same = programs.inputs(spec, "tool", LOCK, tmp_path, None) == programs.inputs(other, "tool", LOCK, tmp_path, None)

    assert not same


def test_the_compiler_is_told_what_to_do_otherwise(
    programs: GoPrograms, spec: GoModule, compiler: StandIn, tmp_path: Path
) -> None:
    build(programs, replace(spec, experiments=("nojsonv2",)), tmp_path)
    build(programs, spec, tmp_path, "other")

    assert (compiler.folder / "bin" / "experiments").read_text().splitlines() == ["nojsonv2", ""]


def test_a_changed_replacement_of_ours_makes_another_program(
    programs: GoPrograms, spec: GoModule, tmp_path: Path
) -> None:
    (tmp_path / "files" / "fork").mkdir(parents=True)
    source = tmp_path / "files" / "fork" / "a.go"
    replaced = GoModule(**{**vars(spec), "replace": {"example.com/dep": "fork"}})
    source.write_text("package a")
    before = programs.inputs(replaced, "tool", LOCK, tmp_path / "files", None)
    source.write_text("package b")

    assert programs.inputs(replaced, "tool", LOCK, tmp_path / "files", None) != before


def test_a_network_that_breaks_off_is_tried_again(
    programs: GoPrograms, spec: GoModule, compiler: StandIn, tmp_path: Path, waits: list[float]
) -> None:
    compiler.will_say("dial tcp: lookup proxy.example.com: i/o timeout", "unexpected EOF")

    build(programs, spec, tmp_path)

    assert len(compiler.calls) == 3
    assert waits == [2.0, 4.0]


@pytest.mark.parametrize(
    ("said", "kind", "summary"),
    [
        ("m@v1: reading https://proxy.example.com/m.zip: 404 Not Found", ModuleUnavailable, "does not hold a module"),
        ("m@v1: reading https://proxy.example.com/m.zip: 410 Gone", ModuleUnavailable, "does not hold a module"),
        ("verifying m@v1: checksum mismatch", BundleRefused, "other bytes than the lock pins"),
        ("link: write: no space left on device", ProgramNotBuilt, "no room left"),
        ("tls: failed to verify certificate: x509: unknown", ModuleUnavailable, "does not trust"),
        ("main.go:3: undefined: x", ProgramNotBuilt, "Go refused"),
    ],
)
def test_a_failure_says_what_it_means(
    programs: GoPrograms,
    spec: GoModule,
    compiler: StandIn,
    tmp_path: Path,
    waits: list[float],
    said: str,
    kind: type[Exception],
    summary: str,
) -> None:
    compiler.will_say(said)

    with pytest.raises(kind, match=f"The program tool of example.com/m v1.0.0 cannot be built.*{summary}") as caught:
        build(programs, spec, tmp_path)

    assert caught.value.details == (said,)  # type: ignore[attr-defined]
    assert waits == []


def test_a_proxy_that_never_answers_is_given_up(
    programs: GoPrograms, spec: GoModule, compiler: StandIn, tmp_path: Path
) -> None:
    compiler.will_say(*["dial tcp 192.0.2.1:443: connection refused"] * 9)

    with pytest.raises(ModuleUnavailable, match="does not answer") as caught:
        build(programs, spec, tmp_path)

    assert "GOPROXY" in caught.value.hint
    assert len(compiler.calls) == 4


def test_programs_of_one_module_are_built_one_after_another(programs: GoPrograms, spec: GoModule) -> None:
    entered = threading.Event()
    with programs.turn(spec, digest_of(b"one")):
        waiting = threading.Thread(target=_take, args=(programs, spec, entered))
        waiting.start()
        entered_meanwhile = entered.wait(0.05)
    waiting.join()

    assert not entered_meanwhile
    assert entered.is_set()


def test_programs_of_two_modules_are_built_side_by_side(programs: GoPrograms, spec: GoModule) -> None:
    other = GoModule("example.com/n", "v1.0.0", {"tool": "."}, "MIT")
    entered = threading.Event()
    with programs.turn(spec, digest_of(b"one")):
        side = threading.Thread(target=_take, args=(programs, other, entered))
        side.start()
        side.join()

    assert entered.is_set()


def test_caches_are_dropped_when_nobody_builds(caches: Path) -> None:
    (caches / "build").mkdir(parents=True)
    (caches / "build" / "object").write_bytes(b"x")

    dropped = drop_caches(caches)

    assert dropped
    assert list(caches.iterdir()) == []


def test_caches_that_are_in_use_are_kept(caches: Path) -> None:
    (caches / "build").mkdir(parents=True)

    with caches_in_use(caches):
        dropped = drop_caches(caches)

    assert not dropped
    assert (caches / "build").is_dir()


def _take(programs: GoPrograms, spec: GoModule, entered: threading.Event) -> None:
    with programs.turn(spec, digest_of(b"two")):
        entered.set()


@pytest.fixture(autouse=True)
def no_go_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("GOFLAGS", "GOPROXY", "GOTMPDIR"):
        monkeypatch.delenv(name, raising=False)
    yield
