"""Time installations on more and more hosts: `python benchmarks/scale.py [--hosts 3 6 9] [--whole]`.

Three are control planes, the others workers. All share this machine's processors, so that work which is
done once a host is seen in full: what a site's own servers would do side by side is done here in turn. They are of a
cluster with storage and metrics; with `--whole`, of all components.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.install import installed
from benchmarks.sites import bare_site, wanted
from installer.cli.console import table

_CONTROL_PLANES = 3


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[3, 6, 9])
    parser.add_argument("--whole", action="store_true", help="install all components")
    given = parser.parse_args()
    counts, rows, first = given.hosts, [], 0.0
    steps: dict[str, list[str]] = {}
    for count in counts:
        with bare_site(count - _CONTROL_PLANES, components=wanted(given.whole)) as site:
            before = worked()
            taken, report = installed(site)
            work = worked() - before
        first = first or taken
        share = work / (taken * (os.cpu_count() or 1))
        rows.append(
            (str(count), f"{taken:.1f}", f"{taken / first:.2f}", f"{work:.0f}", f"{work / count:.0f}", f"{share:.0%}")
        )
        for name, result in report["steps"].items():
            steps.setdefault(name, []).append(f"{result['seconds']:.1f}")
    print(table(("hosts", "s", "against the first", "processor s", "a host", "busy"), rows))
    print("\nWhere the time went: seconds of each step; what stands side by side overlaps")
    print(table(("step", *(f"{count} hosts" for count in counts)), [(name, *told) for name, told in steps.items()]))


def worked() -> float:
    """Return the seconds this machine's processors have worked since it began."""
    user, nice, system, _idle, _wait, interrupts, soft, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    ticks = sum(map(int, (user, nice, system, interrupts, soft)))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
