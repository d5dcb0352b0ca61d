"""The network probe asks the API through a proxy's socket, and what does not hold is told, never raised."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.cluster_api import Api, NotYet, open_api

from roles.cluster_network.library import network_probe

ANSWERS = {
    "/api/v1/namespaces/probe/pods/one:8080/proxy/dial?host=svc&port=80&protocol=http&request=hostname&tries=1": (
        200, '{"responses": ["two"]}',
    ),
    "/api/v1/namespaces/probe/pods/two:8080/proxy/dial?host=svc&port=80&protocol=http&request=hostname&tries=1": (
        200, '{"errors": ["no route to host"]}',
    ),
}  # fmt: skip


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, content = ANSWERS.get(self.path, (503, "the server is currently unable to handle the request"))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[network_probe.Probe]:
    with ThreadingUnixStreamServer(str(tmp_path / "api"), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield network_probe.Probe(Api(tmp_path / "api"), "kubeconfig", "probe")
        server.shutdown()


def test_a_pod_that_reaches_another_says_which(probe: network_probe.Probe) -> None:
    assert probe.dial("one", "svc", 80) == "two"


def test_a_pod_that_reaches_nobody_says_why(probe: network_probe.Probe) -> None:
    with pytest.raises(NotYet, match="no route to host"):
        probe.dial("two", "svc", 80)


def test_an_api_that_refuses_is_told_with_what_it_said(probe: network_probe.Probe) -> None:
    with pytest.raises(NotYet, match=r"503 .* unable to handle"):
        probe.pods(["cp1"])


def test_a_proxy_that_does_not_come_up_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho no such kubeconfig >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with open_api("kubeconfig") as opened, pytest.raises(NotYet, match="no such kubeconfig"):
        opened.get("/version")
