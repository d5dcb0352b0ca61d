#!/usr/bin/python
"""Give nodes the labels and taints an inventory wants, and take back those it no longer wants."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_settings
short_description: Label and taint nodes
description:
  - Remembers on each node what it set, so that what others set is left alone and what an inventory drops is taken back.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  nodes: {description: "For each node, its C(labels) and C(taints).", type: dict, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Label the nodes
  node_settings:
    kubeconfig: /etc/platform/kubeconfig
    nodes: {cp1: {labels: {zone: a}, taints: []}}
"""

RETURN = r"""
changed_nodes: {description: The nodes that were changed., returned: always, type: list, elements: str}
"""

import json
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_RECORD = "platform.internal/settings"


def kubectl(module: AnsibleModule, *arguments: str) -> str:
    """Run kubectl."""
    command = ["kubectl", "--kubeconfig", module.params["kubeconfig"], "--request-timeout=30s", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"`{' '.join(command[:1] + command[4:7])}` failed: {done.stderr.strip()}")
    return done.stdout


def key(taint: dict[str, Any]) -> tuple[str, str]:
    """Return what tells taints apart."""
    return taint["key"], taint["effect"]


def patch_for(node: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch that brings a node to what is wanted; empty when it is there."""
    record = json.loads(node["metadata"].get("annotations", {}).get(_RECORD, "{}"))
    labels = {name: str(value) for name, value in wanted.get("labels", {}).items()}
    dropped = {name: None for name in record.get("labels", []) if name not in labels}
    current = node["metadata"].get("labels", {})
    changed_labels = {name: value for name, value in {**dropped, **labels}.items() if current.get(name) != value}

    taints = [{name: value for name, value in taint.items() if value is not None} for taint in wanted.get("taints", [])]
    ours = {tuple(entry) for entry in record.get("taints", [])} | {key(taint) for taint in taints}
    present = node["spec"].get("taints", [])
    after = [taint for taint in present if key(taint) not in ours] + taints
    same = sorted(json.dumps(t, sort_keys=True) for t in present) == sorted(
        json.dumps(t, sort_keys=True) for t in after
    )

    new_record = {"labels": sorted(labels), "taints": sorted(list(key(taint)) for taint in taints)}
    patch: dict[str, Any] = {}
    if changed_labels:
        patch.setdefault("metadata", {})["labels"] = changed_labels
    if not same:
        patch["spec"] = {"taints": after}
    if record != new_record and (patch or labels or taints or record):
        patch.setdefault("metadata", {})["annotations"] = {_RECORD: json.dumps(new_record)}
    return patch


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"kubeconfig": {"type": "path", "required": True}, "nodes": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    listing = {
        node["metadata"]["name"]: node for node in json.loads(kubectl(module, "get", "nodes", "-o", "json"))["items"]
    }
    changed = []
    for name, wanted in sorted(module.params["nodes"].items()):
        if name not in listing:
            continue
        patch = patch_for(listing[name], wanted)
        if patch:
            changed.append(name)
            if not module.check_mode:
                kubectl(module, "patch", "node", name, "--type=merge", "--patch", json.dumps(patch))
    module.exit_json(changed=bool(changed), changed_nodes=changed)


if __name__ == "__main__":
    main()
