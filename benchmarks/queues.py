"""See a model's copies follow its queue: `python benchmarks/queues.py [--lab NAME]`.

More callers ask for long answers than its copies have places, until what scales it has added a copy, and then nobody
asks, until the copy has gone by the model's rule. Between the two nobody measures for a while: none may go then. With
`--lab` the site is one that is there, and stays; otherwise a new one is installed. It ends with 1 when one of this
does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from benchmarks.releases import Load, calling, failures, site_of
from benchmarks.sites import object_of
from installer.cli.console import table
from tests.system.site import Document, LabSite, eventually

_NAMESPACE, _MODEL = "llamacpp", "tiny"
# They wait for each other: two copies have four places.
_CALLERS, _RATE, _TOKENS = 16, 200.0, 800
_GROWTH, _REST = 420.0, 1200.0
# Copies would have gone by the rule, and the failure is known.
_BLIND_SPARE = 120.0
# The autoscaler looks each fifteen seconds.
_LOOK = 30.0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", help="a lab that is there, with everything installed")
    given = parser.parse_args()
    with site_of(given.lab) as site:
        least, calm = int(scaled(site)["spec"]["minReplicaCount"]), calm_seconds(site)
        eventually(lambda: ready_copies(site) == least, _REST, f"{least} copies answer")
        began = time.monotonic()
        with calling(site, Load(_RATE, _CALLERS, _TOKENS)) as callers:
            eventually(lambda: ready_copies(site) > least, _GROWTH, "a further copy answers")
            grew, most = time.monotonic() - began, ready_copies(site)
        asked, failed = len(callers.answers), len(failures(callers.answers))
        with nobody_measuring(site):
            kept = not gone_within(site, most, calm + _BLIND_SPARE)
        rested = time.monotonic()
        eventually(lambda: wanted_copies(site) == least, _REST, f"there are {least} copies again")
        ended = time.monotonic() - rested
    rows = [
        (f"from {least} copies to {most}, while many wait", f"{grew:.0f}", f"{asked} requests, {failed} failed", "yes"),
        ("nobody asks, and nobody measures", f"{calm + _BLIND_SPARE:.0f}", f"{most} copies stay", word(kept)),
        (f"{least} copies again, since that is measured", f"{ended:.0f}", "", "yes"),
    ]
    print(table(("what", "after s", "", "as promised"), rows))
    sys.exit(not kept)


def word(holds: bool) -> str:
    """Return what the table says of a promise."""
    return "yes" if holds else "NO"


def scaled(site: LabSite) -> Document:
    """Return what scales the model."""
    return object_of(site, _NAMESPACE, "scaledobjects.keda.sh", _MODEL)


def calm_seconds(site: LabSite) -> float:
    """Return for how long fewer copies must suffice before one goes."""
    behaviour = scaled(site)["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    return float(behaviour["stabilizationWindowSeconds"]) + _LOOK


def wanted_copies(site: LabSite) -> int:
    """Return how many copies are wanted."""
    return int(object_of(site, _NAMESPACE, "rollouts.argoproj.io", _MODEL)["spec"]["replicas"])


def ready_copies(site: LabSite) -> int:
    """Return how many copies answer."""
    return int(object_of(site, _NAMESPACE, "rollouts.argoproj.io", _MODEL)["status"].get("readyReplicas", 0))


def gone_within(site: LabSite, copies: int, seconds: float) -> bool:
    """Return whether a copy goes within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if wanted_copies(site) < copies:
            return True
        time.sleep(5)
    return False


@contextlib.contextmanager
def nobody_measuring(site: LabSite) -> Iterator[None]:
    """Have no Prometheus for as long as the context lasts."""
    prometheus = ("-n", "monitoring", "scale", "statefulset", "prometheus")
    before = object_of(site, "monitoring", "statefulset", "prometheus")
    site.kubectl(*prometheus, "--replicas=0")
    try:
        yield
    finally:
        site.kubectl(*prometheus, f"--replicas={before['spec']['replicas']}")


if __name__ == "__main__":
    main()
