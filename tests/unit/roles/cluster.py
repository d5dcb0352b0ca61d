"""A cluster of objects in memory that answers as kubectl does, for modules that ask one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl


class Cluster(Kubectl):
    """Stands for a cluster; only what modules ask of it is there, and time passes when they wait.

    Args:
        objects: by kind and name, as the API has them.
    """

    def __init__(self, objects: Mapping[tuple[str, str], dict[str, Any]]) -> None:
        super().__init__("nowhere", self._wait)
        self.objects = dict(objects)
        self.asked: list[str] = []
        self.refuses = ""
        self.answers: dict[str, str] = {}
        self.each_wait: Callable[[], None] = lambda: None

    def _wait(self, _seconds: float) -> None:
        self.each_wait()

    def wait_for(self, holds: Callable[[], bool], seconds: float, every: float = 2.0) -> bool:
        """Ask as often as fits into the time, without waiting for it to pass."""
        for _ in range(max(1, int(seconds // every))):
            if holds():
                return True
            self._wait(every)
        return holds()

    def attempt(
        self, *arguments: str, document: Any = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Answer as kubectl does."""
        self.asked.append(" ".join(arguments))
        verb = arguments[0]
        if verb == "get" and "--raw" in arguments:
            return self._done(self.answers.get(arguments[arguments.index("--raw") + 1], ""))
        if verb == "get":
            return self._get(arguments)
        if verb == "patch":
            merge(self.objects[arguments[1], arguments[2]], json.loads(arguments[4].removeprefix("--patch=")))
            return self._done("patched")
        if verb == "create" and "--raw" in arguments:
            self.objects.pop(("pods", document["metadata"]["name"]), None)
            return self._done("")
        if verb == "create":
            return self._create(document)
        return self._done(self.answers.get(verb, ""))

    def _create(self, document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        name = document["metadata"]["name"]
        if self.refuses and ("pod", "first") in self.objects:
            return subprocess.CompletedProcess([], 1, "", self.refuses)
        self.objects["pod", name] = {**document, "status": self.objects.pop(("status", name), {"phase": "Running"})}
        return self._done("created")

    def _get(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        kind, name = arguments[1], arguments[2] if len(arguments) > 2 else "--"
        if not name.startswith("--"):
            return self._done(json.dumps(self.objects[kind, name]))
        if "custom-columns" in " ".join(arguments):
            return self._done("")
        node = next((a.rpartition("=")[2] for a in arguments if a.startswith("--field-selector")), None)
        chosen = next((a.partition("=")[2] for a in arguments if a.startswith("--selector")), "")
        kinds = kind.split(",")
        place = next((a.partition("=")[2] for a in arguments if a.startswith("--namespace")), "")
        items = [
            item
            for (of, _), item in self.objects.items()
            if of in kinds and _is_on(item, node) and _has(item, chosen) and _is_in(item, place)
        ]
        return self._done(json.dumps({"items": items}))

    def _done(self, output: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, output, "")


class Remembering(Cluster):
    """A cluster that keeps the last drill."""

    def attempt(
        self, *arguments: str, document: Any = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Keep and forget config maps, and answer else as any."""
        if arguments[0] == "apply":
            self.objects["configmaps", "platform-drill"] = document["items"][0]
        if arguments[:2] == ("delete", "configmaps"):
            self.objects.pop(("configmaps", "platform-drill"), None)
        return super().attempt(*arguments, document=document, text=text)


def _is_on(item: Mapping[str, Any], node: str | None) -> bool:
    return node is None or item.get("spec", {}).get("nodeName") == node


def _is_in(item: Mapping[str, Any], namespace: str) -> bool:
    """Return whether an object is in a namespace; one that names none is in any."""
    return not namespace or item.get("metadata", {}).get("namespace", namespace) == namespace


def _has(item: Mapping[str, Any], selector: str) -> bool:
    """Return whether an object's labels are those of a selector, `key`, `key=value` or `key in (a,b)`."""
    labels = item.get("metadata", {}).get("labels", {})
    if " in (" in selector:
        key, _, values = selector.rstrip(")").partition(" in (")
        return labels.get(key) in values.split(",")
    key, equals, value = selector.partition("=")
    return not selector or (labels.get(key) == value if equals else key in labels)


def merge(target: dict[str, Any], change: Mapping[str, Any]) -> None:
    """Merge a change as the API does: nothing takes a key away."""
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


def node(name: str, offers: Mapping[str, int] | None = None, /, **labels: Any) -> dict[str, Any]:
    """Return a node that is ready."""
    offered = {key: str(count) for key, count in (offers or {}).items()}
    status = {"allocatable": offered, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "labels": dict(labels), "annotations": {}}, "spec": {}, "status": status}


def pod(name: str, on: str, gpus: int = 1, owner: str = "", **labels: str) -> dict[str, Any]:
    """Return a pod with GPUs that runs."""
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    owners = [{"kind": owner, "name": "owner"}] if owner else []
    return {
        "metadata": {"name": name, "namespace": "team", "labels": dict(labels), "ownerReferences": owners},
        "spec": {"nodeName": on, "containers": [{"name": "main", "resources": {"limits": limits}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }
