#!/usr/bin/python
"""Have objects be in a cluster as they are given."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_objects
short_description: Apply objects to a cluster
description:
  - Applies all objects with one C(kubectl), on the server's side, as the field manager C(platform), which wins
    conflicts.
  - What has an annotation C(platform.internal/scaled-within), such as C(1-3), keeps the copies that it has, within
    these bounds. Something else decides about them.
  - The module of kubernetes.core reads the whole API first, each time; on a busy cluster that was most of what an
    installation took.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  objects:
    description: The objects; each names its namespace where its kind has one.
    type: list
    elements: dict
    required: true
  only_missing:
    description: Whether objects that are there stay as they are, since a controller goes on from what was given first.
    type: bool
    default: false
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Have a namespace
  platform.base.cluster_objects:
    kubeconfig: /etc/platform/kubeconfig
    objects: [{apiVersion: v1, kind: Namespace, metadata: {name: shop}}]
"""

RETURN = r"""
applied: {description: "Which objects were not there, or were otherwise.", returned: success, type: list, elements: str}
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, listed

_APPLY = ("apply", "--server-side", "--force-conflicts", "--field-manager=platform", "--validate=false")
# A kind that is registered by what is being installed: none of its objects can be there.
_UNREGISTERED = "no matches for kind"
_SCALED = "platform.internal/scaled-within"
# What the server writes down by itself; a controller may do so between two looks.
_OF_THE_SERVER = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")


def apply(cluster: Kubectl, objects: Sequence[Mapping[str, Any]], dry: bool, only_missing: bool = False) -> list[str]:
    """Apply objects, and return the names of those that were not there, or were otherwise.

    Args:
        dry: whether the server only tells what it would make of them.
        only_missing: whether those that are there stay as they are.

    Raises:
        KubectlFailed: the cluster does not take them all; those it takes are there.
    """
    if not objects:
        return []
    document = listed(objects)
    before = cluster.attempt("get", "--filename=-", "--ignore-not-found", "--output=json", document=document)
    if before.returncode and _UNREGISTERED not in before.stderr:
        raise KubectlFailed(f"What is there cannot be read: {before.stderr.strip()[-400:]}")
    known = _by_name(before.stdout)
    if only_missing:
        missing = [item for item in objects if _name_of(item) not in known]
        return apply(cluster, missing, dry)
    rehearsed = ("--dry-run=server",) if dry else ()
    wished = listed([_with_its_copies(item, known.get(_name_of(item), {})) for item in objects])
    after = cluster.run(*_APPLY, *rehearsed, "--filename=-", "--output=json", document=wished)
    return [name for name, content in _by_name(after).items() if known.get(name) != content]


def _by_name(text: str) -> dict[str, Any]:
    """Return what kubectl printed, one object or a list, by kind, namespace and name, without what the server adds."""
    if not text.strip():
        return {}
    document = json.loads(text)
    found = {}
    for item in document["items"] if document["kind"] == "List" else [document]:
        metadata = {key: value for key, value in item["metadata"].items() if key not in _OF_THE_SERVER}
        found[_name_of(item)] = {
            **{key: value for key, value in item.items() if key != "status"}, "metadata": metadata,
        }  # fmt: skip
    return found


def _with_its_copies(item: Mapping[str, Any], there: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object with the copies that it has, where these are not ours to say."""
    bounds = (item["metadata"].get("annotations") or {}).get(_SCALED)
    if bounds is None:
        return item
    least, most = map(int, bounds.split("-"))
    copies = there.get("spec", {}).get("replicas", item["spec"]["replicas"])
    return {**item, "spec": {**item["spec"], "replicas": min(max(copies, least), most)}}


def _name_of(item: Mapping[str, Any]) -> str:
    place = [item["apiVersion"], item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]]
    return "/".join(part for part in place if part)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "objects": {"type": "list", "elements": "dict", "required": True},
            "only_missing": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        applied = apply(Kubectl(given["kubeconfig"]), given["objects"], module.check_mode, given["only_missing"])
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=bool(applied), applied=applied)


if __name__ == "__main__":
    main()
