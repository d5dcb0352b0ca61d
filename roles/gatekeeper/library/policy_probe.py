#!/usr/bin/python
"""See that policies are in force, by what they refuse and let pass, and that the platform keeps them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy_probe
short_description: Try policies against a cluster
description:
  - Offers the cluster each case of each policy's suite, in namespaces of its own and without making anything of it.
    What violates a policy must be refused with the message that the suite expects, and the others be let pass.
  - Every copy of Gatekeeper must have every constraint in force and tell its metrics, and the last audit have found
    nothing of the platform's. While no audit can have been there since a constraint changed, gator judges instead.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Gatekeeper's namespace., type: str, required: true}
  constraints: {description: The constraints that are in force., type: list, elements: dict, required: true}
  files: {description: "The policies' files, by path: suites and cases.", type: dict, required: true}
  gator: {description: Where gator is., type: path, required: true}
  audit_seconds: {description: Seconds between two audits., type: int, required: true}
  seconds: {description: How long it may take until all of it holds., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Try the policies
  policy_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: gatekeeper-system
    constraints: "{{ constraints }}"
    files: {probes/suite.yml: "..."}
    gator: /usr/local/bin/gator
    audit_seconds: 60
    seconds: 300
"""

RETURN = r"""
cases: {description: Cases that were tried., returned: success, type: int}
seconds: {description: How long it took., returned: success, type: float}
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.cluster_api import Answer, Api, Kinds, NotYet, open_api
from ansible_collections.platform.base.plugins.module_utils.policy_cases import Case, cases, judge
from ansible_collections.platform.base.plugins.module_utils.policy_review import kept, there_are

_STATUSES = "/apis/status.gatekeeper.sh/v1beta1"
_METRICS = 8888
_TOLD = "gatekeeper_"
_CREATED, _CONFLICT = 201, 409
# Audits that may fail to appear before something is wrong.
_MISSED_AUDITS = 5
# Gatekeeper, and nothing before it, is to refuse what the cases offer.
_LABELS = {"pod-security.kubernetes.io/enforce": "privileged"}
# The platform's own namespaces are held to the policies as these are written, whatever a site asks of others.
_NAME = "platform-verify-policies-"


class Cluster:
    """What the probe makes and asks of a cluster."""

    def __init__(self, api: Api, name: str) -> None:
        """Name what is made after the probe."""
        self._api = api
        self._name = name
        self._kinds = Kinds(api)
        self._made: list[str] = []

    def prepare(self, case: Case, number: int) -> str:
        """Make the namespace a case is tried in, with what is there beside it, and return its name.

        Raises:
            NotYet: the cluster does not take it.
        """
        namespace = f"{self._name}-{number}" if case.inventory else self._name
        room = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": _LABELS}}
        for document in (room, *case.inventory):
            path, namespaced = self._path(document, namespace)
            answer = self.offer(document, namespace)
            if answer.status == _CREATED and not namespaced:
                self._made.append(f"{path}/{document['metadata']['name']}")
            elif answer.status not in (_CREATED, _CONFLICT):
                raise NotYet(f"{case.name}: its {document['kind']} is not taken: {answer.text.strip()[-300:]}")
        return namespace

    def offer(self, document: Mapping[str, Any], namespace: str, query: str = "") -> Answer:
        """Offer the cluster an object, in a namespace where it belongs into one."""
        path, namespaced = self._path(document, namespace)
        where = {"namespace": namespace} if namespaced else {}
        return self._api.ask("POST", path + query, {**document, "metadata": {**document["metadata"], **where}})

    def clear(self) -> None:
        """Delete what a probe that was killed left behind: its objects would stand in the way of the same cases."""
        for namespace in self._api.get("/api/v1/namespaces")["items"]:
            name = namespace["metadata"]["name"]
            if name.startswith(_NAME):
                self._api.ask("DELETE", f"/api/v1/namespaces/{name}")

    def clean_up(self) -> None:
        """Delete what was made; what is in a namespace goes with it."""
        for path in self._made:
            self._api.ask("DELETE", path)

    def _path(self, document: Mapping[str, Any], namespace: str) -> tuple[str, bool]:
        """Return where objects of a kind are made, and whether that is in a namespace."""
        kind = self._kinds.find(document["apiVersion"], document["kind"])
        where = f"/namespaces/{namespace}" if kind.namespaced else ""
        return f"{kind.root}{where}/{kind.plural}", kind.namespaced


def in_force(api: Api, namespace: str, constraints: Iterable[Mapping[str, Any]]) -> None:
    """See that every copy of Gatekeeper has every constraint in force, by what each copy writes down itself.

    One copy gathers that in the constraints' `status.byPod`, and may miss what another wrote after a loss of power.

    Raises:
        NotYet: one has not.
    """
    copies = {pod["metadata"]["name"] for pod in running(api, namespace)}
    known: dict[tuple[str, int], set[str]] = {}
    for item in api.get(f"{_STATUSES}/namespaces/{namespace}/constraintpodstatuses")["items"]:
        status = item.get("status", {})
        if status.get("enforced"):
            constraint = (status["constraintUID"], status["observedGeneration"])
            known.setdefault(constraint, set()).add(status["id"])
    for metadata in (there["metadata"] for there in there_are(api, constraints)):
        if lacking := sorted(copies - known.get((metadata["uid"], metadata["generation"]), set())):
            cure = f"look at `kubectl -n {namespace} get constraintpodstatuses`"
            raise NotYet(f"the constraint {metadata['name']} is not in force in {', '.join(lacking)}; {cure}")


def running(api: Api, namespace: str) -> list[dict[str, Any]]:
    """Return Gatekeeper's pods.

    Raises:
        NotYet: one is not ready.
    """
    listing = api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector=gatekeeper.sh%2Fsystem%3Dyes")
    pods: list[dict[str, Any]] = [pod for pod in listing["items"] if "deletionTimestamp" not in pod["metadata"]]
    for pod in pods:
        conditions = {entry["type"]: entry["status"] for entry in pod.get("status", {}).get("conditions", [])}
        if conditions.get("Ready") != "True":
            raise NotYet(f"the pod {pod['metadata']['name']} is not ready; look at `kubectl -n {namespace} get pods`")
    if not pods:
        raise NotYet(f"no pod of Gatekeeper runs in {namespace}")
    return pods


def tells_metrics(api: Api, namespace: str) -> None:
    """Read what every copy tells of itself.

    Raises:
        NotYet: one tells nothing.
    """
    for pod in running(api, namespace):
        name = pod["metadata"]["name"]
        answer = api.ask("GET", f"/api/v1/namespaces/{namespace}/pods/{name}:{_METRICS}/proxy/metrics")
        if _TOLD not in answer.text:
            raise NotYet(f"the pod {name} tells no metrics: {answer.status} {answer.text.strip()[-200:]}")


def checks(api: Api, cluster: Cluster, given: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what must hold, by name."""
    namespace, constraints, gator = given["namespace"], given["constraints"], given["gator"]
    yield "every policy is in force", partial(in_force, api, namespace, constraints)
    yield "every copy tells its metrics", partial(tells_metrics, api, namespace)
    late = _MISSED_AUDITS * given["audit_seconds"] + 60
    yield "the platform keeps the policies", partial(kept, api, constraints, late, gator)

    def tried(case: Case, number: int) -> None:
        where = cluster.prepare(case, number)
        judge(case, cluster.offer(case.document, where, "?dryRun=All"))

    for number, case in enumerate(cases(given["files"])):
        yield case.name, partial(tried, case, number)


def attempt(wanted: Iterable[tuple[str, Callable[[], None]]], held: set[str]) -> list[str]:
    """Try what did not hold yet, add what holds now to `held`, and return what does not."""

    def one(entry: tuple[str, Callable[[], None]]) -> str:
        name, check = entry
        try:
            check()
        except NotYet as reason:
            return str(reason)
        held.add(name)
        return ""

    with ThreadPoolExecutor(4) as pool:
        return [problem for problem in pool.map(one, [e for e in wanted if e[0] not in held]) if problem]


def main() -> None:
    """Run the module."""
    number = {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": {"type": "str", "required": True},
            "constraints": {"type": "list", "elements": "dict", "required": True},
            "files": {"type": "dict", "required": True}, "gator": {"type": "path", "required": True},
            "audit_seconds": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    given, held, began = module.params, set[str](), time.monotonic()
    with open_api(given["kubeconfig"]) as api:
        cluster = Cluster(api, f"{_NAME}{uuid.uuid4().hex[:8]}")
        wanted = list(checks(api, cluster, given))
        try:
            # While the API pauses nothing can be looked for; what is in the way is told of below.
            with contextlib.suppress(NotYet):
                cluster.clear()
            while (problems := attempt(wanted, held)) and time.monotonic() - began < given["seconds"]:
                time.sleep(1)
        finally:
            cluster.clean_up()
    if problems:
        module.fail_json(msg="\n".join(problems), held=sorted(held))
    module.exit_json(changed=False, cases=len(wanted), seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
