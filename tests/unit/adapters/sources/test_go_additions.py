"""A released module that lacks what its programs embed is built from a copy, whose bytes are locked all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from installer.adapters.sources.go import GoPrograms
from installer.adapters.sources.go_command import Compilers
from installer.model.artifact import GoLock, GoModule

SPEC = GoModule("example.com/server", "v1.2.3", {"server": "cmd/server"}, "MIT", additions={"ui/dist": "page"})
SUM = "h1:abc="


class Command:
    """Stands in for Go: it has one released module, and notes what it was to build."""

    caches = Path("/nowhere")

    def __init__(self, folder: Path) -> None:
        self.released = folder / "released"
        (self.released / "ui").mkdir(parents=True)
        (self.released / "go.mod").write_text("module example.com/server\n")
        self.checked_against: list[str] = []
        self.built: dict[str, str] = {}

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        with TemporaryDirectory() as folder:
            yield Path(folder)

    def run(
        self, what: str, arguments: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
    ) -> bytes:
        if arguments[:2] == ["mod", "download"]:
            sums = directory / "go.sum"
            self.checked_against.append(sums.read_text() if sums.exists() else "")
            return json.dumps({"Dir": str(self.released), "Sum": SUM}).encode()
        if arguments[:2] == ["mod", "edit"]:
            return b'{"Go": "1.26.0"}'
        if arguments[:2] == ["mod", "tidy"]:
            (directory / "go.sum").write_text("example.com/library v1.0.0 h1:def=\n")
        if arguments[0] == "build":
            copy = directory / "replaced/released"
            self.built = {
                path.relative_to(copy).as_posix(): path.read_text() for path in copy.rglob("*.*") if path.is_file()
            }
            Path(arguments[arguments.index("-o") + 1]).write_text("program")
        return b""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "files/page").mkdir(parents=True)
    (tmp_path / "files/page/index.html").write_text("ours")
    return tmp_path / "files"


@pytest.fixture
def programs(command: Command, tmp_path: Path) -> GoPrograms:
    return GoPrograms(tmp_path / "kept", Compilers(Path("/go"), "sha256:0"), command)  # type: ignore[arg-type]


def test_the_lock_pins_the_module_that_a_copy_stands_in_for(programs: GoPrograms, files: Path) -> None:
    lock = programs.resolve(SPEC, files)

    assert f"example.com/server v1.2.3 {SUM}" in lock.go_sum
    assert "replace example.com/server => ./replaced/released" in lock.go_mod


def test_programs_are_built_with_what_was_added(programs: GoPrograms, command: Command, files: Path) -> None:
    lock = programs.resolve(SPEC, files)

    programs.build(SPEC, "server", lock, files, "sha256:1")

    assert command.built == {"go.mod": "module example.com/server\n", "ui/dist/index.html": "ours"}


def test_the_module_is_held_against_the_lock_before_it_is_built(
    programs: GoPrograms, command: Command, files: Path
) -> None:
    lock = GoLock("sha256:" + "0" * 64, ("module x",), (f"example.com/server v1.2.3 {SUM}",))

    programs.build(SPEC, "server", lock, files, "sha256:1")

    assert command.checked_against == [f"example.com/server v1.2.3 {SUM}\n"]


def test_another_page_is_another_program(programs: GoPrograms, files: Path) -> None:
    lock = programs.resolve(SPEC, files)
    before = programs.inputs(SPEC, "server", lock, files, None), programs.declared(SPEC, files)

    (files / "page/index.html").write_text("another")

    after = programs.inputs(SPEC, "server", lock, files, None), programs.declared(SPEC, files)
    assert before[0] != after[0] and before[1] != after[1]
