"""A server on loopback whose every answer a test writes itself."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def header(self, name: str) -> str:
        return {key.lower(): value for key, value in self.headers.items()}.get(name.lower(), "")


@dataclass(frozen=True)
class Answer:
    """What the server says; `cut` bytes of the body, then it hangs up."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


Behaviour = Callable[[Request], Answer]


def saying(*answers: Answer) -> Behaviour:
    """Give these answers in turn, then the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def serving(content: bytes, *cuts: int | None, tag: str = '"1"') -> Behaviour:
    """Serve a file, in parts where asked; each number hangs up after so many bytes of one answer."""
    left = list(cuts)

    def answer(request: Request) -> Answer:
        cut = left.pop(0) if left else None
        wanted = request.header("Range").removeprefix("bytes=").removesuffix("-")
        if not wanted or request.header("If-Range") not in ("", tag):
            return Answer(200, content, {"ETag": tag}, cut)
        first = int(wanted)
        if first >= len(content):
            return Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        extent = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return Answer(206, content[first:], {"Content-Range": extent, "ETag": tag}, cut)

    return answer


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients hang up where a test has them do so."""


class Server:
    """Answers by path; what it does not know is not there."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, Behaviour] = {}
        self._server = _Listener(("127.0.0.1", 0), _handler(self))
        if trust is not None:
            self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "https" if trust else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def answer(self, path: str, behaviour: Behaviour | Answer | bytes) -> str:
        """Have a path answered so, and return its address."""
        if isinstance(behaviour, bytes):
            behaviour = serving(behaviour)
        self.answers[path] = saying(behaviour) if isinstance(behaviour, Answer) else behaviour
        return self.url + path

    def reply(self, request: Request) -> Answer:
        self.requests.append(request)
        place = urlsplit(request.path)
        behaviour = self.answers.get(request.path) or self.answers.get(place.path)
        return behaviour(request) if behaviour else Answer(404, b"no such thing")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(b"")

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers["Content-Length"])))

        def _reply(self, body: bytes) -> None:
            answer = server.reply(Request(self.path, dict(self.headers.items()), body))
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
