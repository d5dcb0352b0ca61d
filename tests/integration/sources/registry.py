"""A registry on the loopback server, with images of a few bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from installer.model.artifact import digest_of
from tests.integration.sources.loopback import Answer, Behaviour, Request, Server, serving

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class ToyRegistry:
    """Publishes blobs and manifests of one repository."""

    def __init__(self, server: Server, repository: str) -> None:
        self.server = server
        self.repository = repository
        self.guard: Callable[[Request], Answer | None] = lambda _: None

    def blob(self, content: bytes, media_type: str = LAYER, published: bool = True) -> dict[str, Any]:
        digest = digest_of(content)
        if published:
            self._publish(f"blobs/{digest}", serving(content))
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def image(self, *layers: bytes, architecture: str = "amd64", config: Mapping[str, Any] | None = None) -> bytes:
        described = {"os": "linux", "architecture": architecture} if config is None else config
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(json.dumps(described).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [self.blob(layer) for layer in layers],
        }
        return self.manifest(json.dumps(document).encode(), MANIFEST)

    def index(self, **manifests: bytes) -> bytes:
        entries = [
            {
                "mediaType": MANIFEST,
                "digest": digest_of(content),
                "size": len(content),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture, content in manifests.items()
        ]
        # Written as no library would, so that only the very bytes have the digest.
        document = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, indent=3)
        return self.manifest(document.encode(), INDEX)

    def manifest(self, content: bytes, media_type: str) -> bytes:
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(content)}
        self._publish(f"manifests/{digest_of(content)}", lambda _: Answer(200, content, headers))
        return content

    def tag(self, name: str, content: bytes, media_type: str = MANIFEST) -> None:
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(content)}
        self._publish(f"manifests/{name}", lambda _: Answer(200, content, headers))

    def withdraw(self, digest: str) -> None:
        for path in [path for path in self.server.answers if path.endswith(digest)]:
            del self.server.answers[path]

    def _publish(self, path: str, behaviour: Behaviour) -> None:
        self.server.answer(f"/v2/{self.repository}/{path}", lambda request: self.guard(request) or behaviour(request))


class Doorkeeper:
    """Gives tokens to a user, or to anyone, and lets only those in who show the newest."""

    def __init__(self, registry: ToyRegistry, user: str = "", uses: int = 1000) -> None:
        self.asked: list[Request] = []
        self._expected = "Basic " + base64.b64encode(user.encode()).decode() if user else ""
        self._uses = uses
        self._left = 0
        self._realm = registry.server.answer("/token", self._token)
        registry.guard = self._check

    def _token(self, request: Request) -> Answer:
        self.asked.append(request)
        if self._expected and request.header("Authorization") != self._expected:
            return Answer(401, b"no such user")
        # Only the first runs out: what is asked for side by side shares a token.
        self._left = self._uses if len(self.asked) == 1 else 1000
        return Answer(200, json.dumps({"token": f"t{len(self.asked)}"}).encode())

    def _check(self, request: Request) -> Answer | None:
        if self._left and request.header("Authorization") == f"Bearer t{len(self.asked)}":
            self._left -= 1
            return None
        challenge = f'Bearer realm="{self._realm}",service="toy",scope="repository:x:pull,push"'
        return Answer(401, b"", {"WWW-Authenticate": challenge})

    @property
    def scopes(self) -> list[str]:
        return [parse_qs(urlsplit(request.path).query)["scope"][0] for request in self.asked]
