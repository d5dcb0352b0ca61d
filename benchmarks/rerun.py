"""Time a second run that finds nothing to change: `python benchmarks/rerun.py [--rounds 3] [--whole]`.

It is of a cluster with storage and metrics; with `--whole`, of all components.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.install import installed
from benchmarks.sites import bare_site, wanted
from installer.cli.console import table


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="install all components")
    given = parser.parse_args()
    rounds = given.rounds
    with bare_site(components=wanted(given.whole)) as site:
        first, _ = installed(site)
        runs = [installed(site) for _ in range(rounds)]
    changed = max(sum(result["changed"] for result in report["steps"].values()) for _, report in runs)
    best = min(taken for taken, _ in runs)
    print(table(("run", "s", "against the first", "changed"), [
        ("first", f"{first:.1f}", "", ""),
        (f"again, best of {rounds}", f"{best:.1f}", f"{best / first:.3f}", str(changed)),
    ]))  # fmt: skip


if __name__ == "__main__":
    main()
