"""What rules forbid is done, and its alerts are found where somebody would be told of them; what is lost is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed

from roles.falco.library import falco_probe
from tests.unit.roles.cluster import Cluster

SHELL, WRITE = "Shell entered in a container", "Write below etc in a container"
GIVEN: dict[str, Any] = {
    "namespace": "falco", "nodes": ["worker1"], "image": "falco:1", "seconds": 4, "outputs": ["alertmanager", "loki"],
    "trials": [{"rule": SHELL, "command": ["sh"]}, {"rule": WRITE, "command": ["sh", "-c", "echo > /etc/trial/file"]}],
}  # fmt: skip
_METRICS = "/api/v1/namespaces/falco/pods/https:sidekick:2801/proxy/metrics"
_PREFIX = "falcosecurity_falcosidekick_"


def ready(name: str, label: str, node: str = "worker1", is_ready: bool = True) -> dict[str, Any]:
    """Return a pod of Falco's namespace."""
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": label}},
        "spec": {"nodeName": node},
        "status": {"conditions": [{"type": "Ready", "status": str(is_ready)}]},
    }


def alert(rule: str, pod: str | None = "trial-worker1") -> str:
    """Return a line of Falco's log."""
    return json.dumps({"rule": rule, "output": rule, "output_fields": {"k8s.pod.name": pod}})


def metrics(*told: str, alertmanager: int = 1, loki: int = 1) -> str:
    """Return what falcosidekick counts."""
    lines = [f'{_PREFIX}falco_events_total{{k8s_pod_name="trial-worker1",rule="{rule}"}} 1' for rule in told]
    lines.append(f'{_PREFIX}outputs_total{{destination="alertmanager",status="ok"}} {alertmanager}')
    lines.append(f'{_PREFIX}outputs_total{{destination="alertmanager",status="error"}} 7')
    lines.append(f'{_PREFIX}outputs_total{{destination="loki",status="ok"}} {loki}')
    return "\n".join(["# HELP of counters", *lines])


class Site(Cluster):
    """A cluster in which Falco tells what it is said to, once something was done."""

    def __init__(self, log: list[str], counted: str, *pods: dict[str, Any]) -> None:
        there = pods or (ready("watch", "falco"), ready("sidekick", "falcosidekick"))
        super().__init__({("pods", item["metadata"]["name"]): item for item in there})
        self.objects["pod", "trial-worker1"] = ready("trial-worker1", "trial")
        self._log, self._counted = log, counted
        self.answers[_METRICS] = metrics(alertmanager=0, loki=0)

    def attempt(self, *arguments: str, document: Any = None, text: str | None = None) -> Any:
        """Answer as kubectl does; alerts come after what was done."""
        if arguments[0] == "exec":
            self.answers["logs"] = "\n".join(["Starting in plain words", "7", *self._log])
            self.answers[_METRICS] = self._counted
        return super().attempt(*arguments, document=document)


def test_alerts_that_arrive_are_counted() -> None:
    site = Site([alert(SHELL), alert(WRITE)], metrics(SHELL, WRITE))

    assert falco_probe.probe(site, GIVEN, "room") == 2
    assert any(asked.startswith("exec trial-worker1 --namespace room -- sh -c echo") for asked in site.asked)


def test_a_node_that_nobody_watches_is_named() -> None:
    site = Site([], "", ready("watch", "falco", is_ready=False))

    with pytest.raises(KubectlFailed, match="Falco does not watch worker1"):
        falco_probe.probe(site, GIVEN, "room")


def test_a_rule_that_falco_does_not_tell_of_is_named() -> None:
    site = Site([alert(SHELL)], metrics(SHELL, WRITE))

    with pytest.raises(KubectlFailed, match=f"did not tell of '{WRITE}' on worker1"):
        falco_probe.probe(site, GIVEN, "room")


@pytest.mark.parametrize("pod", [None, "web-7c9"], ids=["of no pod", "of another pod"])
def test_an_alert_that_does_not_name_its_pod_is_none(pod: str | None) -> None:
    site = Site([alert(SHELL, pod), alert(WRITE)], metrics(SHELL, WRITE))

    with pytest.raises(KubectlFailed, match=f"did not tell of '{SHELL}'"):
        falco_probe.probe(site, GIVEN, "room")


def test_an_alert_that_falcosidekick_was_not_told_of_is_named() -> None:
    site = Site([alert(SHELL), alert(WRITE)], metrics(SHELL))

    with pytest.raises(KubectlFailed, match=f"falcosidekick was not told of '{WRITE}' of worker1"):
        falco_probe.probe(site, GIVEN, "room")


def test_an_output_that_nothing_reached_is_named() -> None:
    site = Site([alert(SHELL), alert(WRITE)], metrics(SHELL, WRITE, loki=0))

    with pytest.raises(KubectlFailed, match="No alert reached loki"):
        falco_probe.probe(site, GIVEN, "room")


def test_the_pod_that_acts_keeps_the_policies_and_may_write_below_etc_alone() -> None:
    made = falco_probe.actor("worker1", "falco:1")["spec"]

    assert made["nodeSelector"] == {"kubernetes.io/hostname": "worker1"}
    assert made["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert made["securityContext"]["runAsNonRoot"] is True
    assert [mount["mountPath"] for mount in made["containers"][0]["volumeMounts"]] == ["/etc/trial"]
