#!/usr/bin/python
"""Use the cluster's network as workloads and users do, through the probe that runs on every node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_probe
short_description: Use the cluster's network as workloads and users do
description:
  - Pods of different hosts dial each other, resolve a name and reach a service; a port no rule allows is refused;
    a LoadBalancer address answers from outside the cluster. Changes nothing.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: The probe's namespace., type: str, required: true}
  nodes: {description: The nodes that must answer., type: list, elements: str, required: true}
  address: {description: Whether the probe's service has an address for users outside., type: bool, required: true}
  seconds: {description: How long to wait for it all to hold., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use the network
  network_probe: {kubeconfig: /etc/platform/kubeconfig, namespace: probe, nodes: [cp1], address: true, seconds: 60}
"""

RETURN = r"""
held: {description: What held., returned: always, type: list, elements: str}
"""

import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.cluster_api import Api, NotYet, open_api
from ansible_collections.platform.base.plugins.module_utils.kubectl import balancer_addresses

_ALLOWED, _REFUSED, _SERVICE = 8080, 8081, 80
_NAMES, _METRICS = 53, 9153


class Pod(NamedTuple):
    """One of the probe's pods."""

    name: str
    address: str


class Probe:
    """The probe's pods, spoken to through the API."""

    def __init__(self, api: Api, kubeconfig: str, namespace: str) -> None:
        """Speak to the pods of a namespace; programs in them are run by `kubectl`."""
        self._api = api
        self._kubeconfig = kubeconfig
        self._namespace = namespace

    def pods(self, nodes: list[str]) -> dict[str, Pod]:
        """Return the ready pod of each node."""
        listing = self._api.get(f"/api/v1/namespaces/{self._namespace}/pods?labelSelector=app%3Dprobe")
        ready = {
            pod["spec"]["nodeName"]: Pod(pod["metadata"]["name"], pod["status"].get("podIP", ""))
            for pod in listing["items"]
            if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
            and "deletionTimestamp" not in pod["metadata"]
        }
        if missing := [node for node in nodes if node not in ready]:
            raise NotYet(f"no probe is ready on {', '.join(missing)}")
        return ready

    def dial(self, pod: str, host: str, port: int) -> str:
        """Let a pod ask another for its name, and return it."""
        query = urllib.parse.urlencode(
            {"host": host, "port": port, "protocol": "http", "request": "hostname", "tries": 1}
        )
        answer = self._api.get(f"/api/v1/namespaces/{self._namespace}/pods/{pod}:{_ALLOWED}/proxy/dial?{query}")
        if not answer.get("responses"):
            raise NotYet(f"{pod} got no answer from {host}:{port}: {answer.get('errors')}")
        return str(answer["responses"][0])

    def connect(self, pod: str, target: str) -> str:
        """Let a pod open a connection, and return what became of it: empty when it stood."""
        done = subprocess.run(
            ["kubectl", "--kubeconfig", self._kubeconfig, "exec", "-n", self._namespace, pod, "-c", f"port{_ALLOWED}",
             "--", "/agnhost", "connect", target, "--timeout=1s"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = (done.stdout + done.stderr).strip()
        if done.returncode and not any(word in said for word in ("TIMEOUT", "REFUSED", "OTHER")):
            raise NotYet(f"a program in {pod} could not be run: {said[-300:]}")
        return said if done.returncode else ""

    def meets(self, pod: Pod, other: Pod) -> None:
        """Let a pod reach another."""
        if (answer := self.dial(pod.name, other.address, _ALLOWED)) != other.name:
            raise NotYet(f"{other.address} answered as {answer}, not as {other.name}")

    def resolves(self, pod: Pod, others: Collection[str]) -> None:
        """Let a pod reach a service by its name; one of the others answers."""
        target = f"probe.{self._namespace}.svc.cluster.local"
        if (answer := self.dial(pod.name, target, _SERVICE)) not in others:
            raise NotYet(f"{target} answered as {answer}, which is no pod of the service")

    def refuses(self, pod: Pod, other: Pod) -> None:
        """Let a pod knock at a port that a policy allows, and at one that none does."""
        if said := self.connect(pod.name, f"{other.address}:{_ALLOWED}"):
            raise NotYet(f"{other.address}:{_ALLOWED} does not answer, although a rule allows it: {said}")
        if not self.connect(pod.name, f"{other.address}:{_REFUSED}"):
            raise NotYet(f"{other.address}:{_REFUSED} answered, although no rule allows it")

    def refuses_names(self, pod: Pod) -> None:
        """Where there is one node, let its pod ask CoreDNS for a name, and for its metrics, which no rule allows."""
        listing = self._api.get("/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns")
        addresses = [entry["status"].get("podIP") for entry in listing["items"]]
        if not addresses or not addresses[0]:
            raise NotYet("CoreDNS does not run")
        if said := self.connect(pod.name, f"{addresses[0]}:{_NAMES}"):
            raise NotYet(f"{addresses[0]}:{_NAMES} does not answer, although a rule allows it: {said}")
        if not self.connect(pod.name, f"{addresses[0]}:{_METRICS}"):
            raise NotYet(f"{addresses[0]}:{_METRICS} answered, although no rule allows it")

    def answers_outside(self) -> None:
        """Reach the service as a user outside the cluster does."""
        service = self._api.get(f"/api/v1/namespaces/{self._namespace}/services/probe")
        addresses = balancer_addresses(service)
        if not addresses:
            raise NotYet("the service has no LoadBalancer address")
        try:
            urllib.request.urlopen(f"http://{addresses[0]}/hostname", timeout=3).read()
        except OSError as error:
            raise NotYet(f"{addresses[0]} does not answer from the admin host: {error}") from error


def checks(probe: Probe, pods: dict[str, Pod], outside: bool) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what must hold, by name."""
    nodes, names = sorted(pods), {pod.name for pod in pods.values()}
    for node, other in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        yield f"a pod on {node} reaches one on {other}", partial(probe.meets, pods[node], pods[other])
        yield (
            f"a pod on {node} reaches a service by its name",
            partial(probe.resolves, pods[node], names),
        )
    alone = len(nodes) == 1
    refuses = (
        partial(probe.refuses_names, pods[nodes[0]])
        if alone
        else partial(probe.refuses, pods[nodes[0]], pods[nodes[-1]])
    )
    yield "a policy refuses what no rule allows", refuses
    if outside:
        yield "a LoadBalancer address answers from outside", probe.answers_outside


def attempt(probe: Probe, nodes: list[str], outside: bool, held: set[str]) -> list[str]:
    """Try what did not hold yet, add what holds now to `held`, and return what does not."""
    try:
        wanted = [entry for entry in checks(probe, probe.pods(nodes), outside) if entry[0] not in held]
    except NotYet as reason:
        return [str(reason)]

    def one(entry: tuple[str, Callable[[], None]]) -> str:
        name, check = entry
        try:
            check()
        except NotYet as reason:
            return f"{name}: {reason}"
        held.add(name)
        return ""

    with ThreadPoolExecutor(4) as pool:
        return [problem for problem in pool.map(one, wanted) if problem]


def main() -> None:
    """Run the module."""
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": path,
            "namespace": {"type": "str", "required": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "address": {"type": "bool", "required": True},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    given, held = module.params, set[str]()
    end = time.monotonic() + given["seconds"]
    with open_api(given["kubeconfig"]) as opened:
        probe = Probe(opened, given["kubeconfig"], given["namespace"])
        while problems := attempt(probe, given["nodes"], given["address"], held):
            if time.monotonic() > end:
                break
            time.sleep(1)
    if problems:
        module.fail_json(msg="\n".join(problems), held=sorted(held))
    module.exit_json(changed=False, held=sorted(held))


if __name__ == "__main__":
    main()
