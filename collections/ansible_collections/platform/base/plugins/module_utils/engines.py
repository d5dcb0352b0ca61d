"""What engines promise to all who ask models, and whether they keep it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.damaged_models import damage
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl
from ansible_collections.platform.base.plugins.module_utils.model_states import is_seen, refusal

_ACCOUNT = 1000
_MODEL = "platform.internal/model"
_SETTLED = ("Healthy", "Paused")
_PROMPT, _TOKENS = "Are you there?", 16
# A model that thinks before it answers may not be through with that after a few words.
_ANSWERS = ("content", "reasoning_content", "reasoning")


@dataclass(frozen=True)
class Promise:
    """What one engine promises beside what all do.

    Attributes:
        measure: a measure that it has.
        offline: variables by which it is told to ask nobody outside, and to tell nobody.
        steady: whether it gives the same answer to the same prompt, at temperature 0.
    """

    measure: str
    offline: Sequence[str]
    steady: bool


class Engine:
    """One model, asked by way of the API server."""

    def __init__(self, cluster: Kubectl, namespace: str, model: str) -> None:
        self._cluster = cluster
        self._at = f"/api/v1/namespaces/{namespace}/services/http:{model}-stable:80/proxy"
        self.model = model

    def get(self, path: str) -> str:
        """Return what it answers to a question.

        Raises:
            KubectlFailed: it does not answer well.
        """
        return self._cluster.run("get", "--raw", self._at + path)

    def entry(self) -> dict[str, Any]:
        """Return what it tells of itself as a model; nothing but its names where it calls itself otherwise.

        Raises:
            KubectlFailed: it does not answer well.
        """
        entries: list[dict[str, Any]] = json.loads(self.get("/v1/models"))["data"]
        own = [entry for entry in entries if entry["id"] == self.model]
        return own[0] if own else {"names": [entry["id"] for entry in entries]}

    def says(self, prompt: str = _PROMPT, tokens: int = _TOKENS) -> str:
        """Return its answer to a prompt.

        Raises:
            KubectlFailed: it does not answer well.
        """
        asked = {
            "model": self.model, "messages": [{"role": "user", "content": prompt}], "temperature": 0, "seed": 1,
            "max_tokens": tokens,
        }  # fmt: skip
        command = ("create", "--raw", self._at + "/v1/chat/completions", "--filename=-")
        message = json.loads(self._cluster.run(*command, document=asked))["choices"][0]["message"]
        return str(next((message[word] for word in _ANSWERS if message.get(word)), ""))


More = Callable[[Engine, Mapping[str, Any]], Iterator[str]]


def broken_promises(engine: Engine, promise: Promise) -> Iterator[str]:
    """Yield what a model does not keep of what engines promise."""
    engine.get("/health")
    if "names" in (entry := engine.entry()):
        yield f"it calls itself {', '.join(entry['names']) or 'nothing'}"
    if promise.measure not in engine.get("/metrics"):
        yield f"/metrics has no {promise.measure}"
    first, second = engine.says(), engine.says()
    if not first:
        yield "its answer is empty"
    if promise.steady and first != second:
        yield f"it answers {first!r}, and then {second!r}, at temperature 0"


def loose_ends(pod: Mapping[str, Any], promise: Promise) -> Iterator[str]:
    """Yield what the pods of a model may do, and should not."""
    if pod.get("securityContext", {}).get("runAsUser") != _ACCOUNT:
        yield f"its pods do not run as {_ACCOUNT}"
    for container in pod["containers"]:
        if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield f"its container {container['name']} can write to its root file system"
        for variable in promise.offline:
            if {"name": variable, "value": "1"} not in container.get("env", []):
                yield f"its container {container['name']} has no {variable}=1"


def settled(cluster: Kubectl, name: str, where: str, copies: int, seconds: float) -> tuple[dict[str, Any], str]:
    """Return a model's rollout when all its copies are ready, or as it is when the time is over, and why it is so.

    A release that waits to be agreed to is no fault: those who ask are served meanwhile. A damaged file does not mend
    itself, and a release that was taken back or refused does not come again: neither is waited for.

    Raises:
        KubectlFailed: there is no such model.
    """
    found: dict[str, Any] = {}
    damaged = ""

    def is_decided() -> bool:
        nonlocal damaged
        found.update(cluster.get("rollouts.argoproj.io", name, where))
        if _is_settled(found, copies) or _is_over(found):
            return True
        damaged = damage(cluster.get("pods", f"--selector={_MODEL}={name}", where)["items"])
        return bool(damaged)

    cluster.wait_for(is_decided, seconds)
    return found, damaged or refusal(found) or str(found.get("status", {}).get("message", "nothing is said of it"))


def _is_settled(rollout: Mapping[str, Any], copies: int) -> bool:
    status = rollout.get("status", {})
    return status.get("phase") in _SETTLED and status.get("readyReplicas", 0) >= copies and not refusal(rollout)


def _is_over(rollout: Mapping[str, Any]) -> bool:
    """Return whether a release was taken back, or refused."""
    return is_seen(rollout) and bool(rollout.get("status", {}).get("abort") or refusal(rollout))


def tried(
    cluster: Kubectl, given: Mapping[str, Any], promise: Promise, more: More = lambda _engine, _pod: iter(())
) -> tuple[list[str], dict[str, float]]:
    """Return what is wrong with the models, and the seconds that each took for its answers.

    Args:
        given: the `namespace`, the copies of each of the `models`, and the `seconds` until all are ready.
        more: yields what one engine alone promises and does not keep, from a model and the pods it is made of.

    Raises:
        KubectlFailed: one is not there, or does not answer.
    """
    where, wrong, seconds = f"--namespace={given['namespace']}", [], {}
    for name, copies in sorted(given["models"].items()):
        found, why = settled(cluster, name, where, copies, given["seconds"])
        if not _is_settled(found, copies):
            ready = found.get("status", {}).get("readyReplicas", 0)
            wrong.append(f"{name}: {ready} of {copies} copies are ready: {why}")
            continue
        began = time.monotonic()
        engine, pod = Engine(cluster, given["namespace"], name), found["spec"]["template"]["spec"]
        faults = [*loose_ends(pod, promise), *broken_promises(engine, promise), *more(engine, pod)]
        seconds[name] = round(time.monotonic() - began, 1)
        wrong += [f"{name}: {fault}" for fault in faults]
    return wrong, seconds
