"""A load that is killed or runs out of space."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer.engine.volumes import NoSpaceLeft
from tests.bundles import Maker, load, split, tree

# A file system's size; the bundle is larger, and the parts of it that are there at the end fit.
SMALL, LARGE = "size=3m", "size=40m"
WATCHED = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    split(Maker(folder).build(), folder / "disk")
    return folder


def killed_at(number: int, media: Path, target: Path) -> bool:
    """Load in another process that kills itself, hard, at its n-th work on a file; return whether it came to that."""
    child = os.fork()
    if child == 0:
        left = number

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if event in WATCHED and str(target) in str(arguments[0]):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            load([media], target)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


# The first time nothing was killed, the moments are over: this is more than there are.
@pytest.mark.parametrize("moment", [*range(1, 20), *range(20, 140, 5)])
def test_a_load_killed_anywhere_goes_on_and_ends_with_the_bundle(made: Path, tmp_path: Path, moment: int) -> None:
    target = tmp_path / "bundle"
    killed_at(moment, made / "disk", target)

    load([made / "disk"], target)

    assert tree(target) == tree(made / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_the_moments_above_reach_the_middle_of_a_load(made: Path, tmp_path: Path) -> None:
    assert killed_at(100, made / "disk", tmp_path / "bundle")


def test_a_load_killed_again_and_again_never_goes_back(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundle"

    kills = sum(killed_at(25, made / "disk", target) for _ in range(30))

    assert 3 < kills < 30
    assert tree(target) == tree(made / "bundle")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a small disk of its own."""
    if os.geteuid():
        pytest.skip("only root can mount a disk")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL, "small", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_load_onto_a_full_disk_goes_on_when_space_is_made(made: Path, disk: Path) -> None:
    with pytest.raises(NoSpaceLeft) as caught:
        load([made / "disk"], disk / "bundle")
    kept = sum(path.stat().st_size for path in (disk / "bundle.loading").rglob("*") if path.is_file())
    subprocess.run(["mount", "-o", f"remount,{LARGE}", str(disk)], check=True)

    report = load([made / "disk"], disk / "bundle")

    assert "run the same command again" in caught.value.hint
    assert report.complete
    assert report.kept > 0.3 * kept
    assert tree(disk / "bundle") == tree(made / "bundle")


def test_a_full_disk_leaves_the_bundle_that_is_there_whole(made: Path, disk: Path, tmp_path: Path) -> None:
    old = Maker(tmp_path / "old").build(sizes={"old": 1_000_000})
    load([old], disk / "bundle")
    before = tree(disk / "bundle")

    with pytest.raises(NoSpaceLeft):
        load([made / "disk"], disk / "bundle")

    assert tree(disk / "bundle") == before


def test_a_split_onto_a_full_disk_goes_on_when_space_is_made(made: Path, disk: Path) -> None:
    with pytest.raises(NoSpaceLeft):
        split(made / "bundle", disk / "volumes")
    subprocess.run(["mount", "-o", f"remount,{LARGE}", str(disk)], check=True)

    split(made / "bundle", disk / "volumes")

    assert tree(disk / "volumes") == tree(made / "disk")
