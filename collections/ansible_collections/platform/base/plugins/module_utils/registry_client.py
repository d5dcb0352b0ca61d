"""A registry of images, as whoever pushes and pulls speaks to it: OCI's distribution, with tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from ansible_collections.platform.base.plugins.module_utils.web_door import Answer, Door

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFESTS = (
    MANIFEST, INDEX,
    "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
)  # fmt: skip
_ACCEPT = {"Accept": ", ".join(MANIFESTS)}
_BYTES = {"Content-Type": "application/octet-stream"}
OK, CREATED, ACCEPTED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, PRECONDITION = 200, 201, 202, 401, 403, 404, 412


class RegistryRefused(Exception):
    """The registry does not do what it was asked for."""

    def __init__(self, what: str, answer: Answer) -> None:
        said = answer.content.decode(errors="replace").strip()[:300]
        super().__init__(f"{what} was answered with {answer.status}: {said or 'nothing'}")
        self.status = answer.status


def digest_of(content: bytes) -> str:
    """Return the digest of bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    """Speaks to one registry.

    Args:
        door: the way to it.
        user: who asks; nobody when empty.
        password: of the user.
    """

    def __init__(self, door: Door, user: str = "", password: str = "") -> None:
        self._door = door
        word = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._basic = {"Authorization": f"Basic {word}"} if user else {}
        self._tokens: dict[str, dict[str, str]] = {}

    def lets_in(self) -> bool:
        """Return whether the registry knows who asks."""
        answer = self._door.request("GET", "/v2/", self._basic)
        if answer.status != UNAUTHORIZED:
            return answer.status == OK
        told = _challenge(answer)
        if "realm" not in told or "service" not in told:
            return False
        # Whoever asks for nothing in particular is refused, unless they are known.
        query = urlencode({"service": told["service"]})
        return self._door.request("GET", f"{urlsplit(told['realm']).path}?{query}", self._basic).status == OK

    def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether a repository has a blob."""
        return self._ask("HEAD", repository, f"blobs/{digest}").status == OK

    def digest(self, repository: str, reference: str) -> str:
        """Return the digest of what a tag names; empty where there is none."""
        answer = self._ask("HEAD", repository, f"manifests/{reference}", _ACCEPT)
        return str(answer.headers.get("Docker-Content-Digest") or "") if answer.status == OK else ""

    def manifest(self, repository: str, reference: str) -> bytes:
        """Return a manifest.

        Raises:
            RegistryRefused: it is not given.
        """
        return self._wanted("GET", repository, f"manifests/{reference}", (OK,), _ACCEPT).content

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a blob.

        Raises:
            RegistryRefused: it is not given, or is another one.
        """
        answer = self._wanted("GET", repository, f"blobs/{digest}", (OK,))
        if digest_of(answer.content) != digest:
            raise RegistryRefused(f"The blob {digest} of {repository} holds other bytes, and", answer)
        return answer.content

    def pull(self, repository: str, digest: str) -> int:
        """Pull a manifest and the smallest of what it names, as a host does, and return the bytes.

        Raises:
            RegistryRefused: it is not given.
            ValueError: it holds other bytes than its digest says.
        """
        content = self.manifest(repository, digest)
        if digest_of(content) != digest:
            raise ValueError(f"the manifest {digest} of {repository} holds other bytes than its digest says")
        document = json.loads(content)
        if "manifests" in document:
            return len(content) + self.pull(repository, document["manifests"][0]["digest"])
        smallest = min([document["config"], *document["layers"]], key=lambda blob: int(blob["size"]))
        return len(content) + len(self.blob(repository, smallest["digest"]))

    def mount(self, repository: str, digest: str, sibling: str) -> bool:
        """Have a repository share a blob with a sibling, and return whether it does."""
        query = urlencode({"mount": digest, "from": sibling})
        return self._ask("POST", repository, f"blobs/uploads/?{query}", also=(sibling,)).status == CREATED

    def push_blob(self, repository: str, digest: str, content: bytes | str) -> None:
        """Put a blob into a repository.

        Args:
            content: the bytes, or the path of the file that has them.

        Raises:
            RegistryRefused: it is not taken.
        """
        begun = self._wanted("POST", repository, "blobs/uploads/", (ACCEPTED,), {"Content-Length": "0"})
        place = urlsplit(str(begun.headers["Location"]))
        query = "&".join(part for part in (place.query, urlencode({"digest": digest})) if part)
        size = os.path.getsize(content) if isinstance(content, str) else len(content)
        headers = {**_BYTES, "Content-Length": str(size)}
        answer = self._send("PUT", repository, f"{place.path}?{query}", headers, content)
        if answer.status != CREATED:
            raise RegistryRefused(f"Pushing the blob {digest} to {repository}", answer)

    def push_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> None:
        """Put a manifest into a repository.

        Raises:
            RegistryRefused: it is not taken.
        """
        headers = {"Content-Type": media_type, "Content-Length": str(len(content))}
        self._wanted("PUT", repository, f"manifests/{reference}", (CREATED,), headers, content)

    def push_image(
        self, repository: str, tag: str, config: bytes, config_type: str, layers: Iterable[Mapping[str, Any]]
    ) -> str:
        """Make an image of parts that are at hand, and return its digest.

        Args:
            layers: of each C(content), its C(media_type), and C(annotations) if it has some.

        Raises:
            RegistryRefused: it is not taken.
        """
        self.push_blob(repository, digest_of(config), config)
        described = []
        for layer in layers:
            self.push_blob(repository, digest_of(layer["content"]), layer["content"])
            entry = _descriptor(layer["content"], layer["media_type"])
            described.append({**entry, **({"annotations": layer["annotations"]} if "annotations" in layer else {})})
        document = {
            "schemaVersion": 2, "mediaType": MANIFEST, "config": _descriptor(config, config_type), "layers": described
        }  # fmt: skip
        content = json.dumps(document, separators=(",", ":")).encode()
        self.push_manifest(repository, tag, content, MANIFEST)
        return digest_of(content)

    def _wanted(
        self, method: str, repository: str, path: str, statuses: tuple[int, ...],
        headers: Mapping[str, str] | None = None, content: bytes | None = None,
    ) -> Answer:  # fmt: skip
        answer = self._ask(method, repository, path, headers, content)
        if answer.status not in statuses:
            raise RegistryRefused(f"{method} {repository}/{path.partition('?')[0]}", answer)
        return answer

    def _ask(
        self, method: str, repository: str, path: str, headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None, also: tuple[str, ...] = (),
    ) -> Answer:  # fmt: skip
        return self._send(method, repository, f"/v2/{repository}/{path}", headers or {}, content, also)

    def _send(
        self, method: str, repository: str, path: str, headers: Mapping[str, str],
        content: bytes | str | None, also: tuple[str, ...] = (),
    ) -> Answer:  # fmt: skip
        """Send a request; who is asked who they are says it, and asks once more."""
        key = " ".join((repository, *also))
        answer = self._once(method, path, {**headers, **self._tokens.get(key, {})}, content)
        if answer.status != UNAUTHORIZED:
            return answer
        self._tokens[key] = self._login(_challenge(answer), repository, also)
        return self._once(method, path, {**headers, **self._tokens[key]}, content)

    def _once(self, method: str, path: str, headers: Mapping[str, str], content: bytes | str | None) -> Answer:
        if not isinstance(content, str):
            return self._door.request(method, path, headers, content)
        with open(content, "rb") as stream:
            return self._door.request(method, path, headers, stream)

    def _login(self, told: Mapping[str, str], repository: str, also: tuple[str, ...]) -> dict[str, str]:
        """Return what says who asks, in the way the registry wants it."""
        if "service" not in told:
            return self._basic
        scopes = [f"repository:{repository}:{'pull,push' if self._basic else 'pull'}"]
        scopes += [f"repository:{name}:pull" for name in also]
        query = urlencode([("service", told["service"]), *(("scope", scope) for scope in scopes)])
        # The same server, whatever it calls itself.
        answer = self._door.request("GET", f"{urlsplit(told['realm']).path}?{query}", self._basic)
        if answer.status != OK:
            return self._basic
        document = json.loads(answer.content)
        return {"Authorization": f"Bearer {document.get('token') or document.get('access_token')}"}


def _challenge(answer: Answer) -> dict[str, str]:
    """Return where and how a registry wants to be told who asks."""
    said = str(answer.headers.get("WWW-Authenticate") or "")
    return dict(re.findall(r'(\w+)="([^"]*)"', said))


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
