#!/usr/bin/python
"""Do what rules forbid, in a pod on every node, and find the alerts where somebody would be told of them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: falco_probe
short_description: Do what rules forbid, and find the alerts
description:
  - On every node a pod does what each trial says. Falco on that node must tell of it with the rule's name and the
    pod's, falcosidekick must have been told, and must have sent it on to every output.
  - The namespace of the pods goes afterwards.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Falco's namespace., type: str, required: true}
  nodes: {description: Nodes that are watched., type: list, elements: str, required: true}
  image: {description: An image with a shell., type: str, required: true}
  trials: {description: "Rules, each with a command that triggers it.", type: list, elements: dict, required: true}
  outputs: {description: "What sends alerts on, as falcosidekick calls it.", type: list, elements: str, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Find the alerts
  falco_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: falco
    nodes: [worker1]
    image: docker.io/falcosecurity/falco:0.44.1
    trials: [{rule: Shell entered in a container, command: [sh, -c, "true"]}]
    outputs: [alertmanager]
    seconds: 120
"""

RETURN = r"""
alerts: {description: How many alerts were found., returned: always, type: int}
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, is_ready
from ansible_collections.platform.base.plugins.module_utils.probe import answer_from_a_room, pod, room

_FALCO = "app.kubernetes.io/name=falco"
_SIDEKICK = "app.kubernetes.io/name=falcosidekick"
_PORT = 2801
_SAMPLE = re.compile(r"^falcosecurity_falcosidekick_(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_WRITABLE = {"name": "trial", "mountPath": "/etc/trial"}


def actor(node: str, image: str) -> dict[str, Any]:
    """Return a pod on a node that waits until it is told what to do, and may write into one folder below /etc."""
    container = {"image": image, "command": ["sleep", "900"], "volumeMounts": [_WRITABLE]}
    volumes = [{"name": "trial", "emptyDir": {"sizeLimit": "1Mi"}}]
    return pod(f"trial-{node}", container, volumes=volumes, nodeSelector={"kubernetes.io/hostname": node})


def watchers(cluster: Kubectl, given: Mapping[str, Any]) -> dict[str, str]:
    """Return Falco's pod on each node, once all are ready.

    Raises:
        KubectlFailed: a node has none that is ready.
    """
    found: dict[str, str] = {}

    def all_there() -> bool:
        pods = cluster.items("pods", "--namespace", given["namespace"], f"--selector={_FALCO}")
        found.clear()
        found.update({item["spec"]["nodeName"]: item["metadata"]["name"] for item in pods if is_ready(item)})
        return set(given["nodes"]) <= set(found)

    if not cluster.wait_for(all_there, given["seconds"]):
        missing = ", ".join(sorted(set(given["nodes"]) - set(found)))
        raise KubectlFailed(
            f"Falco does not watch {missing}. Look at `kubectl -n {given['namespace']} get pods -o wide`, and at the"
            " log of its pod there: a kernel that it cannot watch is named in it."
        )
    return found


def act(cluster: Kubectl, given: Mapping[str, Any], namespace: str) -> None:
    """Have a pod on every node do what each trial says.

    Raises:
        KubectlFailed: a pod does not run, or cannot do it.
    """
    cluster.apply([*room(namespace, "probe"), *(actor(node, given["image"]) for node in given["nodes"])], namespace)
    for node in given["nodes"]:
        name = f"trial-{node}"

        def runs(name: str = name) -> bool:
            return is_ready(cluster.get("pod", name, "--namespace", namespace))

        if not cluster.wait_for(runs, given["seconds"]):
            raise KubectlFailed(f"The pod {name} does not run: `kubectl describe` tells why while there is one.")
        for trial in given["trials"]:
            cluster.run("exec", name, "--namespace", namespace, "--", *trial["command"])


def told(log: str) -> Iterator[tuple[str, str]]:
    """Yield rule and pod of each alert in Falco's log."""
    for line in log.splitlines():
        try:
            alert = json.loads(line)
        except ValueError:
            # It says how it starts in plain words.
            continue
        if isinstance(alert, dict) and "rule" in alert:
            yield alert["rule"], (alert.get("output_fields") or {}).get("k8s.pod.name") or ""


def unseen(cluster: Kubectl, given: Mapping[str, Any], pods: Mapping[str, str]) -> list[str]:
    """Return what Falco did not tell of, for a reader."""
    missing = []
    for node in given["nodes"]:
        place = ("--namespace", given["namespace"], "--container=falco", f"--since={2 * given['seconds']}s")
        alerts = set(told(cluster.attempt("logs", pods[node], *place).stdout))
        missing += [
            f"{trial['rule']!r} on {node}"
            for trial in given["trials"]
            if (trial["rule"], f"trial-{node}") not in alerts
        ]
    return missing


def samples(cluster: Kubectl, given: Mapping[str, Any]) -> list[tuple[str, dict[str, str], float]]:
    """Return what every copy of falcosidekick has counted: name, labels, number."""
    found = []
    for item in cluster.items("pods", "--namespace", given["namespace"], f"--selector={_SIDEKICK}"):
        if is_ready(item):
            path = (
                f"/api/v1/namespaces/{given['namespace']}/pods/https:{item['metadata']['name']}:{_PORT}/proxy/metrics"
            )
            text = cluster.attempt("get", "--raw", path).stdout
            found += [(m[1], dict(_LABEL.findall(m[2])), float(m[3])) for m in _SAMPLE.finditer(text)]
    return found


def sent(cluster: Kubectl, given: Mapping[str, Any], status: str) -> dict[str, float]:
    """Return how many alerts each output was sent with a status."""
    return {
        output: sum(
            number
            for name, labels, number in samples(cluster, given)
            if name == "outputs_total" and labels.get("destination") == output and labels.get("status") == status
        )
        for output in given["outputs"]
    }


def untold(cluster: Kubectl, given: Mapping[str, Any]) -> list[str]:
    """Return what falcosidekick was not told, for a reader."""
    known = {
        (labels.get("rule"), labels.get("k8s_pod_name"))
        for name, labels, _ in samples(cluster, given)
        if name == "falco_events_total"
    }
    wanted = [(trial["rule"], f"trial-{node}", node) for node in given["nodes"] for trial in given["trials"]]
    return [f"{rule!r} of {node}" for rule, name, node in wanted if (rule, name) not in known]


def probe(cluster: Kubectl, given: Mapping[str, Any], namespace: str) -> int:
    """Do what rules forbid, and return how many alerts were found.

    Raises:
        KubectlFailed: one was not; it says where it was lost, and what to look at.
    """
    space, missing = given["namespace"], [""]
    pods, before = watchers(cluster, given), sent(cluster, given, "ok")
    act(cluster, given, namespace)

    def seen() -> bool:
        missing[:] = unseen(cluster, given, pods)
        return not missing

    if not cluster.wait_for(seen, given["seconds"]):
        raise KubectlFailed(
            f"Falco did not tell of {', '.join(missing)}. Look at `kubectl -n {space} logs ds/falco`: it names rules"
            " that it does not know, events that it lost, and a runtime that does not tell it of pods."
        )

    def arrived() -> bool:
        missing[:] = untold(cluster, given)
        return not missing

    if not cluster.wait_for(arrived, given["seconds"]):
        raise KubectlFailed(
            f"falcosidekick was not told of {', '.join(missing)}. Look at `kubectl -n {space} logs ds/falco` for what"
            f" answers to https://falcosidekick.{space}.svc:{_PORT}, and at its certificate."
        )

    def went_on() -> bool:
        now = sent(cluster, given, "ok")
        missing[:] = [output for output in given["outputs"] if now[output] <= before[output]]
        return not missing

    if not cluster.wait_for(went_on, given["seconds"]):
        raise KubectlFailed(
            f"No alert reached {', '.join(missing)}. Look at `kubectl -n {space} logs deploy/falcosidekick`, and at the"
            " address, the authority and the networks that the inventory says of it."
        )
    return len(given["nodes"]) * len(given["trials"])


def main() -> None:
    """Run the module."""
    texts = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": {"type": "str", "required": True},
            "nodes": texts, "outputs": texts, "image": {"type": "str", "required": True},
            "trials": {"type": "list", "elements": "dict", "required": True},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, alerts=0)
    alerts = answer_from_a_room(module, "falco", probe)
    module.exit_json(changed=False, alerts=alerts)


if __name__ == "__main__":
    main()
