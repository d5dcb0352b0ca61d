#!/usr/bin/python
"""Use the router as a user does: two releases behind one route, asked from outside by TLS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: route_probe
short_description: Ask two releases behind one route from outside
description:
  - Makes two pods, and a route that shares requests between them 95 to 5. Asks at the router's address, by TLS that is
    checked against the platform's authority. Both must answer about as often as they should, and each answer must say
    in its header C(x-aip-track) who gave it.
  - The same without TLS, and by TLS 1.1, must be refused. Takes away what it made.
  - One that ended well holds good for some hours, while the router, its settings and its image are the same. Whether it
    answers at its address by TLS is asked each time.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where it makes its route., type: str, required: true}
  router: {description: The router's namespace., type: str, required: true}
  image: {description: An image that answers with its pod's name., type: str, required: true}
  host: {description: The name in the router's certificate., type: str, required: true}
  ca_certificate: {description: The platform's authority., type: path, required: true}
  requests: {description: How many requests it sends., type: int, required: true}
  drill_hours: {description: How long one that ended well holds good., type: int, required: true}
  seconds: {description: How long it may take until the route is followed., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Ask it
  route_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: traffic-router-probe
    router: traffic-router
    image: registry.example.com/agnhost:v1
    host: inference.example.com
    ca_certificate: /etc/platform/ca.crt
    requests: 200
    drill_hours: 24
    seconds: 180
"""

RETURN = r"""
platform_report:
  description: Where the router answers, when routes were tried last, and how long it took.
  returned: success
  type: dict
"""

import http.client
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, balancer_addresses
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.old_tls import answers_plainly, speaks_old
from ansible_collections.platform.base.plugins.module_utils.trial_route import KINDS, TRACK, WEIGHTS, objects
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer, door_of

_TLS = 443
_SECONDS = 5.0
# So many answers in a row come from every copy of the router, and from both releases.
_IN_A_ROW = 40
# Copies of the router count apart from each other, so that a share is met about.
_MOST_OF_CANARY = 3
# An address that moves to another host cuts off what is under way, and who uses it asks again.
_MOST_CUT_OFF = 2


class Wrong(Exception):
    """The router does not do what it must."""


class Answer(NamedTuple):
    """What came back: who is said to have answered, and who did."""

    status: int
    track: str
    body: str


def ask(door: Door, path: str) -> Answer:
    """Ask what was routed.

    Raises:
        NoAnswer: the router does not answer, or is not who it should be.
    """
    answer = door.request("GET", path)
    return Answer(answer.status, answer.headers.get(TRACK, ""), answer.content.decode(errors="replace").strip())


def judge(answers: list[Answer]) -> Iterator[str]:
    """Yield what is wrong with the answers."""
    for answer in answers:
        if answer.status != http.client.OK:
            yield f"an answer has the status {answer.status}"
            return
        if answer.track != answer.body:
            yield f"an answer of the release {answer.body!r} says {TRACK}: {answer.track!r}"
            return
    counted, whole = Counter(answer.body for answer in answers), sum(WEIGHTS.values())
    canary = counted["canary"]
    most = _MOST_OF_CANARY * WEIGHTS["canary"] * len(answers) / whole
    if not 0 < canary <= most or not counted["stable"]:
        yield (
            f"of {len(answers)} requests the canary answered {canary} and the stable release {counted['stable']}, where"
            f" the weights are {WEIGHTS['canary']} to {WEIGHTS['stable']}"
        )


def address_of(cluster: Kubectl, router: str, seconds: float) -> str:
    """Return where the router answers.

    Raises:
        Wrong: it was given no address in time.
    """
    found: list[str] = []

    def given() -> bool:
        found[:] = balancer_addresses(cluster.get("service", "traefik", f"--namespace={router}"))
        return bool(found)

    if not cluster.wait_for(given, seconds):
        raise Wrong(f"The service traefik in {router} has no address: look at `kubectl get ciliumloadbalancerippools`.")
    return found[0]


def await_answers(
    cluster: Kubectl, door: Door, path: str, seconds: float, times: int = 1, wanted: int | None = None
) -> None:
    """Wait until the router answers so many times in a row, by the status that is wanted or by any.

    Raises:
        Wrong: it did not in time, with what came instead.
    """
    said = ["nothing was asked"]

    def answered() -> bool:
        try:
            statuses = {ask(door, path).status for _ in range(times)}
        except NoAnswer as nothing:
            said[0] = str(nothing)
            return False
        said[0] = f"it answers with the status {max(statuses)}"
        return wanted is None or statuses == {wanted}

    if not cluster.wait_for(answered, seconds):
        raise Wrong(f"The router does not answer as it must: {said[0]}.")


def asked(cluster: Kubectl, given: Mapping[str, Any], door: Door, path: str) -> tuple[list[Answer], int]:
    """Ask as often as is given, and return the answers, and how many requests were cut off before one.

    Raises:
        NoAnswer: more were cut off than a move of the address explains.
        Wrong: the router stopped answering.
    """
    answers: list[Answer] = []
    cut_off = 0
    while len(answers) < given["requests"]:
        try:
            answers.append(ask(door, path))
        except NoAnswer:
            cut_off += 1
            if cut_off > _MOST_CUT_OFF:
                raise
            await_answers(cluster, door, path, given["seconds"])
    return answers, cut_off


def use(cluster: Kubectl, given: Mapping[str, Any], door: Door, path: str) -> int:
    """Try a route, and return how many requests were cut off.

    Raises:
        KubectlFailed: the cluster does not take what the probe needs.
        NoAnswer: the router stopped answering.
        Wrong: the router does not do what it must.
    """
    cluster.apply(objects(given["namespace"], given["image"], given["host"], path), given["namespace"])
    await_answers(cluster, door, path, given["seconds"], _IN_A_ROW, http.client.OK)
    answers, cut_off = asked(cluster, given, door, path)
    wrong = list(judge(answers))
    if answers_plainly(door.address, given["host"], path, _SECONDS):
        wrong.append("it serves the route without TLS")
    if speaks_old(door.address, given["host"], _SECONDS):
        wrong.append("it shakes hands by TLS 1.1")
    if wrong:
        raise Wrong(f"The router at {door.address} does not do what it must: {'; '.join(wrong)}.")
    return cut_off


def tried(cluster: Kubectl, given: Mapping[str, Any]) -> str:
    """Return the digest of what is tried, once every copy of the router is there.

    Raises:
        KubectlFailed: some are not.
    """
    cluster.await_rollout("deployment/traefik", given["router"], given["seconds"])
    kinds = "deployments.apps,configmaps,tlsoptions.traefik.io,tlsstores.traefik.io"
    items = cluster.items(kinds, f"--namespace={given['router']}")
    settings = [item for item in items if not item["metadata"]["name"].startswith("platform-")]
    return digest(settings, given["host"], given["image"], given["requests"])


def practise(cluster: Kubectl, given: Mapping[str, Any], door: Door, warn: Callable[[str], None]) -> float:
    """Try a route, take it away again, and return the seconds that took; whoever listens is warned of requests cut off.

    Raises:
        KubectlFailed: the cluster does not take what the probe needs.
        NoAnswer: the router stopped answering.
        Wrong: the router does not do what it must.
    """
    began, place = time.monotonic(), f"--namespace={given['namespace']}"
    try:
        if cut_off := use(cluster, given, door, f"/platform-probe/{uuid.uuid4().hex}"):
            warn(f"Of {given['requests']} requests {cut_off} were cut off by the router, and asked again.")
    finally:
        cluster.attempt("delete", KINDS, "--selector=platform.internal/probe=route", "--wait=false", place)
    return time.monotonic() - began


def main() -> None:
    """Run the module."""
    text, path, number = ({"type": kind, "required": True} for kind in ("str", "path", "int"))
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": path, "namespace": text, "router": text, "image": text, "host": text,
            "ca_certificate": path, "requests": number, "drill_hours": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given, cluster = module.params, Kubectl(module.params["kubeconfig"])
    try:
        address = address_of(cluster, given["router"], given["seconds"])
        where = {"address": address, "port": _TLS, "name": given["host"], "authority": given["ca_certificate"]}
        door = door_of(where, _SECONDS)
        await_answers(cluster, door, "/", given["seconds"])
        last = LastDrill(cluster, given["router"]).or_now(
            lambda: tried(cluster, given),
            given["drill_hours"],
            lambda: practise(cluster, given, door, module.warn),
            time.time,
        )
    except (KubectlFailed, NoAnswer, OSError, Wrong) as failure:
        columns = "custom-columns=KIND:.involvedObject.kind,REASON:.reason,MESSAGE:.message"
        place = f"--namespace={given['namespace']}"
        events = cluster.attempt("get", "events", "--sort-by=.lastTimestamp", "-o", columns, "--no-headers", place)
        module.fail_json(msg=str(failure), evidence=events.stdout.splitlines()[-15:])
    tried_at = {"routes_tried": as_moment(float(last["at"])), "route_seconds": last["seconds"]}
    module.exit_json(changed=False, platform_report={"address": address, **tried_at})


if __name__ == "__main__":
    main()
