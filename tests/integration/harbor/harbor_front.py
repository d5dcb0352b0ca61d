"""What Harbor puts before its registry: tokens, projects' rules and scans, over a real registry."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from ansible_collections.platform.base.plugins.module_utils.registry_client import digest_of

from tests.integration.harbor.fake_harbor import FakeHarbor
from tests.integration.harbor.harbor_server import CHALLENGE

# A token is for somebody, if only for nobody.
_FOR = "for "
_READS = ("GET", "HEAD")
_PASSED_ON = ("content-type", "content-length", "accept")
Reply = tuple[int, list[tuple[bytes, bytes]], bytes]


class Front:
    """Answers clients of images as Harbor does.

    Args:
        harbor: what it knows of projects and accounts.
        behind: where the registry is, as modules are told.
        login: who the registry lets in.

    Attributes:
        faults: what is broken: `mutable`, `open`, `unscanned`, `scan fails`, `unsigned pulls`, `deaf to secrets`.
    """

    def __init__(self, harbor: FakeHarbor, behind: Mapping[str, Any], login: str) -> None:
        self._harbor = harbor
        self._behind = behind
        self._login = base64.b64encode(login.encode()).decode()
        self.faults: set[str] = set()

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive()).get("more_body") or message.get("body"):
            body += message["body"]
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        target = scope["path"] + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        status, told, content = await asyncio.to_thread(self._answer, scope["method"], target, headers, body)
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        path, _, query = target.partition("?")
        who = headers.get("authorization", "")
        if path == "/service/token":
            return self._token(who, "scope" in parse_qs(query))
        if who.startswith("Bearer "):
            who = base64.urlsafe_b64decode(who.removeprefix("Bearer ")).decode().removeprefix(_FOR)
        repository = path.removeprefix("/v2/").partition("/manifests/")[0].partition("/blobs/")[0]
        if not self._may(who, repository, method):
            return 401, [CHALLENGE], b""
        if refused := self._rule(method, path, repository):
            return 412, [], refused
        answer = self._ask(method, target, headers, body)
        if method == "PUT" and "/manifests/" in path and answer[0] == 201:
            self._take(repository, path.rpartition("/")[2], digest_of(body))
        return answer

    def _token(self, who: str, is_asked_for_something: bool) -> Reply:
        # Whoever asks for nothing in particular is refused, unless they are known; else somebody unknown is nobody.
        if not self._harbor.knows(who) and not ("deaf to secrets" in self.faults and who):
            if not is_asked_for_something:
                return 401, [], b""
            who = ""
        token = base64.urlsafe_b64encode((_FOR + who).encode()).decode()
        return 200, [], json.dumps({"token": token}).encode()

    def _may(self, who: str, repository: str, method: str) -> bool:
        if self._harbor.knows(who) or "open" in self.faults:
            return True
        if "deaf to secrets" in self.faults and who:
            return True
        project = self._harbor.projects.get(repository.partition("/")[0], {})
        return method in _READS and project.get("metadata", {}).get("public") == "true"

    def _rule(self, method: str, path: str, repository: str) -> bytes:
        """Return why a project's rules refuse a request; nothing where they do not."""
        name, tag = repository.partition("/")[0], path.rpartition("/")[2]
        if "/manifests/" not in path or name not in self._harbor.projects:
            return b""
        is_there = (repository, tag) in self._harbor.tags
        if method == "PUT" and is_there and self._harbor.immutable[name] and "mutable" not in self.faults:
            return b"the tag is immutable"
        trusts = self._harbor.projects[name]["metadata"].get("enable_content_trust_cosign") == "true"
        if method == "GET" and trusts and "unsigned pulls" not in self.faults:
            return b"the image is not signed"
        return b""

    def _take(self, repository: str, tag: str, digest: str) -> None:
        self._harbor.tags[repository, tag] = digest
        if "unscanned" not in self.faults:
            self._harbor.scans[digest] = "Error" if "scan fails" in self.faults else "Success"

    def _ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        trust = ssl.create_default_context(cafile=self._behind["authority"])
        connection = http.client.HTTPSConnection("127.0.0.1", self._behind["port"], context=trust, timeout=30)
        passed = {name: value for name, value in headers.items() if name in _PASSED_ON}
        connection.request(method, target, body, {**passed, "Authorization": f"Basic {self._login}"})
        answer = connection.getresponse()
        content = answer.read()
        told = [(name.lower().encode(), value.encode()) for name, value in answer.getheaders()]
        connection.close()
        return answer.status, [entry for entry in told if entry[0] != b"transfer-encoding"], content
