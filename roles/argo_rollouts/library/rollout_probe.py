#!/usr/bin/python
"""Release by steps, as a team does, and see a broken release taken back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_probe
short_description: Release by steps, and see a broken release taken back
description:
  - Two copies of a first release become healthy. A second release takes half of their place, waits until it is let on,
    and takes the rest.
  - A third release never becomes ready. It must be taken back within its time, while the second goes on answering.
  - All of it is in a namespace of its own, which goes afterwards.
  - One that ended well holds good for some hours, while the controller and the image are the same.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the controller is., type: str, required: true}
  image: {description: An image that answers with its pod's name., type: str, required: true}
  deadline_seconds: {description: When a release without progress is taken back., type: int, required: true}
  drill_hours: {description: How long one that ended well holds good., type: int, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Release something
  rollout_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: argo-rollouts
    image: registry.example.com/agnhost:v1
    deadline_seconds: 15
    drill_hours: 24
    seconds: 180
"""

RETURN = r"""
platform_report: {description: When releases were tried last and how long it took., returned: success, type: dict}
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, is_ready
from ansible_collections.platform.base.plugins.module_utils.model_states import is_seen
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.probe import answer_from_a_room, pod, room

_COPIES, _PORT = 2, 8080
# Nobody listens there: a pod that is asked there is never ready.
_DEAF = 9
_REVISION = "revision"
FIRST, SECOND, BROKEN = "first", "second", "broken"
# A release that works is given all the time its step has.
_PATIENT = 3600


class Release:
    """A rollout of the probe, as its team sees it.

    Args:
        cluster: where it is.
        namespace: its own.
        image: what its pods run.
        seconds: how long each step may take.
    """

    def __init__(self, cluster: Kubectl, namespace: str, image: str, seconds: float) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._image = image
        self._seconds = seconds

    def begin(self) -> None:
        """Make the namespace, and the service that its copies answer by."""
        service = {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe"},
            "spec": {"selector": {"app": "probe"}, "ports": [{"port": _PORT}]},
        }  # fmt: skip
        self._cluster.apply([*room(self._namespace, "probe"), service], self._namespace)

    def release(self, revision: str, deadline: int = _PATIENT) -> None:
        """Ask for a release."""
        self._cluster.apply([rollout(self._image, revision, deadline)], self._namespace)

    def let_on(self) -> None:
        """Let a release that waits go on, as whoever approves it does."""
        self._cluster.run(
            "patch", "rollouts.argoproj.io", "probe", f"--namespace={self._namespace}", "--subresource=status",
            "--type=merge", '--patch={"status":{"pauseConditions":null}}',
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return the rollout's status; empty while that is of an earlier wish."""
        found = self._cluster.get("rollouts.argoproj.io", "probe", f"--namespace={self._namespace}")
        status: dict[str, Any] = found.get("status", {})
        return status if is_seen(found) else {}

    def ready(self) -> dict[str, str]:
        """Return the release of each pod that is ready."""
        items = self._cluster.items("pods", "--selector=app=probe", f"--namespace={self._namespace}")
        return {
            item["metadata"]["name"]: item["metadata"]["labels"][_REVISION]
            for item in items
            if is_ready(item) and "deletionTimestamp" not in item["metadata"]
        }

    def answering(self) -> str:
        """Return the release that answers a request."""
        path = f"/api/v1/namespaces/{self._namespace}/services/http:probe:{_PORT}/proxy/hostname"
        name = self._cluster.run("get", "--raw", path).strip()
        return self.ready().get(name, f"of the pod {name}, which is not ready")

    def reach(self, what: str, holds: Callable[[dict[str, Any], Mapping[str, int]], bool]) -> None:
        """Wait until the rollout's status and the number of ready pods by release are as they shall be.

        Raises:
            KubectlFailed: they were not in time.
        """
        seen = [""]

        def reached() -> bool:
            status, ready = self.state(), Counter(self.ready().values())
            told = {key: status.get(key) for key in ("phase", "message", "currentStepIndex", "abort")}
            seen[0] = f"its status is {json.dumps(told)}, and ready are {dict(ready)}"
            return bool(status) and holds(status, ready)

        if not self._cluster.wait_for(reached, self._seconds):
            raise KubectlFailed(
                f"The probe's rollout was to reach this within {self._seconds} s: {what}. Instead {seen[0]}."
                " Look at `kubectl -n argo-rollouts logs -l app.kubernetes.io/name=argo-rollouts`."
            )


def rollout(image: str, revision: str, deadline: int) -> dict[str, Any]:
    """Return a rollout of two copies whose new releases wait at the half."""
    asked = {"tcpSocket": {"port": _DEAF if revision == BROKEN else _PORT}, "periodSeconds": 1}
    container = {
        "image": image, "args": ["netexec", f"--http-port={_PORT}", "--udp-port=-1"],
        "ports": [{"containerPort": _PORT}], "readinessProbe": asked,
    }  # fmt: skip
    labels = {"app": "probe", _REVISION: revision}
    spec = pod("probe", container, restartPolicy="Always")["spec"]
    # A release that is taken back has nothing at the half to wait for.
    steps = [{"setWeight": 50}, {"pause": {}}, {"setWeight": 100}]
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "probe"},
        "spec": {
            "replicas": _COPIES, "revisionHistoryLimit": 2, "progressDeadlineSeconds": deadline,
            "progressDeadlineAbort": True, "selector": {"matchLabels": {"app": "probe"}},
            "strategy": {"canary": {"maxSurge": 1, "maxUnavailable": 0, "steps": steps}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }  # fmt: skip


def use(cluster: Kubectl, given: Mapping[str, Any], namespace: str) -> float:
    """Try releases, and return the seconds that took.

    Raises:
        KubectlFailed: something did not.
    """
    began = time.monotonic()
    probe = Release(cluster, namespace, given["image"], given["seconds"])
    probe.begin()
    probe.release(FIRST)
    probe.reach(
        "two copies of the first release are healthy",
        lambda status, ready: status.get("phase") == "Healthy" and ready == {FIRST: _COPIES},
    )
    probe.release(SECOND)
    probe.reach(
        "the second release has half of the copies, and waits",
        lambda status, ready: status.get("phase") == "Paused" and ready == {FIRST: 1, SECOND: 1},
    )
    probe.let_on()
    probe.reach(
        "the second release has all copies",
        lambda status, ready: status.get("phase") == "Healthy" and ready == {SECOND: _COPIES},
    )
    probe.release(BROKEN, given["deadline_seconds"])
    probe.reach(
        "the release that does not work is taken back",
        lambda status, ready: bool(status.get("abort")) and ready == {SECOND: _COPIES},
    )
    if (answering := probe.answering()) != SECOND:
        raise KubectlFailed(f"After a broken release was taken back, the release {answering} answers, not the second.")
    return time.monotonic() - began


def tried(cluster: Kubectl, given: Mapping[str, Any]) -> str:
    """Return the digest of what is tried, once the controller is there.

    Raises:
        KubectlFailed: it is not.
    """
    cluster.await_rollout("deployment/argo-rollouts", given["namespace"], given["seconds"])
    return digest(cluster.items("deployments.apps", f"--namespace={given['namespace']}"), given["image"])


def main() -> None:
    """Run the module."""
    number, text = {"type": "int", "required": True}, {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": text, "image": text,
            "deadline_seconds": number, "drill_hours": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given, cluster = module.params, Kubectl(module.params["kubeconfig"])

    def practise() -> float:
        seconds: float = answer_from_a_room(module, "rollouts", use)
        return seconds

    try:
        last = LastDrill(cluster, given["namespace"]).or_now(
            lambda: tried(cluster, given), given["drill_hours"], practise, time.time
        )
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    report = {"releases_tried": as_moment(float(last["at"])), "release_seconds": last["seconds"]}
    module.exit_json(changed=False, platform_report=report)


if __name__ == "__main__":
    main()
