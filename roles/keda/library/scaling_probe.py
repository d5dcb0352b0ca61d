#!/usr/bin/python
"""Scale by a measure, as models are scaled, and see copies stay where it cannot be read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: scaling_probe
short_description: Scale by a measure, and see copies stay where it cannot be read
description:
  - Who answers the API servers for measures is there, and is known by a certificate.
  - One copy becomes two while a measure says so. Where the measure has no value, two stay. They become one again when
    it says so. Who measures the site is asked, or the time of day where that is not there.
  - All of it is in a namespace of its own, which goes afterwards.
  - One that ended well holds good for some hours, while the programs and the image are the same.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the programs are., type: str, required: true}
  image: {description: An image that answers., type: str, required: true}
  prometheus: {description: "Who measures the site, by its URL.", type: str, required: true}
  measuring: {description: "Its service, as C(NAMESPACE/NAME).", type: str, required: true}
  drill_hours: {description: How long one that ended well holds good., type: int, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Scale something
  scaling_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: keda
    image: registry.example.com/agnhost:v1
    prometheus: https://prometheus.monitoring.svc:9090
    measuring: monitoring/prometheus
    drill_hours: 24
    seconds: 240
"""

RETURN = r"""
platform_report: {description: When scaling was tried last and how long it took., returned: success, type: dict}
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.probe import answer_from_a_room, pod, room

_SERVICE = "v1beta1.external.metrics.k8s.io"
_WORKLOADS = ("deployment/keda-operator", "deployment/keda-metrics-apiserver")
_SCALED, _ROLLOUT = "scaledobjects.keda.sh", "rollouts.argoproj.io"
_LEAST, _MOST, _PORT = 1, 2, 8080
# What is asked: more than one copy has, no value at all, and nothing to do.
MUCH, NOTHING_KNOWN, NONE = "vector(2)", "vector(0) > 1", "vector(0)"
# The same by the time of day: the whole year but for its last minute, nobody, and that minute.
_NEW_YEAR, _LAST_MINUTE, _NOBODY = "0 0 1 1 *", "59 23 31 12 *", "https://prometheus.invalid:9090"
# For longer than the cluster's autoscaler takes to look again.
_STAYS_SECONDS, _EVERY = 40.0, 4.0


class Scaling:
    """A workload of the probe that is scaled, as its team sees it.

    Args:
        cluster: where it is.
        namespace: its own.
        given: the module's options.
    """

    def __init__(self, cluster: Kubectl, namespace: str, given: Mapping[str, Any]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._given = given

    def begin(self) -> None:
        """Make the namespace, and one copy."""
        self._cluster.apply([*room(self._namespace, "probe"), rollout(self._given["image"])], self._namespace)

    def scale_by(self, query: str) -> None:
        """Have the copies follow a measure."""
        asked = self._given["prometheus"] if self._given["measured"] else ""
        self._cluster.apply([scaled_object(query, asked)], self._namespace)

    def copies(self) -> int:
        """Return how many copies are wanted."""
        found = self._cluster.get(_ROLLOUT, "probe", f"--namespace={self._namespace}")
        return int(found["spec"].get("replicas", _LEAST))

    def is_blind(self) -> bool:
        """Return whether the operator says that it goes without the measure."""
        conditions = self._scaled().get("conditions") or ()
        return any(entry["type"] == "Fallback" and entry["status"] == "True" for entry in conditions)

    def reach(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds.

        Raises:
            KubectlFailed: it did not in time.
        """
        if not self._cluster.wait_for(holds, self._given["seconds"]):
            told = {entry["type"]: entry.get("message", "") for entry in self._scaled().get("conditions") or ()}
            raise KubectlFailed(
                f"The probe's copies were to reach this within {self._given['seconds']} s: {what}. Instead"
                f" {self.copies()} are wanted, and the operator says {json.dumps(told)}. Look at"
                " `kubectl -n keda logs -l app.kubernetes.io/name=keda-operator`."
            )

    def stay(self, copies: int) -> None:
        """See the copies stay as many as they are.

        Raises:
            KubectlFailed: they did not.
        """
        if self._cluster.wait_for(lambda: self.copies() != copies, _STAYS_SECONDS, _EVERY):
            raise KubectlFailed(f"A measure had no value, and {self.copies()} copies were wanted instead of {copies}.")

    def _scaled(self) -> dict[str, Any]:
        found = self._cluster.get(_SCALED, "probe", f"--namespace={self._namespace}")
        status: dict[str, Any] = found.get("status", {})
        return status


def rollout(image: str) -> dict[str, Any]:
    """Return a rollout of one copy; the scaler alone says how many there are afterwards."""
    container = {
        "image": image, "args": ["netexec", f"--http-port={_PORT}", "--udp-port=-1"],
        "ports": [{"containerPort": _PORT}], "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 2},
    }  # fmt: skip
    spec = pod("probe", container, restartPolicy="Always")["spec"]
    labels = {"app": "probe"}
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "probe"},
        "spec": {
            "replicas": _LEAST, "selector": {"matchLabels": labels}, "strategy": {"canary": {}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }  # fmt: skip


def trigger(query: str, prometheus: str) -> dict[str, Any]:
    """Return what copies follow: a query, or the time of day where there is nobody to ask."""
    if not prometheus and query != NOTHING_KNOWN:
        begin, end = (_NEW_YEAR, _LAST_MINUTE) if query == MUCH else (_LAST_MINUTE, _NEW_YEAR)
        times = {"timezone": "UTC", "start": begin, "end": end, "desiredReplicas": str(_MOST)}
        return {"type": "cron", "metadata": times}
    metadata = {"serverAddress": prometheus or _NOBODY, "query": query, "threshold": "1", "ignoreNullValues": "false"}
    return {"type": "prometheus", "metricType": "AverageValue", "metadata": metadata}


def scaled_object(query: str, prometheus: str) -> dict[str, Any]:
    """Return what has copies follow a query, at once, and stay where it has no element."""
    at_once = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}
    return {
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "probe"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "probe"},
            "minReplicaCount": _LEAST, "maxReplicaCount": _MOST, "pollingInterval": 5,
            "fallback": {"failureThreshold": 1, "replicas": _LEAST, "behavior": "currentReplicasIfHigher"},
            "advanced": {
                "horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": at_once, "scaleDown": at_once}},
            },
            "triggers": [trigger(query, prometheus)],
        },
    }  # fmt: skip


def use(cluster: Kubectl, given: Mapping[str, Any], namespace: str) -> float:
    """Try scaling, and return the seconds that took.

    Raises:
        KubectlFailed: something did not.
    """
    began = time.monotonic()
    probe = Scaling(cluster, namespace, {**given, "measured": is_measured(cluster, given["measuring"])})
    probe.begin()
    probe.scale_by(MUCH)
    probe.reach("two copies, since twice as much waits as one has", lambda: probe.copies() == _MOST)
    probe.scale_by(NOTHING_KNOWN)
    probe.reach("the operator knows that the measure has no value", probe.is_blind)
    probe.stay(_MOST)
    probe.scale_by(NONE)
    probe.reach("one copy, since nothing waits", lambda: probe.copies() == _LEAST)
    return time.monotonic() - began


def answers_for_measures(cluster: Kubectl, seconds: float) -> None:
    """See who answers the API servers for measures, and that they know it.

    Raises:
        KubectlFailed: nobody answers, or anybody might.
    """
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.update(cluster.get("apiservices.apiregistration.k8s.io", _SERVICE))
        conditions = found.get("status", {}).get("conditions") or ()
        return any(entry["type"] == "Available" and entry["status"] == "True" for entry in conditions)

    if not cluster.wait_for(is_there, seconds):
        told: list[dict[str, str]] = found.get("status", {}).get("conditions") or [{}]
        raise KubectlFailed(f"The API servers reach nobody for measures: {told[0].get('message', 'no reason')}")
    if found["spec"].get("insecureSkipTLSVerify") or not found["spec"].get("caBundle"):
        raise KubectlFailed("The API servers do not look at the certificate of who answers them for measures.")


def tried(cluster: Kubectl, given: Mapping[str, Any]) -> str:
    """Return the digest of what is tried, once the programs are there.

    Raises:
        KubectlFailed: they are not.
    """
    for workload in _WORKLOADS:
        cluster.await_rollout(workload, given["namespace"], given["seconds"])
    answers_for_measures(cluster, given["seconds"])
    deployments = cluster.items("deployments.apps", f"--namespace={given['namespace']}")
    return digest(deployments, given["image"], is_measured(cluster, given["measuring"]))


def is_measured(cluster: Kubectl, service: str) -> bool:
    """Return whether there is who measures the site, C(NAMESPACE/NAME)."""
    namespace, _, name = service.partition("/")
    asked = ("get", "service", name, f"--namespace={namespace}", "--ignore-not-found", "--output=name")
    return bool(cluster.attempt(*asked).stdout.strip())


def main() -> None:
    """Run the module."""
    number, text = {"type": "int", "required": True}, {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": text, "image": text, "prometheus": text,
            "measuring": text, "drill_hours": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given, cluster = module.params, Kubectl(module.params["kubeconfig"])

    def practise() -> float:
        seconds: float = answer_from_a_room(module, "scaling", use)
        return seconds

    try:
        last = LastDrill(cluster, given["namespace"]).or_now(
            lambda: tried(cluster, given), given["drill_hours"], practise, time.time
        )
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    report = {"scaling_tried": as_moment(float(last["at"])), "scaling_seconds": last["seconds"]}
    module.exit_json(changed=False, platform_report=report)


if __name__ == "__main__":
    main()
