"""Sites to measure on: labs of their own, of any number of hosts, which are gone afterwards."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.system.site import Document, LabSite, lab_inventory, of_a_cluster

LAB = "benchmark"
_FIRST_WORKER = 21


@contextlib.contextmanager
def bare_site(workers: int = 0, lab: str = LAB, components: Sequence[str] = ()) -> Iterator[LabSite]:
    """Yield bare hosts, up and with their bundle built: three control planes, an admin host and some workers.

    Args:
        workers: how many of them.
        lab: its name.
        components: what is installed there; everything the inventory has when none is named.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        addresses = {f"w{n}": f"10.77.0.{_FIRST_WORKER + n}" for n in range(1, workers + 1)}
        site = LabSite(lab, lab_inventory(Path(folder), "worker", addresses), components)
        site.forget()
        try:
            site.run("lab", "up")
            site.run("bundle", "build")
            yield site
        finally:
            site.forget()


def wanted(whole: bool) -> Sequence[str]:
    """Return the components to measure with: all, or a cluster with storage and metrics."""
    return () if whole else of_a_cluster()


def object_of(site: LabSite, namespace: str, kind: str, name: str) -> Document:
    """Return an object of the cluster; a machine under load may take its time to say so."""
    command = ("-n", namespace, "get", kind, name, "-o", "json", "--request-timeout=60s")
    found: Document = json.loads(site.kubectl(*command))
    return found


def seconds(work: Callable[[], object]) -> float:
    """Return the wall seconds some work takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began
