#!/usr/bin/python
"""See that engines keep the contract that the platform has with all of them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_probe
short_description: See that engines keep their contract
description:
  - Every copy of each model must be ready. The model tells that it is well, answers to its name, measures itself, and
    gives the same answer twice at temperature 0.
  - Engines run as an account without rights, on a root file system that they cannot write to, and ask nobody outside.
  - They are asked by way of the API server, so that no door need be open.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the models are., type: str, required: true}
  models: {description: "Copies of each model, by its name.", type: dict, required: true}
  measure: {description: A measure that each engine has., type: str, required: true}
  seconds: {description: How long it may take until all copies are ready., type: float, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Each model keeps its contract
  engine_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: llamacpp
    models: {tiny: 2}
    measure: llamacpp:requests_processing
    seconds: 300
"""

RETURN = r"""
platform_report: {description: "Each model with the seconds of an answer.", returned: always, type: dict}
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

_ACCOUNT = 1000
_OFFLINE = "HF_HUB_OFFLINE"
_SETTLED = ("Healthy", "Paused")
_ASKED = {"messages": [{"role": "user", "content": "Are you there?"}], "temperature": 0, "seed": 1, "max_tokens": 16}


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

    def says(self) -> str:
        """Return its answer to a short prompt.

        Raises:
            KubectlFailed: it does not answer well.
        """
        asked = {**_ASKED, "model": self.model}
        command = ("create", "--raw", self._at + "/v1/chat/completions", "--filename=-")
        answer = json.loads(self._cluster.run(*command, document=asked))
        return str(answer["choices"][0]["message"]["content"])


def broken_promises(engine: Engine, measure: str) -> Iterator[str]:
    """Yield what a model does not keep of what engines promise."""
    engine.get("/health")
    names = [entry["id"] for entry in json.loads(engine.get("/v1/models"))["data"]]
    if engine.model not in names:
        yield f"it calls itself {', '.join(names) or 'nothing'}"
    if measure not in engine.get("/metrics"):
        yield f"/metrics has no {measure}"
    first, second = engine.says(), engine.says()
    if not first:
        yield "its answer is empty"
    if first != second:
        yield f"it answers {first!r}, and then {second!r}, at temperature 0"


def loose_ends(pod: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the pods of a model may do, and should not."""
    if pod.get("securityContext", {}).get("runAsUser") != _ACCOUNT:
        yield f"its pods do not run as {_ACCOUNT}"
    for container in pod["containers"]:
        if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield f"its container {container['name']} can write to its root file system"
        if {"name": _OFFLINE, "value": "1"} not in container.get("env", []):
            yield f"its container {container['name']} has no {_OFFLINE}=1"


def settled(cluster: Kubectl, name: str, where: str, copies: int, seconds: float) -> dict[str, Any]:
    """Return a model's rollout when all its copies are ready, or as it is when the time is over.

    A release that waits to be agreed to is no fault: those who ask are served meanwhile.

    Raises:
        KubectlFailed: there is no such model.
    """
    found: dict[str, Any] = {}

    def is_settled() -> bool:
        found.update(cluster.get("rollouts.argoproj.io", name, where))
        status = found.get("status", {})
        return status.get("phase") in _SETTLED and status.get("readyReplicas", 0) >= copies

    cluster.wait_for(is_settled, seconds)
    return found


def tried(cluster: Kubectl, given: Mapping[str, Any]) -> tuple[list[str], dict[str, float]]:
    """Return what is wrong with the models, and the seconds that each took for its answers.

    Raises:
        KubectlFailed: one is not there, or does not answer.
    """
    where, wrong, seconds = f"--namespace={given['namespace']}", [], {}
    for name, copies in sorted(given["models"].items()):
        found = settled(cluster, name, where, copies, given["seconds"])
        status = found.get("status", {})
        if status.get("phase") not in _SETTLED or status.get("readyReplicas", 0) < copies:
            why = status.get("message", "nothing is said of it")
            wrong.append(f"{name}: {status.get('readyReplicas', 0)} of {copies} copies are ready: {why}")
            continue
        began = time.monotonic()
        faults = [*loose_ends(found["spec"]["template"]["spec"])]
        faults += broken_promises(Engine(cluster, given["namespace"], name), given["measure"])
        seconds[name] = round(time.monotonic() - began, 1)
        wrong += [f"{name}: {fault}" for fault in faults]
    return wrong, seconds


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": text,
            "models": {"type": "dict", "required": True}, "measure": text,
            "seconds": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    try:
        wrong, seconds = tried(Kubectl(module.params["kubeconfig"]), module.params)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    if wrong:
        module.fail_json(msg=f"Models do not keep what engines promise: {'; '.join(wrong)}.", evidence=wrong)
    module.exit_json(changed=False, platform_report={"models": seconds})


if __name__ == "__main__":
    main()
