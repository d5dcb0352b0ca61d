"""Stands for a cluster's API with policies: it remembers what it was asked, and answers with what it was given."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.cluster_api import Api

KIND = "/apis/constraints.gatekeeper.sh/v1beta1/platformprobes"
CONSTRAINT = {"kind": "PlatformProbes", "metadata": {"name": "probes-platform"}}


class Cluster(ThreadingUnixStreamServer):
    """Remembers what it was asked, and answers with what it was given."""

    def __init__(self, place: Path) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.api = Api(place)
        super().__init__(str(place), Handler)

    def hold(self, objects: Iterable[dict[str, Any]], *known: tuple[str, str]) -> None:
        """Have objects, and know kinds by version and name even if there is none of them."""
        kinds: dict[tuple[str, str], list[dict[str, Any]]] = {kind: [] for kind in known}
        for item in objects:
            kinds.setdefault((item["apiVersion"], item["kind"]), []).append(item)
        for (version, kind), items in kinds.items():
            group, plural = version.rpartition("/")[0], f"{kind.lower()}s"
            root = f"/apis/{version}" if group else f"/api/{version}"
            self.answers[f"/apis/{group}"] = {"preferredVersion": {"groupVersion": version}}
            names = (f"{plural}/status", plural)
            self.answers.setdefault(root, {"resources": []})["resources"] += [{"name": n, "kind": kind} for n in names]
            # A list's items do not say what they are.
            bare = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items]
            self.answers[f"{root}/{plural}"] = {"items": bare}


class Handler(BaseHTTPRequestHandler):
    server: Cluster

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.asked.append((self.command, self.path, json.loads(self.rfile.read(length) or "null")))
        self.send_response(200 if self.command == "GET" else 201)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.answers.get(self.path, {})).encode())

    do_POST = do_DELETE = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(place: Path) -> Iterator[Cluster]:
    """Yield a cluster whose API is at a socket."""
    with Cluster(place) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def constraint(audited: str = "2026-01-02T00:00:00Z", **status: Any) -> dict[str, Any]:
    """Return a constraint as a cluster has it, changed a day before it was audited."""
    fields = [{"manager": "platform", "time": "2026-01-01T00:00:00Z"}]
    metadata = {"name": "probes-platform", "uid": "u", "generation": 2, "managedFields": fields}
    match = {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}
    return {"metadata": metadata, "spec": {"match": match}, "status": {"auditTimestamp": audited, **status}}
