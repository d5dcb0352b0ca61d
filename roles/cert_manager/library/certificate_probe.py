#!/usr/bin/python
"""Use certificates as a workload does: ask for one, trust it, have it renewed, and come to use the new one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_probe
short_description: Ask for a certificate, check its chain, and see a pod come to use the next one
description:
  - A pod checks what it is given against the authorities its namespace was given. What the module makes it takes away
    again, in a namespace of its own.
  - The pod and the renewal are practised again when that was some hours ago, or when what issues, hands out or uses
    certificates changed since; in between, that certificates are issued and trusted is enough.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where cert-manager and trust-manager run., type: str, required: true}
  drill_hours: {description: How long a renewal holds good while nothing changes., type: int, required: true}
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
    namespace: cert-manager
    drill_hours: 24
    authority: /etc/platform/ca.crt
    issuers: [platform-services, platform-authority]
    image: platform.internal/certificate-watcher:v0.1.0
    label: platform.internal/authorities
    seconds: 60
"""

RETURN = r"""
platform_report:
  description: C(certificate_practised) is when a pod came to use a certificate that was renewed, and
    C(certificate_seconds) how long that took.
  returned: success
  type: dict
"""

import base64
import json
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.probe import Cluster, pod, room

_PAUSE = 0.5
# Whose answers a drill tries: who issues, and what runs in their namespace.
_KINDS = "deployments.apps,clusterissuers.cert-manager.io"
_AUTHORITIES = "platform-authorities"


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
        {"name": "authorities", "configMap": {"name": _AUTHORITIES}},
    ]
    return pod("watcher", container, volumes=volumes)


def asked(namespace: str, issuers: list[str], label: str) -> dict[str, Any]:
    """Return the namespace, and a certificate of each issuer."""
    space, *rest = room(namespace, "probe")
    space["metadata"]["labels"][label] = "true"
    wanted = [certificate(issuer, namespace) for issuer in issuers]
    return {"apiVersion": "v1", "kind": "List", "items": [space, *rest, *wanted]}


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

    def __init__(self, given: Mapping[str, Any], cluster: Cluster) -> None:
        """Work in the cluster's namespace."""
        self._given = given
        self._cluster = cluster

    def issued(self) -> None:
        """Ask each issuer for a certificate, and see that the namespace is given who to trust it by."""
        given = self._given
        self._cluster.create(asked(self._cluster.namespace, given["issuers"], given["label"]))
        for issuer in given["issuers"]:
            self.chain(issuer)
        self.await_that("The namespace was not given the authorities that workloads trust", self.authorities)

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

    def authorities(self) -> str:
        """Return what the namespace was given to trust; empty when that is nothing yet."""
        told = self._cluster.attempt("get", "configmap", _AUTHORITIES, "-o", "json", "--ignore-not-found").stdout
        return str(json.loads(told).get("data", {}).get("ca.crt", "")) if told.strip() else ""

    def told(self) -> str:
        """Return the serial number the pod last told of."""
        lines = self._cluster.attempt("logs", "watcher").stdout.split("\n")
        serials = [line.removeprefix("serial ") for line in lines if line.startswith("serial ")]
        return serials[-1] if serials else ""

    def practised(self) -> float:
        """Have a pod use the first certificate and the one that follows it, and return the seconds that took."""
        began, issuer = time.monotonic(), self._given["issuers"][0]
        self._cluster.create(watcher(self._given["image"], issuer, self._cluster.namespace))
        self.renewed(issuer)
        return time.monotonic() - began

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


def tried(cluster: Kubectl, given: Mapping[str, Any]) -> str:
    """Return the digest of what a drill tries.

    Raises:
        KubectlFailed: the cluster does not tell.
    """
    return digest(cluster.items(_KINDS, f"--namespace={given['namespace']}"), given["issuers"], given["image"])


def use(
    cluster: Kubectl, given: Mapping[str, Any], probe: Probe, now: Callable[[], float] = time.time
) -> dict[str, str]:
    """Have certificates issued, and return what is told of the last that was renewed, now unless that holds good.

    Raises:
        KubectlFailed: the cluster does not tell what there is.
    """
    probe.issued()
    last = LastDrill(cluster, given["namespace"]).or_now(
        lambda: tried(cluster, given), given["drill_hours"], probe.practised, now
    )
    return {"certificate_practised": as_moment(float(last["at"])), "certificate_seconds": last["seconds"]}


def main() -> None:
    """Run the module."""
    text, path, number = ({"type": kind, "required": True} for kind in ("str", "path", "int"))
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": path, "namespace": text, "authority": path, "image": text, "label": text,
            "issuers": {"type": "list", "elements": "str", "required": True},
            "drill_hours": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given = module.params
    space = Cluster(module, f"platform-verify-certificate-{uuid.uuid4().hex[:8]}")
    try:
        report = use(Kubectl(given["kubeconfig"]), given, Probe(given, space))
    except KubectlFailed as failure:
        space.fail(str(failure))
    space.run("delete", "namespace", space.namespace, "--wait=false", "--ignore-not-found")
    module.exit_json(changed=False, platform_report=report)


if __name__ == "__main__":
    main()
