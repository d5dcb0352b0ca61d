"""A route that is made to try the router: two releases, and what shares requests between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.probe import pod

# Out of a hundred requests, how many each release shall have.
WEIGHTS = {"stable": 95, "canary": 5}
TRACK = "x-aip-track"
NEXT_COPY = {"attempts": 5}
KINDS = "ingressroutes.traefik.io,traefikservices.traefik.io,middlewares.traefik.io,services,pods"
_MARK = {"platform.internal/probe": "route"}
_PORT = 8080


def objects(namespace: str, image: str, host: str, path: str) -> list[dict[str, Any]]:
    """Return two releases, and a route that shares requests between them."""
    made = [item for track in WEIGHTS for item in release(track, image)]
    weighted = [
        {"name": track, "namespace": namespace, "port": _PORT, "weight": weight, "middlewares": [{"name": track}]}
        for track, weight in WEIGHTS.items()
    ]
    made.append(_custom("TraefikService", "probe", {"weighted": {"services": weighted}}))
    # The pods know no other path than this.
    made.append(_custom("Middleware", "path", {"replacePath": {"path": "/hostname"}}))
    # As the platform's own routes have it: a connection that is not made at once, on a busy host, is no answer.
    made.append(_custom("Middleware", "next-copy", {"retry": NEXT_COPY}))
    before = [{"name": "next-copy"}, {"name": "path"}]
    route = {
        "kind": "Rule", "match": f"Host(`{host}`) && Path(`{path}`)", "middlewares": before,
        "services": [{"kind": "TraefikService", "name": "probe"}],
    }  # fmt: skip
    return [*made, _custom("IngressRoute", "probe", {"routes": [route]})]


def release(track: str, image: str) -> list[dict[str, Any]]:
    """Return a release: its pod, its service, and what its answers are marked with."""
    container = {
        "image": image, "args": ["netexec", f"--http-port={_PORT}", "--udp-port=-1"],
        "ports": [{"containerPort": _PORT}], "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
    }  # fmt: skip
    labels = {**_MARK, "track": track}
    main = pod(track, container, "default")
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": track, "labels": _MARK},
        "spec": {"selector": labels, "ports": [{"port": _PORT}]},
    }  # fmt: skip
    marked = _custom("Middleware", track, {"headers": {"customResponseHeaders": {TRACK: track}}})
    return [{**main, "metadata": {"name": track, "labels": labels}}, service, marked]


def _custom(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": _MARK}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
