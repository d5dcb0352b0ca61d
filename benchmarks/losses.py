"""Lose a copy of each part, and a host, under load: `python benchmarks/losses.py [--lab NAME] [--lost WHAT …]`.

Callers ask a model through the site's door all the time. One process of the gateway, the engine, the router, or Valkey
is killed where it runs, or, with `--how pod`, its pod is deleted without any time to end, or the host that holds the
door's address loses its power. The table says how many requests failed, how long after the loss the last of them was,
and the longest time in which nobody was answered. With `--lab` the site is one that is there, and stays; otherwise a
new one is installed. It ends with 1 when a lost copy costs more than one request of a thousand, or something does not
come back.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from benchmarks.releases import Callers, calling, failures, site_of
from installer.cli.console import table
from tests.system.site import Document, LabSite, eventually

# What callers saw after a loss: long enough for a thousand requests.
_WINDOW = 130.0
_SETTLING, _RETURN = 15.0, 300.0
_PROMISED = 0.001
# Between two answers, when all is well.
_PAUSE = 5.0


@dataclass(frozen=True)
class Copy:
    """One of a part's copies: where its pods are, and the end of its program's command line."""

    namespace: str
    selector: str
    command: str


_COPIES = {
    "gateway": Copy("inference-gateway", "app.kubernetes.io/name=inference-gateway", "-m inference_gateway serve"),
    "engine": Copy("llamacpp", "platform.internal/model=tiny", "-m llamacpp_server --model"),
    "router": Copy("traffic-router", "app.kubernetes.io/name=traefik", "traefik --configFile"),
    "valkey": Copy("valkey", "app.kubernetes.io/name=valkey", "valkey-server"),
}
_HOST = "host"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", help="a lab that is there, with everything installed")
    parser.add_argument("--lost", nargs="*", choices=(*_COPIES, _HOST), default=(*_COPIES, _HOST))
    parser.add_argument("--how", choices=("process", "pod"), default="process", help="what of a copy is lost")
    given = parser.parse_args()
    rows = []
    with site_of(given.lab) as site, calling(site) as callers:
        for what in given.lost:
            time.sleep(_SETTLING)
            rows.append(lost_host(site, callers) if what == _HOST else lost_copy(site, callers, what, given.how))
            print(*rows[-1], file=sys.stderr, flush=True)
    head = ("lost", "asked", "failed", "failed, %", "last failure after s", "longest silence, s", "as promised")
    print(table(head, rows))
    sys.exit(any(row[-1] == "NO" for row in rows))


def lost_copy(site: LabSite, callers: Callers, what: str, how: str) -> tuple[str, ...]:
    """Lose one of a part's copies: kill its process where it runs, or have its pod deleted at once."""
    copy = _COPIES[what]
    pod = pods(site, copy)[0]
    # The first letter in brackets: the shell that looks for the program is not found.
    pattern = f"[{copy.command[0]}]{copy.command[1:]}"
    began = time.time()
    if how == "pod":
        at_once = ("--grace-period=0", "--force", "--wait=false")
        site.kubectl("-n", copy.namespace, "delete", "pod", pod["metadata"]["name"], *at_once)
    else:
        site.on(pod["spec"]["nodeName"], f"pkill -9 -f -- '{pattern}'")
    return seen(callers, f"{what}, its {how}", began, lambda: all(map(is_ready, pods(site, copy))), share=True)


def lost_host(site: LabSite, callers: Callers) -> tuple[str, ...]:
    """Cut the power of the host that answers for the door's address."""
    leases = json.loads(site.kubectl("-n", "kube-system", "get", "leases", "-o", "json"))["items"]
    holder = next(
        lease["spec"]["holderIdentity"]
        for lease in leases
        if lease["metadata"]["name"] == "cilium-l2announce-traffic-router-traefik"
    )
    began = time.time()
    site.run("lab", "kill", holder)
    result = seen(callers, f"host {holder}, which held the address", began, lambda: True, share=False)
    site.run("lab", "start", holder)
    eventually(lambda: all(ready for ready, _ in site.nodes().values()), _RETURN, f"{holder} is Ready again")
    return result


def seen(callers: Callers, what: str, began: float, back: Callable[[], bool], share: bool) -> tuple[str, ...]:
    """Wait for a window's end, and return what callers saw within it.

    Args:
        back: whether what was lost is there again.
        share: whether failures may be one of a thousand at most.
    """
    time.sleep(max(0.0, began + _WINDOW - time.time()))
    eventually(back, _RETURN, f"what was lost is there again: {what}")
    asked = sorted(callers.since(began), key=lambda answer: answer["at"])
    failed = failures(asked)
    good = [began, *sorted(ended(answer) for answer in asked if answer not in failed)]
    last = max((ended(answer) - began for answer in failed), default=0.0)
    silence = max((later - earlier for earlier, later in itertools.pairwise(good)), default=_WINDOW)
    few, again = len(failed) <= max(1, _PROMISED * len(asked)), good[-1] > ended(asked[-1]) - _PAUSE
    well = few if share else again
    print(what, sorted({f"{a['status']} {a['track']}" for a in failed}), file=sys.stderr, flush=True)
    return (
        what, str(len(asked)), str(len(failed)), f"{100 * len(failed) / max(1, len(asked)):.2f}",
        f"{last:.1f}", f"{silence:.1f}", "yes" if well else "NO",
    )  # fmt: skip


def pods(site: LabSite, copy: Copy) -> list[Document]:
    """Return a part's pods."""
    found = json.loads(site.kubectl("-n", copy.namespace, "get", "pods", "-l", copy.selector, "-o", "json"))
    return list(found["items"])


def is_ready(pod: Document) -> bool:
    """Return whether a pod is ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def ended(answer: Document) -> float:
    """Return when an answer was there, or given up."""
    return float(answer["at"] + answer["seconds"])


if __name__ == "__main__":
    main()
