"""See the gateway's copies follow the load: `python benchmarks/scaling.py [--lab NAME]`.

Callers ask as fast as they are answered, until the autoscaler has added copies. They ask with long prompts for what
there is not: the gateway reads all and refuses it, and no engine takes the few processors of a lab away. After that
they do not ask at all, until it has taken copies away by its rule: not within five minutes, then half of them a minute.
With `--lab` the site is one that is there, and stays; otherwise a new one is installed. It ends with 1 when one of this
does not hold.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from benchmarks.releases import Load, calling, site_of
from benchmarks.sites import object_of
from installer.cli.console import table
from tests.system.site import Document, LabSite, eventually

_GATEWAY = "inference-gateway"
# More than they get: the next request waits for an answer.
_RATE = 1000.0
_MESSAGES = 20000
_GROWTH, _REST = 300.0, 1200.0
# The autoscaler looks each fifteen seconds.
_STABLE, _LOOK = 300.0, 30.0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", help="a lab that is there, with everything installed")
    given = parser.parse_args()
    with site_of(given.lab) as site:
        least = int(autoscaler(site)["spec"]["minReplicas"])
        eventually(lambda: ready_copies(site) == least, _REST, f"{least} copies answer")
        began = time.monotonic()
        with calling(site, Load(_RATE, messages=_MESSAGES)) as callers:
            eventually(lambda: ready_copies(site) > least, _GROWTH, "a further copy answers")
            grew, most = time.monotonic() - began, ready_copies(site)
        asked = len(callers.answers)
        rested = time.monotonic()
        eventually(lambda: wanted_copies(site) < most, _REST, "there are fewer copies again")
        fewer = time.monotonic() - rested
        eventually(lambda: wanted_copies(site) == least, _REST, f"there are {least} copies again")
        ended = time.monotonic() - rested
    by_the_rule = fewer > _STABLE - _LOOK
    rows = [
        (f"from {least} copies to {most}, under load", f"{grew:.0f}", f"{asked} requests", "yes"),
        ("the first fewer, after the load", f"{fewer:.0f}", "not within 300 s", "yes" if by_the_rule else "NO"),
        (f"{least} copies again", f"{ended:.0f}", "", "yes"),
    ]
    print(table(("what", "after s", "", "as promised"), rows))
    sys.exit(not by_the_rule)


def autoscaler(site: LabSite) -> Document:
    """Return the gateway's autoscaler."""
    return object_of(site, _GATEWAY, "hpa", _GATEWAY)


def wanted_copies(site: LabSite) -> int:
    """Return how many copies the autoscaler wants."""
    return int(autoscaler(site)["status"]["desiredReplicas"])


def ready_copies(site: LabSite) -> int:
    """Return how many copies answer."""
    return int(object_of(site, _GATEWAY, "deployment", _GATEWAY)["status"].get("readyReplicas", 0))


if __name__ == "__main__":
    main()
