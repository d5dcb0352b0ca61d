#!/usr/bin/python
"""Make this host a node, by kubeadm, so that it ends even when whoever asked for it is gone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_node
short_description: Make this host a node of the cluster
description:
  - Runs C(kubeadm init) or C(kubeadm join) as a unit of systemd and waits for it. When the run that began it was
    killed, the next one waits for the same unit.
  - A node that was begun and not ended, by a power cut or because the API was late, is continued; if that fails a
    host that was to join is reset, so that the next run begins anew.
options:
  action: {description: What kubeadm does., type: str, choices: [init, join], required: true}
  config: {description: kubeadm's configuration; deleted when the host is a node., type: path, required: true}
  seconds: {description: How long it may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Make the first node
  kubeadm_node: {action: init, config: /etc/kubernetes/platform/kubeadm.yml, seconds: 600}
"""

RETURN = r"""
attempts: {description: How kubeadm was run., returned: always, type: list, elements: str}
platform_milestone:
  description: That the API answers, so that what needs no more than that may begin.
  returned: when a cluster was begun
  type: str
"""

import contextlib
import json
import os
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply

_MARK = "/var/lib/platform/kubernetes.json"
_UNIT = "platform-kubeadm.service"
_LOG = "/var/log/platform-kubeadm.log"
_TRACES = ("/etc/kubernetes/kubelet.conf", "/etc/kubernetes/manifests/kube-apiserver.yaml", "/var/lib/etcd/member")
# Errors of kubeadm's preflight that only say that it was begun before.
_BEGUN_BEFORE = "FileAvailable,DirAvailable,Port,CRI"
_TAIL = 25
_ATTEMPTS = 2
# Seconds in which systemd begins what it was told to, also on a busy host.
_BEGINS = 60


def state() -> str:
    """Return what systemd knows of kubeadm's unit: C(inactive) also before it has begun."""
    command = ["systemctl", "show", "--property=ActiveState", _UNIT]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return next((line.partition("=")[2] for line in said.splitlines() if line.startswith("ActiveState=")), "")


def begin(module: AnsibleModule, arguments: list[str]) -> None:
    """Start kubeadm as a unit of its own."""
    subprocess.run(["systemctl", "reset-failed", _UNIT], capture_output=True, check=False)
    descriptor = os.open(_LOG, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.close(descriptor)
    done = subprocess.run(
        ["systemd-run", f"--unit={_UNIT}", "--quiet", "--no-block",
         # It stays when it ended well: a unit that is gone is told from one that has not begun by nothing.
         "--property=Type=oneshot", "--property=KillMode=process", "--property=RemainAfterExit=yes",
         f"--property=StandardOutput=append:{_LOG}", f"--property=StandardError=append:{_LOG}",
         "--setenv=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        module.fail_json(msg=f"kubeadm could not be started: {done.stderr.strip()}")


def wait(seconds: int) -> bool:
    """Wait for the unit to begin and to end, and return whether it ended well."""
    began = time.monotonic()
    while (past := time.monotonic() - began) < seconds:
        now = state()
        # The module of a run that was killed may wait for the same unit, and be quicker.
        if now == "active" or os.path.exists(_MARK):
            return True
        if now == "failed" or (now == "inactive" and past > _BEGINS):
            return False
        time.sleep(0.3)
    subprocess.run(["systemctl", "stop", _UNIT], check=False)
    return False


def evidence() -> list[str]:
    """Return the last lines kubeadm and kubelet wrote."""
    try:
        with open(_LOG, encoding="utf-8", errors="replace") as stream:
            lines = [line.rstrip() for line in stream.readlines()[-_TAIL:]]
    except OSError:
        lines = []
    journal = subprocess.run(
        ["journalctl", "--unit=kubelet", "--lines=10", "--no-pager", "--output=cat"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [*lines, "-- kubelet --", *journal.stdout.splitlines()]


def prepare(config: str, text: str, resume: bool) -> None:
    """Tell kubeadm which of its checks only say that it was begun before."""
    wanted = ", ".join(f'"{name}"' for name in _resumable()) if resume else '"none-of-them"'
    apply(Wanted(config, content=text.replace('"@RESUME@"', wanted).encode(), mode=0o600))


def _resumable() -> list[str]:
    manifests = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
    names = [f"FileAvailable--etc-kubernetes-manifests-{name}.yaml" for name in manifests]
    names += ["FileAvailable--etc-kubernetes-kubelet.conf", "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf"]
    names += [
        "FileAvailable--etc-kubernetes-pki-ca.crt",
        "DirAvailable--var-lib-etcd",
        "DirAvailable--etc-kubernetes-manifests",
    ]
    return [*names, *(f"Port-{port}" for port in (6443, 10250, 10257, 10259, 2379, 2380))]


def make(module: AnsibleModule, attempts: list[str]) -> bool:
    """Make the node, or go on where a run was broken off; say whether it ended well, and add what was tried."""
    action, config, seconds = module.params["action"], module.params["config"], module.params["seconds"]
    if state() in ("activating", "active"):
        attempts.append("waited for an earlier run's kubeadm")
        if wait(seconds):
            return True
    with open(config, encoding="utf-8") as stream:
        text = stream.read()
    begun = done = False
    # A busy host's etcd or API may be late once, and what it was asked for is there by the next time.
    while not done and len(attempts) < _ATTEMPTS:
        begun = any(os.path.exists(path) for path in _TRACES)
        attempts.append("continued" if begun else action)
        prepare(config, text, begun)
        # The first token lets hosts join for an hour: it is in no log.
        begin(module, ["kubeadm", action, "--config", config, *(["--skip-token-print"] if action == "init" else [])])
        done = wait(seconds)
    if not done and begun and action == "join":
        attempts.append("reset")
        subprocess.run(["kubeadm", "reset", "--force"], capture_output=True, check=False)
        module.fail_json(
            msg="The host was begun and could not be continued; it was reset. Run the command again.",
            evidence=evidence(), attempts=attempts,
        )  # fmt: skip
    return done


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "choices": ["init", "join"], "required": True},
            "config": {"type": "path", "required": True},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    if os.path.exists(_MARK):
        module.exit_json(changed=False, attempts=[])
    if module.check_mode:
        module.exit_json(changed=True, attempts=[])
    action, config = module.params["action"], module.params["config"]
    attempts: list[str] = []
    if not make(module, attempts):
        module.fail_json(
            msg=f"kubeadm {action} did not end well; its log is {_LOG}.", evidence=evidence(), attempts=attempts
        )
    apply(Wanted(_MARK, content=json.dumps({"action": action}).encode(), mode=0o644))
    subprocess.run(["systemctl", "stop", _UNIT], capture_output=True, check=False)
    # It holds a token. The module of a run that was killed may have been quicker.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(config)
    # The first control plane is enough for whoever waits for an API, while others join.
    reached = {"platform_milestone": "api"} if action == "init" else {}
    module.exit_json(changed=True, attempts=attempts, **reached)


if __name__ == "__main__":
    main()
