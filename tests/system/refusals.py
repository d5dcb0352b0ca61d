"""A pod that keeps what Kubernetes itself asks for, and not what the platform does: Gatekeeper alone refuses it."""

from __future__ import annotations

import json
from typing import Any

from tests.system.site import LabSite

# Which policy refuses it, and who asked for an answer.
POLICY, WEBHOOK = "[known-registries-prod]", "validation.gatekeeper.sh"


def bad_pod() -> dict[str, Any]:
    """Return a pod whose image is of a registry that the site does not know."""
    closed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": f"registry.example.com/main:1@sha256:{'0' * 64}",
        "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}},
        "readinessProbe": {"tcpSocket": {"port": 8080}},
        "securityContext": closed,
    }
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad", "namespace": "default"}, "spec": spec}


def refusal(site: LabSite) -> str:
    """Offer the cluster the pod without making it, and return why it was refused; empty when it was taken."""
    done = site.run_kubectl("create", "--dry-run=server", "--filename=-", given=json.dumps(bad_pod()))
    return done.stderr if done.returncode else ""


def is_refused(site: LabSite) -> bool:
    """Return whether Gatekeeper, and nobody before it, refuses the pod by its policy."""
    why = refusal(site)
    return POLICY in why and WEBHOOK in why
