#!/usr/bin/python
"""End everything Kubernetes runs on a host, and forget that the host was a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_reset
short_description: Reset a node
description:
  - Stops kubelet and all pods, lets C(kubeadm reset) delete what it made, and moves what cannot be made again aside.
  - Works on what is left of a node, too, and does nothing on a host that is none.
options:
  member: {description: Whether this host's etcd leaves a cluster that goes on., type: bool, default: false}
  keep: {description: Where etcd's data and the cluster's keys are moved; without it they are deleted., type: path}
  keys: {description: "Files that are kept, beside those of kubeadm.", type: list, elements: path, default: []}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Reset the node, and keep its data
  node_reset: {keep: /var/lib/platform/kept/kubernetes}
"""

RETURN = r"""
done: {description: What was done., returned: always, type: list, elements: str}
"""

import os
import shutil
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply

_ETCD, _PKI = "/var/lib/etcd/member", "/etc/kubernetes/pki"
_TRACES = (
    "/etc/kubernetes/manifests", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/admin.conf", _ETCD, _PKI,
    "/var/lib/kubelet/config.yaml", "/var/lib/platform/kubernetes.json",
)  # fmt: skip
_PODS = "kubepods.slice"
_PLUGINS = "/opt/cni/bin"
_KUBEADM_SECONDS = 120


def quietly(*arguments: str, seconds: int = 60) -> str:
    """Run a program that may be missing or fail, and return what it printed."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def is_active(unit: str) -> bool:
    """Return whether systemd runs a unit."""
    return subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0


def leave_etcd(module: AnsibleModule) -> None:
    """Take this host's member out of the etcd that goes on, while it still runs."""
    done = subprocess.run(
        ["kubeadm", "reset", "phase", "remove-etcd-member"],
        capture_output=True, text=True, timeout=_KUBEADM_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        module.fail_json(
            msg="This host's etcd could not leave the cluster; nothing else was changed. "
            f"Is the cluster in good health? {(done.stderr or done.stdout).strip()[-600:]}"
        )


def silence_plugins() -> None:
    """Let every plugin agree at once to whatever the runtime asks.

    A pod's end waits for its network's plugin, and that for an agent and an API which are gone. What plugins
    would have cleared is cleared with all that networks leave.
    """
    for name in os.listdir(_PLUGINS) if os.path.isdir(_PLUGINS) else ():
        apply(Wanted(os.path.join(_PLUGINS, name), content=b"#!/bin/sh\nexit 0\n", mode=0o755))


def end_pods() -> bool:
    """End kubelet and every pod, and return whether there were any."""
    found = is_active("kubelet.service") or is_active("platform-kubeadm.service") or is_active(_PODS)
    quietly("systemctl", "stop", "platform-kubeadm.service", "kubelet.service")
    # Nothing of a pod is asked to end well: the cluster does not go on here.
    quietly("systemctl", "kill", "--signal=KILL", _PODS)
    silence_plugins()
    pods = quietly("crictl", "pods", "--quiet").split()
    if pods:
        quietly("crictl", "--timeout=30s", "rmp", "--force", *pods)
    quietly("systemctl", "stop", _PODS, seconds=20)
    return found or bool(pods)


def keep_data(folder: str, keys: list[str]) -> list[str]:
    """Move what cannot be made again aside, and return what was moved."""
    there = [path for path in (_ETCD, _PKI, *keys) if os.path.exists(path)]
    if _ETCD not in there:
        return []
    target = folder if not os.path.exists(folder) else time.strftime(f"{folder}-%Y%m%dT%H%M%S")
    os.makedirs(target, mode=0o700)
    for path in there:
        shutil.move(path, os.path.join(target, os.path.basename(path)))
    return [f"kept {path} in {target}" for path in there]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "member": {"type": "bool", "default": False},
            "keep": {"type": "path"},
            "keys": {"type": "list", "elements": "path", "default": [], "no_log": False},
        },
        supports_check_mode=True,
    )
    traces = [path for path in _TRACES if os.path.exists(path)]
    running = is_active("kubelet.service") or is_active(_PODS)
    if module.check_mode or not (traces or running):
        module.exit_json(changed=bool(traces or running), done=traces)
    done = []
    if module.params["member"] and os.path.exists(_ETCD) and shutil.which("kubeadm"):
        leave_etcd(module)
        done.append("left etcd")
    if end_pods():
        done.append("ended the pods")
    if module.params["keep"]:
        done += keep_data(module.params["keep"], module.params["keys"])
    quietly("kubeadm", "reset", "--force", "--skip-phases=preflight,remove-etcd-member", seconds=_KUBEADM_SECONDS)
    module.exit_json(changed=True, done=done)


if __name__ == "__main__":
    main()
