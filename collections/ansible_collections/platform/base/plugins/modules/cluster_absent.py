#!/usr/bin/python
"""Take releases and objects out of a cluster, if there is one that answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_absent
short_description: Take releases and objects out of a cluster
description:
  - Deletes what needs the releases to go, uninstalls them, then deletes other objects, those of them that are there.
  - Without access to a cluster, or with one that does not answer within five seconds, there is nothing to take out.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  before:
    description: Objects that go first, like C(objects).
    type: list
    elements: dict
    default: []
    suboptions: &objects
      kind: {description: "The resource, with its group, as C(deployments.apps).", type: str, required: true}
      name: {description: The object's name., type: str}
      selector: {description: A selector of labels instead of a name., type: str}
      namespace: {description: The object's namespace., type: str}
  releases:
    description: Releases of Helm.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: The release's name., type: str, required: true}
      namespace: {description: The release's namespace., type: str, required: true}
  pods_gone:
    description: Pods to wait for after that, until they have ended.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace: {description: The pods' namespace., type: str, required: true}
      selector: {description: A selector of labels., type: str, required: true}
  objects:
    description: Objects, in the order in which they are deleted.
    type: list
    elements: dict
    default: []
    suboptions: *objects
  seconds: {description: How long objects may take to go., type: int, default: 60}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Take the release away
  platform.base.cluster_absent:
    kubeconfig: /etc/platform/kubeconfig
    releases: [{name: metrics-server, namespace: kube-system}]
    objects: [{kind: secrets, name: metrics-server-tls, namespace: kube-system}]
"""

RETURN = r"""
answered: {description: Whether there is a cluster., returned: always, type: bool}
gone: {description: "What was taken out, or would be.", returned: always, type: list, elements: str}
"""

import os
import shutil
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_UNKNOWN = ("doesn't have a resource type", "NotFound", "not found", "no matches for kind")


class Cluster:
    """kubectl and helm with one access."""

    def __init__(self, module: AnsibleModule) -> None:
        """Use the module's access, and its failure."""
        self._module = module
        self._environment = {**os.environ, "KUBECONFIG": module.params["kubeconfig"]}

    def run(self, *arguments: str, forgive: tuple[str, ...] = ()) -> str:
        """Run a program, and return what it printed; errors to forgive are no output."""
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=self._environment)
        if done.returncode == 0:
            return done.stdout
        if any(word in done.stderr for word in forgive):
            return ""
        self._module.fail_json(msg=f"`{' '.join(arguments[:5])}` failed: {done.stderr.strip()[-600:]}")
        raise AssertionError

    def answers(self) -> bool:
        """Return whether there is a cluster to take something out of."""
        if not os.path.exists(self._module.params["kubeconfig"]) or shutil.which("kubectl") is None:
            return False
        command = ["kubectl", "get", "--raw", "/readyz", "--request-timeout=5s"]
        done = subprocess.run(command, capture_output=True, check=False, env=self._environment)
        if done.returncode:
            self._module.warn("The cluster does not answer: what is in it stays there.")
        return done.returncode == 0


def uninstall(cluster: Cluster, release: dict[str, str], wet: bool) -> list[str]:
    """Uninstall a release, and return it when it was there."""
    if shutil.which("helm") is None:
        return []
    place = ("--namespace", release["namespace"])
    found = cluster.run("helm", "list", "--all", "--short", "--filter", f"^{release['name']}$", *place).split()
    if found and wet:
        cluster.run("helm", "uninstall", release["name"], *place, forgive=_UNKNOWN)
    return [f"release {name}" for name in found]


def delete(cluster: Cluster, entry: dict[str, Any], seconds: int, wet: bool) -> list[str]:
    """Delete objects, and return those that were there."""
    target = [entry["kind"], *([entry["name"]] if entry["name"] else ["--selector", entry["selector"]])]
    place = ["--namespace", entry["namespace"]] if entry["namespace"] else []
    found = cluster.run(
        "kubectl", "get", *target, *place, "--ignore-not-found", "--output=name", forgive=_UNKNOWN
    ).split()
    if found and wet:
        limit = ["--ignore-not-found", f"--timeout={seconds}s"]
        cluster.run("kubectl", "delete", *target, *place, *limit, forgive=_UNKNOWN)
    return found


def main() -> None:
    """Run the module."""
    text, required = {"type": "str"}, {"type": "str", "required": True}

    def entries(**options: dict[str, Any]) -> dict[str, Any]:
        return {"type": "list", "elements": "dict", "default": [], "options": options}

    objects = entries(kind=required, name=text, selector=text, namespace=text)
    objects["required_one_of"] = [("name", "selector")]
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "before": objects,
            "releases": entries(name=required, namespace=required),
            "pods_gone": entries(namespace=required, selector=required),
            "objects": objects,
            "seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    cluster, wet, seconds = Cluster(module), not module.check_mode, module.params["seconds"]
    if not cluster.answers():
        module.exit_json(changed=False, answered=False, gone=[])
    gone = [found for entry in module.params["before"] for found in delete(cluster, entry, seconds, wet)]
    gone += [found for release in module.params["releases"] for found in uninstall(cluster, release, wet)]
    for pods in module.params["pods_gone"] if gone and wet else ():
        place = ["--namespace", pods["namespace"], "--selector", pods["selector"]]
        cluster.run("kubectl", "wait", "pods", "--for=delete", f"--timeout={seconds}s", *place, forgive=_UNKNOWN)
    for entry in module.params["objects"]:
        gone += delete(cluster, entry, seconds, wet)
    module.exit_json(changed=bool(gone), answered=True, gone=gone)


if __name__ == "__main__":
    main()
