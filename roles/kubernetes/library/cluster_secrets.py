#!/usr/bin/python
"""Make the secrets that all control planes share, and hand them out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_secrets
short_description: Make the secrets that all control planes share
description:
  - Makes the cluster's authorities, the key of service accounts and the key of etcd's encryption,
    unless they are there; and the administrator's access, before there is an API to use it on.
  - Returns them, with a token by which hosts may join for an hour. Use it with C(no_log).
options:
  folder: {description: Where the encryption's settings lie., type: path, required: true}
  version: {description: The version of Kubernetes., type: str, required: true}
  endpoint: {description: "Where the API will answer, C(host:port).", type: str, required: true}
  algorithm: {description: "What keys are made with, as kubeadm's C(encryptionAlgorithm).", type: str, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Make the cluster's secrets
  cluster_secrets:
    folder: /etc/kubernetes/platform
    version: v1.36.4
    endpoint: 192.0.2.100:8443
    algorithm: ECDSA-P256
  no_log: true
"""

RETURN = r"""
files: {description: Content by path., returned: always, type: dict}
token: {description: A token to join by., returned: always, type: str}
authority_hash: {description: The hash of the cluster's authority., returned: always, type: str}
member: {description: Whether this host belongs to a cluster already., returned: always, type: bool}
"""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply

_PKI = "/etc/kubernetes/pki"
_SHARED = (
    "ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "etcd/ca.crt", "etcd/ca.key", "sa.key", "sa.pub",
)  # fmt: skip
_PHASES = {"ca": "ca.key", "front-proxy-ca": "front-proxy-ca.key", "etcd-ca": "etcd/ca.key", "sa": "sa.key"}
_ADMIN = "/etc/kubernetes/admin.conf"
_ENCRYPTION = """apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - secretbox: {{keys: [{{name: first, secret: "{key}"}}]}}
      - identity: {{}}
"""


def run(module: AnsibleModule, *arguments: str) -> str:
    """Run kubeadm or openssl, or fail without showing what it said of secrets."""
    done = subprocess.run(arguments, capture_output=True, check=False)
    if done.returncode:
        module.fail_json(
            msg=f"`{' '.join(arguments[:4])}` failed: {done.stderr.decode(errors='replace').strip()[-500:]}"
        )
    return done.stdout.decode()


def run_phase(module: AnsibleModule, *phase: str) -> None:
    """Run a phase of `kubeadm init` for the cluster to come."""
    cluster = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": module.params["version"],
        "controlPlaneEndpoint": module.params["endpoint"],
        "encryptionAlgorithm": module.params["algorithm"],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        json.dump(cluster, config)
        config.flush()
        run(module, "kubeadm", "init", "phase", *phase, "--config", config.name)


def make_missing(module: AnsibleModule, encryption: str) -> list[str]:
    """Make what is not there, and return its names."""
    missing = [phase for phase, path in _PHASES.items() if not os.path.exists(os.path.join(_PKI, path))]
    if not module.check_mode:
        for phase in missing:
            run_phase(module, "certs", phase)
    if not os.path.exists(encryption):
        missing.append("encryption")
        if not module.check_mode:
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            apply(Wanted(encryption, content=_ENCRYPTION.format(key=key).encode(), mode=0o600))
    return missing


def make_access(module: AnsibleModule) -> list[str]:
    """Make the administrator's access if it is not there, so that it can be handed out before the API answers."""
    if os.path.exists(_ADMIN):
        return []
    if not module.check_mode:
        run_phase(module, "kubeconfig", "admin")
    return ["admin"]


def authority_hash() -> str:
    """Return the hash that a joining host checks the cluster's authority by."""
    public = subprocess.run(
        ["openssl", "x509", "-in", os.path.join(_PKI, "ca.crt"), "-noout", "-pubkey"], capture_output=True, check=True
    ).stdout
    encoded = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"], input=public, capture_output=True, check=True
    ).stdout
    return "sha256:" + hashlib.sha256(encoded).hexdigest()


def token_for(module: AnsibleModule, member: bool) -> str:
    """Return a token: one of the running cluster, or the first of one to come."""
    if member:
        return run(module, "kubeadm", "token", "create", "--ttl", "1h", "--kubeconfig", _ADMIN).strip()
    return run(module, "kubeadm", "token", "generate").strip()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "version": {"type": "str", "required": True},
            "endpoint": {"type": "str", "required": True},
            "algorithm": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    encryption = os.path.join(module.params["folder"], "encryption.yml")
    member = os.path.exists("/var/lib/platform/kubernetes.json")
    missing = make_missing(module, encryption) + make_access(module)
    if module.check_mode and missing:
        module.exit_json(changed=True, files={}, token="", authority_hash="", member=member)
    contents = {}
    for name in [*(os.path.join(_PKI, entry) for entry in _SHARED), encryption]:
        with open(name, encoding="utf-8") as stream:
            contents[name] = stream.read()
    token = "" if module.check_mode else token_for(module, member)
    module.exit_json(changed=bool(missing), files=contents, token=token, authority_hash=authority_hash(), member=member)


if __name__ == "__main__":
    main()
