#!/usr/bin/python
"""Practise a loss: back a namespace up, delete it, restore it, and compare the bytes of its volume."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_probe
short_description: Back a namespace up, delete it, restore it, and compare
description:
  - Sees that every location and every agent works, that the newest backup is as new as it must be, and that a pod has
    the bytes of its volume back. It takes what it made away again.
  - That a pod has its bytes back is practised again when it was some hours ago, or something of Velero changed since.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Velero's namespace., type: str, required: true}
  image: {description: An image that keeps a file in a volume., type: str, required: true}
  storage_class: {description: The class of the volume., type: str, required: true}
  schedules: {description: "Names of schedules, by the location they write to.", type: dict, required: true}
  recovery_point_minutes: {description: How old the newest backup may be., type: int, required: true}
  drill_hours: {description: How long a drill holds good while nothing changes., type: int, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Practise a loss
  backup_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: velero
    image: platform.internal/volume-keeper:v0.1.0
    storage_class: local-path
    schedules: {default: [platform-hourly]}
    recovery_point_minutes: 60
    drill_hours: 24
    seconds: 120
"""

RETURN = r"""
platform_report:
  description: C(backup_restore_seconds) is from the wish to have it back until the bytes were read, and
    C(backup_newest_minutes) the age of the newest backup of a schedule. C(backup_practised) is when the former was
    measured.
  returned: success
  type: dict
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.probe import pod, room
from ansible_collections.platform.base.plugins.module_utils.velero import Velero

# One name, since Velero has a repository for each namespace it ever backed up.
SPACE = "platform-verify-backup"
_BYTES = 1 << 20
_KEEP = "1h0m0s"
# What a backup may take, beside the time between two of them.
_GRACE_MINUTES = 10


def lost_things(image: str, storage_class: str) -> list[dict[str, Any]]:
    """Return a namespace with a pod that keeps something in a volume."""
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
            "resources": {"requests": {"storage": "8Mi"}},
        },
    }  # fmt: skip
    container = {
        "image": image, "args": ["keep"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }  # fmt: skip
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return [*room(SPACE, "probe"), claim, pod("keeper", container, volumes=volumes)]


class Drill:
    """The steps, each of which may take so long."""

    def __init__(self, cluster: Kubectl, given: Mapping[str, Any], now: Callable[[], float]) -> None:
        """Use the cluster as the module's parameters say; `now` tells the time."""
        self._cluster = cluster
        self._given = given
        self._seconds = given["seconds"]
        self._now = now
        self._velero = Velero(cluster, given["namespace"], now)

    def clear(self, wait: bool = True) -> None:
        """Delete the namespace, which an earlier drill may have left."""
        arguments = ["delete", "namespace", SPACE, "--ignore-not-found", f"--wait={str(wait).lower()}"]
        self._cluster.run(*arguments, f"--timeout={self._seconds}s")

    def works(self) -> None:
        """See that backups can be kept, and volumes read on every node.

        Raises:
            KubectlFailed: they cannot.
        """
        self._velero.await_locations(self._seconds)
        self._cluster.await_rollout("daemonset/node-agent", self._velero.namespace, self._seconds)

    def newest(self) -> float:
        """Return the age in minutes of the newest scheduled backup, where it is the oldest.

        Raises:
            KubectlFailed: a location lacks a backup that is new enough, and none comes in time.
        """
        return max(self._newest(location, names) for location, names in self._given["schedules"].items())

    def _newest(self, location: str, schedules: list[str]) -> float:
        allowed, found = self._given["recovery_point_minutes"] + _GRACE_MINUTES, [float("inf")]

        def is_new() -> bool:
            age = self._velero.age_of_newest(schedules)
            found[0] = float("inf") if age is None else age / 60
            return bool(found[0] <= allowed)

        # A site that was without power makes the backup it missed as soon as it is back.
        if self._cluster.wait_for(is_new, self._seconds):
            return found[0]
        there = (
            "There is no complete backup"
            if found[0] == float("inf")
            else f"The newest backup is {found[0]:.0f} minutes old"
        )
        raise KubectlFailed(
            f"{there} of {', '.join(schedules)} in the location {location}; at most {allowed} minutes may pass. "
            f"Look at `velero backup get` and `kubectl -n {self._velero.namespace} logs deployment/velero`."
        )

    def tried(self) -> str:
        """Return the digest of all that a drill tries of Velero."""
        kinds = "deployments.apps,daemonsets.apps,secrets,backupstoragelocations.velero.io"
        there = self._cluster.items(kinds, f"--namespace={self._velero.namespace}")
        return digest(there, self._given["storage_class"])

    def keep(self, content: str) -> None:
        """Have a pod that keeps some content in its volume."""
        self._cluster.apply(lost_things(self._given["image"], self._given["storage_class"]), SPACE)
        self._is_ready()
        self._tell("write", document=content)

    def read(self) -> str:
        """Return what the pod keeps."""
        self._is_ready()
        return str(json.loads(self._tell("read")))

    def _tell(self, verb: str, document: Any = None) -> str:
        arguments = ("exec", "keeper", "--stdin", f"--namespace={SPACE}", "--", "/volume-keeper", verb, "/data/content")
        return self._cluster.run(*arguments, document=document)

    def _is_ready(self) -> None:
        self._cluster.run(
            "wait", "pod/keeper", "--for=condition=Ready", f"--timeout={self._seconds}s", f"--namespace={SPACE}"
        )

    def lose_and_restore(self, name: str, content: str) -> float:
        """Return the seconds after which what was lost was there again.

        Raises:
            KubectlFailed: it is not, or is something else.
        """
        only = {"includedNamespaces": [SPACE]}
        self._velero.backup(name, {**only, "ttl": _KEEP}, self._seconds)
        self.clear()
        began = time.monotonic()
        self._velero.restore(name, name, only, self._seconds)
        if self.read() != content:
            raise KubectlFailed("What came back of the volume is not what was backed up.")
        took = time.monotonic() - began
        self._velero.forget(name)
        return took


def practise(cluster: Kubectl, given: Mapping[str, Any], now: Callable[[], float] = time.time) -> dict[str, str]:
    """Return what was measured.

    Raises:
        KubectlFailed: something is not as it must be.
    """
    drill = Drill(cluster, given, now)
    drill.works()
    kept, practised = LastDrill(cluster, given["namespace"]), partial(lost_and_restored, drill)
    last = kept.or_now(drill.tried, given["drill_hours"], practised, now)
    return {
        "backup_restore_seconds": last["seconds"],
        "backup_practised": as_moment(float(last["at"])),
        "backup_newest_minutes": f"{drill.newest():.0f}",
    }


def lost_and_restored(drill: Drill) -> float:
    """Practise a loss, and return the seconds until it was made good.

    Raises:
        KubectlFailed: it was not.
    """
    content = secrets.token_hex(_BYTES // 2)
    drill.clear()
    try:
        drill.keep(content)
        return drill.lose_and_restore(f"platform-verify-{secrets.token_hex(4)}", content)
    finally:
        drill.clear(wait=False)


def main() -> None:
    """Run the module."""
    text, path = {"type": "str", "required": True}, {"type": "path", "required": True}
    number = {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": path, "namespace": text, "image": text, "storage_class": text,
            "schedules": {"type": "dict", "required": True}, "recovery_point_minutes": number,
            "drill_hours": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    try:
        report = practise(Kubectl(module.params["kubeconfig"]), module.params)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=False, platform_report=report)


if __name__ == "__main__":
    main()
