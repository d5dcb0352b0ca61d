#!/usr/bin/python
"""Use certificates as a workload does: ask for one, trust it, have it renewed, and come to use the new one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_probe
short_description: Ask for a certificate, check its chain, and see a pod come to use the next one
description:
  - A pod checks what it is given against the authorities its namespace was given. What the module makes it takes away
    again, in a namespace of its own.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  authority: {description: The certificate of the platform's authority., type: path, required: true}
  issuers:
    description: ClusterIssuers; the first one's certificate is renewed.
    type: list
    elements: str
    required: true
  image: {description: An image that tells of the certificates it is given., type: str, required: true}
  label: {description: The label of namespaces that are given the authorities., type: str, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use certificates
  certificate_probe:
    kubeconfig: /etc/platform/kubeconfig
    authority: /etc/platform/ca.crt
    issuers: [platform-services, platform-authority]
    image: platform.internal/certificate-watcher:v0.1.0
    label: platform.internal/authorities
    seconds: 60
"""

RETURN = r"""
seconds: {description: How long it took., returned: always, type: float}
"""

import base64
import json
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.probe import Cluster, pod, room

_PAUSE = 0.5


def certificate(issuer: str, namespace: str) -> dict[str, Any]:
    """Return what asks an issuer for the certificate of a service."""
    return {
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": issuer},
        "spec": {
            "secretName": issuer, "dnsNames": [f"probe.{namespace}.svc"], "duration": "24h", "renewBefore": "8h",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth"],
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer},
        },
    }  # fmt: skip


def watcher(image: str, issuer: str, namespace: str) -> dict[str, Any]:
    """Return a pod that tells of each certificate it is given."""
    container = {
        "image": image, "args": [f"--name=probe.{namespace}.svc"],
        "volumeMounts": [
            {"name": "certificate", "mountPath": "/etc/certificate", "readOnly": True},
            {"name": "authorities", "mountPath": "/etc/authorities", "readOnly": True},
        ],
    }  # fmt: skip
    volumes = [
        {"name": "certificate", "secret": {"secretName": issuer, "defaultMode": 0o440}},
        {"name": "authorities", "configMap": {"name": "platform-authorities"}},
    ]
    return pod("watcher", container, volumes=volumes, restartPolicy="OnFailure")


def asked(namespace: str, issuers: list[str], image: str, label: str) -> dict[str, Any]:
    """Return the namespace, a certificate of each issuer, and the pod that uses the first."""
    space, *rest = room(namespace, "probe")
    space["metadata"]["labels"][label] = "true"
    wanted = [certificate(issuer, namespace) for issuer in issuers]
    return {"apiVersion": "v1", "kind": "List", "items": [space, *rest, *wanted, watcher(image, issuers[0], namespace)]}


def judge(chain: str, authority: str) -> str | None:
    """Return what openssl has against a chain, its leaf first; nothing when it leads to the authority in that file."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".crt") as stream:
        stream.write(chain)
        stream.flush()
        # Of a file openssl checks the first certificate, and takes the others for what may lie between.
        command = ["openssl", "verify", "-purpose", "sslserver", "-CAfile", authority, "-untrusted", stream.name]
        done = subprocess.run([*command, stream.name], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"{done.stdout}{done.stderr}".strip()


class Probe:
    """The steps, each of which may take so long."""

    def __init__(self, module: AnsibleModule, cluster: Cluster) -> None:
        """Work in the cluster's namespace."""
        self._given = module.params
        self._cluster = cluster

    def await_that(self, what: str, found: Callable[[], str]) -> str:
        """Return the first answer that is not empty."""
        end = time.monotonic() + self._given["seconds"]
        while not (answer := found()):
            if time.monotonic() > end:
                told = self._cluster.attempt("get", "certificates,certificaterequests", "-o", "wide").stdout
                self._cluster.fail(f"{what} within {self._given['seconds']} s.\n{told}")
            time.sleep(_PAUSE)
        return answer

    def secret(self, issuer: str) -> dict[str, bytes]:
        """Return what an issuer's certificate is kept with; empty when there is none yet."""
        told = self._cluster.attempt("get", "secret", issuer, "-o", "json", "--ignore-not-found").stdout
        data = json.loads(told).get("data", {}) if told.strip() else {}
        return {name: base64.b64decode(value) for name, value in data.items()}

    def chain(self, issuer: str) -> None:
        """Wait for a certificate, and check its chain up to the platform's authority with openssl."""
        chain = self.await_that(
            f"The issuer {issuer} did not issue a certificate", lambda: self.secret(issuer).get("tls.crt", b"").decode()
        )
        if wrong := judge(chain, self._given["authority"]):
            self._cluster.fail(f"The certificate of {issuer} has no good chain: {wrong}")

    def told(self) -> str:
        """Return the serial number the pod last told of."""
        lines = self._cluster.attempt("logs", "watcher").stdout.split("\n")
        serials = [line.removeprefix("serial ") for line in lines if line.startswith("serial ")]
        return serials[-1] if serials else ""

    def renewed(self, issuer: str) -> None:
        """Have a certificate issued again, and wait until the pod uses it."""
        first = self.await_that("The pod does not use its certificate", self.told)
        # Before it is asked for: on a quick site the next one is there at once.
        old = self.secret(issuer)["tls.crt"]
        now = as_moment(time.time())
        issuing = {
            "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "lastTransitionTime": now,
            "message": "verification has it renewed",
        }  # fmt: skip
        kept = json.loads(self._cluster.run("get", "certificate", issuer, "-o", "json"))["status"]["conditions"]
        others = [condition for condition in kept if condition["type"] != "Issuing"]
        patch = json.dumps({"status": {"conditions": [*others, issuing]}})
        self._cluster.run("patch", "certificate", issuer, "--subresource=status", "--type=merge", "-p", patch)
        self.await_that(
            "The certificate was not renewed", lambda: "new" if self.secret(issuer)["tls.crt"] != old else ""
        )
        # A change of the pod has its host look at its volumes at once, not within a minute.
        self._cluster.run("annotate", "pod", "watcher", "platform.internal/look=now", "--overwrite")
        self.await_that(
            "The pod did not come to use the new certificate", lambda: "new" if self.told() != first else ""
        )


def main() -> None:
    """Run the module."""
    text, path = {"type": "str", "required": True}, {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": path, "authority": path, "image": text, "label": text,
            "issuers": {"type": "list", "elements": "str", "required": True},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, seconds=0.0)
    given, began = module.params, time.monotonic()
    cluster = Cluster(module, f"platform-verify-certificate-{uuid.uuid4().hex[:8]}")
    probe = Probe(module, cluster)
    cluster.create(asked(cluster.namespace, given["issuers"], given["image"], given["label"]))
    for issuer in given["issuers"]:
        probe.chain(issuer)
    probe.renewed(given["issuers"][0])
    cluster.run("delete", "namespace", cluster.namespace, "--wait=false", "--ignore-not-found")
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
