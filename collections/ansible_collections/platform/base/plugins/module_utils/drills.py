"""What is remembered of the last drill that ended well: in the cluster, as it is about the cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl

_LABEL = "platform.internal/drill"
_NAME = "platform-drill"


@dataclass(frozen=True)
class LastDrill:
    """A component's last drill, in its namespace."""

    cluster: Kubectl
    namespace: str

    def or_now(
        self, tried: Callable[[], str], hours: float, practise: Callable[[], float], now: Callable[[], float]
    ) -> dict[str, str]:
        """Return what it measured, where it still holds good; else what one measures that is practised now.

        Args:
            tried: returns the digest of all that a drill tries; a drill may change it.
            hours: how long one holds good.
            practise: practises, and returns the seconds it took.
            now: returns seconds since 1970.

        Raises:
            KubectlFailed: the cluster does not tell, or does not do what is practised.
        """
        if last := self.measured(tried(), hours, now()):
            return last
        self.forget()
        seconds = practise()
        return self.keep(tried(), seconds, now())

    def measured(self, tried: str, hours: float, now: float) -> dict[str, str]:
        """Return what it measured, where it still holds good; else nothing.

        Args:
            tried: the digest of all that a drill tries; see `digest`.
            hours: how long it holds good.
            now: seconds since 1970.

        Raises:
            KubectlFailed: the cluster does not tell.
        """
        kept = self.cluster.items("configmaps", f"--namespace={self.namespace}", f"--selector={_LABEL}=last")
        last: dict[str, str] = kept[0].get("data", {}) if kept else {}
        is_young = now - float(last.get("at", 0)) < 3600 * hours
        return last if is_young and last.get("of") == tried else {}

    def keep(self, tried: str, seconds: float, now: float) -> dict[str, str]:
        """Keep that a drill took so many seconds and ended well, and return what is kept.

        Raises:
            KubectlFailed: the cluster does not take it.
        """
        data = {"of": tried, "at": f"{now:.0f}", "seconds": f"{seconds:.1f}"}
        metadata = {"name": _NAME, "labels": {_LABEL: "last"}}
        document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        self.cluster.apply([document], self.namespace)
        return data

    def forget(self) -> None:
        """Forget it: one that is broken off is no reason to do without the next.

        Raises:
            KubectlFailed: the cluster does not do it.
        """
        self.cluster.run("delete", "configmaps", f"--namespace={self.namespace}", f"--selector={_LABEL}=last")


def digest(objects: list[dict[str, Any]], *others: Any) -> str:
    """Return the digest of what objects are to be, whatever their order, and of what else matters."""
    wanted = sorted(json.dumps(_wanted(item), sort_keys=True) for item in objects)
    return hashlib.sha256(json.dumps([*wanted, *others]).encode()).hexdigest()


def _wanted(item: Mapping[str, Any]) -> list[Any]:
    return [item["metadata"]["name"], *(item.get(part) for part in ("spec", "data", "parameters", "provisioner"))]
