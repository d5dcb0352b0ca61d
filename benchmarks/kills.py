"""Kill fresh installations at random moments: `python benchmarks/kills.py [--rounds 10] [--first 1] [--times 1]`.

They are of a cluster with storage and metrics; with `--whole`, of all components. Each round begins with nothing but
the caches, kills every process of the installation, runs it again, and says whether that completed, with every
component verified and every node Ready. With `--times` what goes on is killed again, so many times in all, before it
may complete. It ends with 1 when one did not.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from installer.cli.console import table
from tests.system.site import CONTROL_PLANES, Document, LabSite, of_a_cluster

LAB = "killed"
# Undisturbed installations take longer than this on two cores: of a cluster, and of all components.
_LATEST, _LATEST_OF_ALL = 150.0, 450.0
# What goes on is somewhere else by then.
_LATEST_AGAIN = 100.0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1, help="number of the first round")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--times", type=int, default=1, help="how often each is killed")
    parser.add_argument("--whole", action="store_true", help="install all components")
    given = parser.parse_args()
    site, rows = LabSite(LAB, components=() if given.whole else of_a_cluster()), []
    latest = _LATEST_OF_ALL if given.whole else _LATEST
    try:
        for number in range(given.first, given.first + given.rounds):
            # A round's moments are its own, so that one that failed can be run again alone.
            chance = random.Random(f"{given.seed} {number}")
            bounds = [latest] if given.times == 1 else [_LATEST_AGAIN] * given.times
            rows.append((str(number), *killed(site, [chance.uniform(1.0, bound) for bound in bounds])))
            print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    finally:
        site.forget()
    print(table(("round", "killed after", "while", "again", "s"), rows))
    sys.exit(any(row[3] != "completed" for row in rows))


def killed(site: LabSite, moments: Sequence[float]) -> tuple[str, str, str, str]:
    """Return when an installation was killed, what it was at, what became of the last one, and the seconds of that."""
    site.forget()
    took, places = zip(*(killed_once(site, after) for after in moments), strict=True)
    began = time.monotonic()
    try:
        report = site.install()
        nodes = site.nodes()
        whole = report["ok"] and set(nodes) == set(CONTROL_PLANES) and all(ready for ready, _ in nodes.values())
        outcome = "completed" if whole else f"incomplete: {nodes}"
    except AssertionError as error:
        print(error, file=sys.stderr)
        outcome = f"failed: {str(error).partition(chr(10))[0]}"
    again = time.monotonic() - began
    return ", ".join(took), ", ".join(places), outcome, f"{again:.0f}"


def killed_once(site: LabSite, after: float) -> tuple[str, str]:
    """Return when an installation was killed, and what it was at."""
    began, at = time.monotonic(), [""]

    def reached(event: Document) -> bool:
        at[0] = str(event.get("step") or event.get("phase") or at[0])
        return time.monotonic() - began >= after

    was_killed = site.install_until(reached)
    return f"{time.monotonic() - began:.0f} s" if was_killed else "its end", at[0]


if __name__ == "__main__":
    main()
