"""Time what is done with bundles: `python benchmarks/bundle.py [--inventory lab] [--rounds 5]`.

Builds the inventory's bundle out of the cache into a folder that is deleted afterwards; what the cache
lacks is fetched or made first, and is not counted. Files were read before, so the disk is not measured.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from installer.cli.console import size, table
from installer.cli.options import Common
from installer.cli.volumes import Volumes
from installer.cli.wiring import Site
from installer.engine.sizes import parse_size
from installer.model.artifact import Lock
from installer.model.events import Event

Result = TypeVar("Result")
_MEDIA = "4.7G"


class Quiet:
    """Says nothing."""

    def emit(self, event: Event) -> None:
        """Drop the event."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inventory", "-i", default="lab")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", default="cluster_network", help="the component that the delta brings")
    options = parser.parse_args()
    cache = Site(Common(), Quiet()).cache
    cache.mkdir(parents=True, exist_ok=True)
    # Within the cache, so that blobs can be linked.
    with tempfile.TemporaryDirectory(dir=cache, prefix="benchmark-") as folder:
        rows = measure(Path(folder), options.inventory, options.without, options.rounds)
    print(table(("what", "seconds", "data", "against"), rows))


def measure(folder: Path, inventory: str, without: str, rounds: int) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table."""
    site = Site(Common(inventory, folder / "state", folder / "bundle"), Quiet())
    new = Volumes(site)
    new.build(None)
    shutil.rmtree(site.bundle)
    built, first = timed(lambda: new.build(None))
    again, rebuild = timed(lambda: new.build(None))
    whole = sum(path.stat().st_size for path in site.bundle.rglob("*") if path.is_file())
    verified, summed = verify_and_sum(new, site.bundle, rounds)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(verified, summed, strict=True))
    _, deep = timed(lambda: new.check(deep=True))
    base = Volumes(SiteBefore(Common(inventory, site.state, folder / "base"), Quiet(), without=without))
    base.build(None)
    delta, made = timed(lambda: new.delta(folder / "base", folder / "delta", None))
    loaded, load = timed(lambda: base.load([folder / "delta"]))
    volumes, split = timed(lambda: new.split(parse_size(_MEDIA), folder / "disk"))
    if again.changed or not loaded.complete:
        raise SystemExit("The second build changed the bundle, or the delta did not give it: the figures mean nothing.")
    carried = f"{size(delta.size)}, {delta.size / built.size:.0%} of the whole"
    return [
        ("build, all in the cache", f"{first:.2f}", size(whole), ""),
        ("build again, no change", f"{rebuild:.2f}", size(whole), f"{rebuild / first:.2f} of the build"),
        ("sha256sum, all cores", f"{statistics.median(summed):.2f}", size(whole), ""),
        ("verify", f"{statistics.median(verified):.2f}", size(whole), f"{ratio:.2f} of sha256sum (at most 1.20)"),
        ("verify --deep", f"{deep:.2f}", size(whole), ""),
        (f"delta that brings {without}", f"{made:.2f}", carried, ""),
        ("load of the delta", f"{load:.2f}", size(loaded.loaded), ""),
        (f"split onto media of {_MEDIA}", f"{split:.2f}", size(sum(volume.size for volume in volumes)), ""),
    ]


def verify_and_sum(volumes: Volumes, bundle: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of our check and of `sha256sum` over the same files, in turns."""
    command = f"find . -type f -print0 | xargs -0 -P {os.cpu_count()} -n 16 sha256sum"
    verified, summed = [], []
    for number in range(rounds + 1):
        _, ours = timed(lambda: volumes.check(deep=False))
        _, theirs = timed(lambda: subprocess.run(command, shell=True, cwd=bundle, check=True, capture_output=True))
        if number:  # the first round only reads the files in
            verified.append(ours)
            summed.append(theirs)
    return verified, summed


@dataclass(frozen=True)
class SiteBefore(Site):
    """A site as it was before it had a component: its lock is without what that alone needs."""

    without: str = ""

    @cached_property
    def lock(self) -> Lock:
        """Return the rest of the lock."""
        lock = super().lock
        return replace(lock, items=tuple(item for item in lock.items if item.needed_by != (self.without,)))


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what a piece of work returns, and its seconds."""
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


if __name__ == "__main__":
    main()
