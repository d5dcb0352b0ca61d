"""Time installations on more and more hosts: `python benchmarks/scale.py [--hosts 3 6 9]`.

Three are control planes, the others workers. All share this machine's processors, so that work which is
done once a host is seen in full: what a site's own servers would do side by side is done here in turn.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.install import installed
from benchmarks.sites import bare_site
from installer.cli.console import table

_CONTROL_PLANES = 3


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[3, 6, 9])
    rows, first = [], 0.0
    for count in parser.parse_args().hosts:
        with bare_site(count - _CONTROL_PLANES) as site:
            taken, _ = installed(site)
        first = first or taken
        rows.append((str(count), f"{taken:.1f}", f"{taken / first:.2f}"))
    print(table(("hosts", "s", "against the first"), rows))


if __name__ == "__main__":
    main()
