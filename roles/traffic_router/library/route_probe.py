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
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, balancer_addresses
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.old_tls import speaks_old
from ansible_collections.platform.base.plugins.module_utils.probe import pod
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer, door_of

# Out of a hundred requests, how many each release shall have.
WEIGHTS = {"stable": 95, "canary": 5}
TRACK = "x-aip-track"
NEXT_COPY = {"attempts": 5}
_MARK = {"platform.internal/probe": "route"}
_PORT, _TLS, _PLAIN = 8080, 443, 80
_SECONDS = 5.0
# So many answers in a row come from every copy of the router, and from both releases.
_IN_A_ROW = 40
# Copies of the router count apart from each other, so that a share is met about.
_MOST_OF_CANARY = 3
_KINDS = "ingressroutes.traefik.io,traefikservices.traefik.io,middlewares.traefik.io,services,pods"


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


def answers_plainly(address: str, host: str, path: str) -> bool:
    """Return whether what was routed is served without TLS, at the port of TLS or at that of HTTP."""
    for port in (_TLS, _PLAIN):
        connection = http.client.HTTPConnection(address, port, timeout=_SECONDS)
        try:
            connection.request("GET", path, headers={"Host": host})
            if connection.getresponse().status < http.client.BAD_REQUEST:
                return True
        except (OSError, http.client.HTTPException):
            # Refused, cut off, or nobody there: as it shall be.
            pass
        finally:
            connection.close()
    return False


def objects(namespace: str, image: str, host: str, path: str) -> list[dict[str, Any]]:
    """Return two releases, and a route that shares requests between them."""
    made = [item for track in WEIGHTS for item in release(track, image)]
    weighted = [
        {"name": track, "namespace": namespace, "port": _PORT, "weight": weight, "middlewares": [{"name": track}]}
        for track, weight in WEIGHTS.items()
    ]
    made.append(_custom("TraefikService", "probe", {"weighted": {"services": weighted}}))
    # The pods know no other path than this.
    made.append(_custom("Middleware", "path", {"replacePath": {"path": "/hostname"}}))
    # As the platform's own routes have it: a connection that is not made at once, on a busy host, is no answer.
    made.append(_custom("Middleware", "next-copy", {"retry": NEXT_COPY}))
    before = [{"name": "next-copy"}, {"name": "path"}]
    route = {
        "kind": "Rule", "match": f"Host(`{host}`) && Path(`{path}`)", "middlewares": before,
        "services": [{"kind": "TraefikService", "name": "probe"}],
    }  # fmt: skip
    return [*made, _custom("IngressRoute", "probe", {"routes": [route]})]


def release(track: str, image: str) -> list[dict[str, Any]]:
    """Return a release: its pod, its service, and what its answers are marked with."""
    container = {
        "image": image, "args": ["netexec", f"--http-port={_PORT}", "--udp-port=-1"],
        "ports": [{"containerPort": _PORT}], "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
    }  # fmt: skip
    labels = {**_MARK, "track": track}
    main = pod(track, container, "default")
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": track, "labels": _MARK},
        "spec": {"selector": labels, "ports": [{"port": _PORT}]},
    }  # fmt: skip
    marked = _custom("Middleware", track, {"headers": {"customResponseHeaders": {TRACK: track}}})
    return [{**main, "metadata": {"name": track, "labels": labels}}, service, marked]


def _custom(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": _MARK}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


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


def use(cluster: Kubectl, given: Mapping[str, Any], door: Door, path: str) -> None:
    """Try a route.

    Raises:
        KubectlFailed: the cluster does not take what the probe needs.
        NoAnswer: the router stopped answering.
        Wrong: the router does not do what it must.
    """
    cluster.apply(objects(given["namespace"], given["image"], given["host"], path), given["namespace"])
    await_answers(cluster, door, path, given["seconds"], _IN_A_ROW, http.client.OK)
    wrong = list(judge([ask(door, path) for _ in range(given["requests"])]))
    if answers_plainly(door.address, given["host"], path):
        wrong.append("it serves the route without TLS")
    if speaks_old(door.address, given["host"], _SECONDS):
        wrong.append("it shakes hands by TLS 1.1")
    if wrong:
        raise Wrong(f"The router at {door.address} does not do what it must: {'; '.join(wrong)}.")


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


def practise(cluster: Kubectl, given: Mapping[str, Any], door: Door) -> float:
    """Try a route, take it away again, and return the seconds that took.

    Raises:
        KubectlFailed: the cluster does not take what the probe needs.
        NoAnswer: the router stopped answering.
        Wrong: the router does not do what it must.
    """
    began, place = time.monotonic(), f"--namespace={given['namespace']}"
    try:
        use(cluster, given, door, f"/platform-probe/{uuid.uuid4().hex}")
    finally:
        cluster.attempt("delete", _KINDS, "--selector=platform.internal/probe=route", "--wait=false", place)
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
            lambda: tried(cluster, given), given["drill_hours"], lambda: practise(cluster, given, door), time.time
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
