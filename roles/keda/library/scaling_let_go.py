#!/usr/bin/python
"""Let objects go on without what scaled by them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: scaling_let_go
short_description: Let objects go on without what scaled by them
description:
  - KEDA holds its objects back when they are deleted, to tidy up after them. When it is gone, nobody would let them go,
    and no namespace with one could be deleted. This takes its hold off all of them; they stay as they are otherwise.
  - Without access to a cluster, or with one that does not answer, there is nothing to do.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Let them go
  scaling_let_go:
    kubeconfig: /etc/platform/kubeconfig
"""

RETURN = r"""
let_go: {description: "What was held, by kind, namespace and name.", returned: success, type: list, elements: str}
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

KINDS = (
    "scaledobjects.keda.sh", "scaledjobs.keda.sh", "triggerauthentications.keda.sh",
    "clustertriggerauthentications.keda.sh", "cloudeventsources.eventing.keda.sh",
    "clustercloudeventsources.eventing.keda.sh",
)  # fmt: skip
_HOLD = "keda.sh"


def let_go(cluster: Kubectl, dry: bool) -> list[str]:
    """Take the hold off every object, and return those that had it.

    Args:
        dry: whether only to say so.

    Raises:
        KubectlFailed: the cluster does not take it.
    """
    if cluster.attempt("get", "--raw", "/readyz").returncode:
        return []
    found = []
    for kind in KINDS:
        for item in cluster.items(kind, "--all-namespaces"):
            held = item["metadata"].get("finalizers") or []
            others = [entry for entry in held if _HOLD not in entry]
            if held == others:
                continue
            found.append("/".join([kind, *_place(item)]))
            if not dry:
                change = json.dumps({"metadata": {"finalizers": others}})
                where = [f"--namespace={name}" for name in _place(item)[:-1]]
                cluster.run("patch", kind, item["metadata"]["name"], "--type=merge", f"--patch={change}", *where)
    return found


def _place(item: Mapping[str, Any]) -> list[str]:
    return list(_parts(item["metadata"]))


def _parts(metadata: Mapping[str, Any]) -> Iterator[str]:
    if metadata.get("namespace"):
        yield metadata["namespace"]
    yield metadata["name"]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"kubeconfig": {"type": "path", "required": True}}, supports_check_mode=True)
    try:
        found = let_go(Kubectl(module.params["kubeconfig"]), module.check_mode)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=bool(found), let_go=found)


if __name__ == "__main__":
    main()
