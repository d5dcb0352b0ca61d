"""Whether a model's copies cannot start because a file of it is not what it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# How containerd says it, in what kubelets tell of a container that waits.
_IMAGE = re.compile(r'image "([^"]+)"')
_DIGESTS = re.compile(r"unexpected commit digest (sha256:[0-9a-f]{64}), expected (sha256:[0-9a-f]{64})")


def damage(pods: Iterable[Mapping[str, Any]]) -> str:
    """Return what a node found wrong with a file of its pods' images, and the cure; empty where none did."""
    for pod in pods:
        status = pod.get("status", {})
        for entry in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            said = str(entry.get("state", {}).get("waiting", {}).get("message", ""))
            if digests := _DIGESTS.search(said):
                named = _IMAGE.search(said)
                image = named.group(1) if named else "its image"
                found, expected = digests.groups()
                return (
                    f"the registry has a damaged file of {image}: expected {expected}, "
                    f"{pod['spec'].get('nodeName', 'a node')} found {found}. "
                    "See what `platform-install bundle verify` says of the bundle, and bring it in again"
                )
    return ""
