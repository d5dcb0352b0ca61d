"""Release good and bad versions of a model under load: `python benchmarks/releases.py [--lab NAME] [--bad WAY …]`.

A good version must take over without a failed request. Bad ones (errors, slow, hanging at the start, dying under
load, another answer to the golden prompt) must be taken back by themselves, and callers may see at most their share of
mistakes meanwhile. Then the same for releases at once: of a good one callers see one version, and then the other; a bad
one is taken back from all requests. With `--lab` the site is one that is there, and stays; otherwise a new one is
installed. It ends with 1 when one of this does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from ansible_collections.platform.base.plugins.filter.releases import release_steps
from ansible_collections.platform.base.plugins.module_utils.model_states import is_seen
from ansible_collections.platform.base.plugins.module_utils.served_models import AT_ONCE

from benchmarks.install import installed
from benchmarks.sites import bare_site
from installer.cli.console import table
from tests.system.planted import kept_in_vault, vault_account
from tests.system.site import Document, LabSite, eventually

_HERE = Path(__file__).resolve().parent
_HOST = "inference.lab.internal"
# Whose limit is out of the way.
_KEY = "benchmark/callers"
# A second; the key of verification may ask ten times.
_RATE = 8.0
_WAYS = ("errors", "slow", "dies under load", "hangs at its start")
_OTHER = "another answer"
_LONG, _SHORT = 900.0, 300.0
# Of all requests, and some for chance.
_SHARE = 0.05 * 2
# Seconds until both copies of the router know of a change.
_TOLD = 5.0


@dataclass
class Callers:
    """What callers saw."""

    answers: list[Document] = field(default_factory=list)

    def since(self, moment: float) -> list[Document]:
        """Return what was asked since a moment."""
        return [answer for answer in self.answers if answer["at"] >= moment]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", help="a lab that is there, with everything installed")
    parser.add_argument(
        "--bad", nargs="*", choices=(*_WAYS, _OTHER), default=(*_WAYS, _OTHER), help="bad releases to make"
    )
    given = parser.parse_args()
    with site_of(given.lab) as site, calling(site) as callers:
        time.sleep(5)
        rows = [good_release(site, callers, 2)]
        rows += [(other_answer if way == _OTHER else bad_release)(site, callers, way) for way in given.bad]
        rows.append(good_release(site, callers, 1))
        with at_once(site):
            rows.append(good_release(site, callers, 2, "at once, "))
            rows += [bad_release(site, callers, way, "at once, ", 1.0) for way in given.bad if way == _WAYS[0]]
        rows.append(good_release(site, callers, 1))
    print(table(("release", "ended", "after s", "asked", "failed", "failed, %", "as promised"), rows))
    sys.exit(any(row[-1] != "yes" for row in rows))


@contextlib.contextmanager
def site_of(lab: str | None) -> Iterator[LabSite]:
    """Yield a site with everything: one that is there, or a new one that goes afterwards."""
    if lab:
        yield LabSite(lab)
        return
    with bare_site() as site:
        installed(site)
        yield site


@dataclass(frozen=True)
class Load:
    """What callers do.

    Attributes:
        rate: how many times a second they ask, together.
        callers: how many ask at once, at most.
        tokens: of an answer.
        messages: of a prompt that the gateway reads and refuses, without an engine; 0 for one that is answered.
    """

    rate: float = _RATE
    callers: int = 6
    tokens: int = 8
    messages: int = 0

    def arguments(self) -> list[str]:
        """Return what the program of callers is told."""
        return [str(self.rate), str(self.callers), str(self.tokens), str(self.messages)]


@contextlib.contextmanager
def calling(site: LabSite, load: Load = Load()) -> Iterator[Callers]:
    """Have callers ask for as long as the context lasts."""
    authority = site.state / "platform-authority.crt"
    authority.write_text(site.on("admin1", "cat /etc/platform/ca.crt"))
    key = kept_in_vault(site, vault_account(site))["inference_gateway/keys"][_KEY]
    inside = [str(site.program), "lab", "exec", "--inventory", str(site.inventory), sys.executable]
    process = subprocess.Popen(
        [*inside, str(_HERE / "callers.py"), site.door(), _HOST, str(authority), *load.arguments()],
        env=site.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    callers, heard = Callers(), process.stdout
    process.stdin.write(key + "\n")
    process.stdin.flush()
    listener = threading.Thread(target=lambda: callers.answers.extend(map(json.loads, heard)), daemon=True)
    listener.start()
    try:
        yield callers
    finally:
        process.stdin.close()
        process.wait(60)


@contextlib.contextmanager
def at_once(site: LabSite) -> Iterator[None]:
    """Have releases take over at once for as long as the context lasts."""
    before = rollout(site)["spec"]["strategy"]["canary"]["steps"]
    steps = release_steps([], "tiny", measured=True, approved=False, how=AT_ONCE)
    change(site, [{"op": "replace", "path": "/spec/strategy/canary/steps", "value": steps}])
    try:
        yield
    finally:
        change(site, [{"op": "replace", "path": "/spec/strategy/canary/steps", "value": before}])


def good_release(site: LabSite, callers: Callers, seed: int, how: str = "") -> tuple[str, ...]:
    """Release the tiny model of another seed, and see it take over."""
    began = time.time()
    change(site, [{"op": "replace", "path": "/spec/template/spec/initContainers/0/args/2", "value": str(seed)}])
    eventually(lambda: phase(site) == "Healthy", _LONG, f"the model of seed {seed} has all requests")
    asked = callers.since(began)
    failed = failures(asked)
    shared = {answer["track"] for answer in asked} >= {"stable", "canary"}
    well = not failed and shared and not (how and mixed(asked))
    return row(f"{how}good, seed {seed}", "took over", began, asked, well)


def mixed(asked: list[Document]) -> bool:
    """Return whether the old version was asked after the new one had all requests."""
    # Until the router has heard it, the release before is still told of.
    began = min((answer["at"] for answer in asked), default=0.0) + _TOLD
    by_the_new = [answer["at"] for answer in asked if answer["track"] == "canary" and answer["at"] > began]
    known, ended = min(by_the_new, default=0.0) + _TOLD, max(by_the_new, default=0.0) - _TOLD
    return any(answer["track"] == "stable" and known < answer["at"] < ended for answer in asked)


def bad_release(site: LabSite, callers: Callers, way: str, how: str = "", share: float = _SHARE) -> tuple[str, ...]:
    """Release an engine that goes wrong, see it taken back, and bring the old one back.

    Args:
        how: how it takes over, for the table.
        share: of requests that may fail until it is taken back.
    """
    before = rollout(site)["spec"]["template"]
    script = (_HERE / "faulty_engine.py").read_text()
    began = time.time()
    change(site, [
        {"op": "add", "path": "/spec/template/spec/containers/0/command", "value": ["python3", "-c", script]},
        {"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": [way, "8080"]},
    ])  # fmt: skip
    return taken_back(site, callers, how + way, began, before, share)


def other_answer(site: LabSite, callers: Callers, what: str) -> tuple[str, ...]:
    """Release a model that answers the golden prompt with something else."""
    before, template = rollout(site)["spec"]["template"], "analysistemplate/tiny-smoke"
    condition = json.loads(site.kubectl("-n", "llamacpp", "get", template, "-o", "json"))
    condition = condition["spec"]["metrics"][0]["successCondition"]
    judge(site, f"result == {json.dumps(golden(site))}")
    began = time.time()
    try:
        change(site, [{"op": "replace", "path": "/spec/template/spec/initContainers/0/args/2", "value": "7"}])
        return taken_back(site, callers, what, began, before)
    finally:
        judge(site, condition)


def taken_back(
    site: LabSite, callers: Callers, what: str, began: float, before: Document, share: float = _SHARE
) -> tuple[str, ...]:
    """Wait until a release is taken back, bring the old one back, and return what callers saw."""
    eventually(lambda: phase(site) == "Degraded", _LONG, f"the release is taken back: {what}")
    ended = time.time()
    asked = callers.since(began)
    change(site, [{"op": "replace", "path": "/spec/template", "value": before}])
    eventually(lambda: phase(site) == "Healthy", _SHORT, "the old version is what is wanted again")
    few = len(failures(asked)) <= share * len(asked)
    by_the_stable = [answer for answer in failures(asked) if answer["track"] == "stable"]
    return row(what, "taken back", began, asked, few and not by_the_stable, ended)


def row(what: str, how: str, began: float, asked: list[Document], well: bool, ended: float = 0.0) -> tuple[str, ...]:
    """Return a line of the table."""
    failed = failures(asked)
    share = 100 * len(failed) / max(1, len(asked))
    line = (what, how, f"{(ended or time.time()) - began:.0f}", str(len(asked)), str(len(failed)), f"{share:.2f}")
    print(*line, *sorted({f"{a['status']} {a['track']}" for a in failed}), file=sys.stderr, flush=True)
    return (*line, "yes" if well else "NO")


def failures(asked: list[Document]) -> list[Document]:
    """Return the requests that were not answered, or by a mistake."""
    return [answer for answer in asked if not 200 <= answer["status"] < 300]


def golden(site: LabSite) -> str:
    """Return what the model that is served answers to the golden prompt."""
    prompt = {"role": "user", "content": "Are you there?"}
    body = json.dumps({"model": "tiny", "messages": [prompt], "temperature": 0, "max_tokens": 32})
    path = "/api/v1/namespaces/llamacpp/services/http:tiny-stable:80/proxy/v1/chat/completions"
    kubectl = "kubectl --kubeconfig /etc/platform/kubeconfig create --raw"
    answer = json.loads(site.on("admin1", f"{kubectl} {path} -f - <<'END'\n{body}\nEND\n"))
    return str(answer["choices"][0]["message"]["content"])


def judge(site: LabSite, condition: str) -> None:
    """Let the golden prompt be judged by another condition."""
    patch = [{"op": "replace", "path": "/spec/metrics/0/successCondition", "value": condition}]
    site.kubectl("-n", "llamacpp", "patch", "analysistemplate", "tiny-smoke", "--type=json", "-p", json.dumps(patch))


def rollout(site: LabSite) -> Any:
    """Return the model's rollout."""
    return json.loads(site.kubectl("-n", "llamacpp", "get", "rollout", "tiny", "-o", "json"))


def phase(site: LabSite) -> str:
    """Return how the model's rollout is, once its controller has seen what was changed last."""
    found = json.loads(site.kubectl("-n", "llamacpp", "get", "rollout", "tiny", "-o", "json", check=False) or "{}")
    return str(found.get("status", {}).get("phase", "")) if found and is_seen(found) else ""


def change(site: LabSite, patch: list[Document]) -> None:
    """Change the model's rollout."""
    site.kubectl("-n", "llamacpp", "patch", "rollout", "tiny", "--type=json", "-p", json.dumps(patch))


if __name__ == "__main__":
    main()
