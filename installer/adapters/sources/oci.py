"""Images from registries, copied digest by digest.

Upstream's bytes are kept as they are: an index is carried whole or not at all, never filtered into
a new one. Mirrors stand in for registries by name; the name in the bundle stays upstream's.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.http import DownloadFailed, download, pool
from installer.errors import PlatformError
from installer.model.artifact import Blob, digest_of
from installer.ports import Reporter

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ALL_PLATFORMS = "all"
_DOCKER_HUB = "registry-1.docker.io"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class ImageUnavailable(PlatformError):
    """A registry does not hold an image, a platform of it, or does not let us read it."""


@dataclass(frozen=True)
class _Manifest:
    blob: Blob
    content: bytes

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.content)
        return document

    @property
    def is_index(self) -> bool:
        return self.blob.media_type in INDEX_TYPES


class Registry:
    """Reads one registry, through its mirror when there is one."""

    def __init__(self, name: str, mirrors: Mapping[str, str], store: BlobStore) -> None:
        """Read the registry `name`; `mirrors` maps registry names to `host/prefix`."""
        location = mirrors.get(name, _DOCKER_HUB if name == "docker.io" else name)
        self._scheme, _, rest = location.rpartition("://")
        self._host, _, prefix = rest.partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix else ""
        self._store = store
        self._authorization: dict[str, str] = {}

    def copy(self, repository: str, reference: str, platform: str, reporter: Reporter) -> tuple[Blob, ...]:
        """Copy an image into the store and return its blobs, manifest or index first.

        Args:
            reference: a tag or a digest.
            platform: `linux/amd64`, or `all` for the whole index.

        Raises:
            ImageUnavailable: the registry lacks the image or the platform.
        """
        top = self._manifest(repository, reference)
        if not top.is_index:
            return tuple(self._copy_manifest(repository, top, reporter))
        if platform == ALL_PLATFORMS:
            children = [self._manifest(repository, entry["digest"]) for entry in top.document["manifests"]]
            self._keep(top)
            blobs = [top.blob]
            for child in children:
                blobs.extend(self._copy_manifest(repository, child, reporter))
            return _unique(blobs)
        entry = _entry_for(top.document, platform)
        if entry is None:
            raise ImageUnavailable(f"{self._host}/{repository}:{reference} has no image for {platform}.")
        return tuple(self._copy_manifest(repository, self._manifest(repository, entry["digest"]), reporter))

    def fetch(self, repository: str, blobs: tuple[Blob, ...], reporter: Reporter) -> None:
        """Put the blobs of a locked image into the store, those it has already excepted."""
        for blob in blobs:
            if self._store.has(blob.digest):
                continue
            if blob.media_type in (*INDEX_TYPES, *MANIFEST_TYPES):
                self._keep(self._manifest(repository, blob.digest))
            else:
                self._copy_blob(repository, blob, reporter)

    def _copy_manifest(self, repository: str, manifest: _Manifest, reporter: Reporter) -> Iterator[Blob]:
        yield manifest.blob
        document = manifest.document
        for descriptor in [document["config"], *document["layers"]]:
            blob = Blob(descriptor["digest"], int(descriptor["size"]), descriptor["mediaType"])
            self._copy_blob(repository, blob, reporter)
            yield blob
        # Last, so that a manifest in the store says that everything below it is there.
        self._keep(manifest)

    def _copy_blob(self, repository: str, blob: Blob, reporter: Reporter) -> None:
        if self._store.has(blob.digest):
            return
        url = self._url(repository, f"blobs/{blob.digest}")
        self._ask("HEAD", url, repository, {})
        download(url, self._store, reporter, blob.digest, self._authorization)

    def _keep(self, manifest: _Manifest) -> None:
        self._store.put_bytes(manifest.content, manifest.blob.media_type)

    def _manifest(self, repository: str, reference: str) -> _Manifest:
        if reference.startswith("sha256:") and self._store.has(reference):
            content = self._store.path(reference).read_bytes()
            media_type = str(json.loads(content).get("mediaType", MANIFEST_TYPES[0]))
        else:
            url = self._url(repository, f"manifests/{reference}")
            answer = self._ask("GET", url, repository, {"Accept": ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))})
            content, media_type = answer.data, answer.headers.get("Content-Type", "").split(";")[0]
        digest = digest_of(content)
        if reference.startswith("sha256:") and digest != reference:
            raise ImageUnavailable(f"{self._host}/{repository}@{reference} answered bytes with the digest {digest}.")
        return _Manifest(Blob(digest, len(content), media_type), content)

    def _ask(self, method: str, url: str, repository: str, headers: Mapping[str, str]) -> Any:
        for _ in range(2):
            try:
                answer = pool().request(method, url, headers={**headers, **self._authorization})
            except urllib3.exceptions.HTTPError as error:
                raise ImageUnavailable(
                    f"The registry {self._host} does not answer: {error}.",
                    hint="Check this machine's network, or name a mirror in `platform_mirrors`.",
                ) from error
            if answer.status == 401 and not self._authorization:
                self._authorization = self._authorize(answer.headers.get("WWW-Authenticate", ""), repository)
                continue
            break
        if answer.status >= 400:
            raise ImageUnavailable(f"{url} answered {answer.status}.", hint="Check the image's name, tag and access.")
        return answer

    def _authorize(self, challenge: str, repository: str) -> dict[str, str]:
        basic = _credentials(self._host)
        if challenge.lower().startswith("basic"):
            return basic
        fields = dict(_CHALLENGE.findall(challenge))
        if "realm" not in fields:
            raise DownloadFailed(f"The registry {self._host} asks for a log-in it does not describe.")
        query = {"service": fields.get("service", ""), "scope": f"repository:{self._prefix}{repository}:pull"}
        answer = pool().request("GET", fields["realm"], fields=query, headers=basic)
        if answer.status != 200:
            raise ImageUnavailable(
                f"The registry {self._host} refused the log-in for {repository} with {answer.status}.",
                hint="Log in with the site's container tool; its credentials file is read.",
            )
        document = json.loads(answer.data)
        return {"Authorization": f"Bearer {document.get('token') or document.get('access_token')}"}

    def _url(self, repository: str, rest: str) -> str:
        return f"{self._scheme or 'https'}://{self._host}/v2/{self._prefix}{repository}/{rest}"


def split_name(image: str) -> tuple[str, str]:
    """Return registry and repository of an image's full name: `docker.io/library/busybox`.

    Raises:
        ImageUnavailable: the name has no registry in front.
    """
    registry, _, repository = image.partition("/")
    if not repository or ("." not in registry and ":" not in registry):
        raise ImageUnavailable(f"The image name {image} has no registry in front.", hint=f"Write docker.io/{image}.")
    return registry, repository


def _entry_for(index: Mapping[str, Any], platform: str) -> Mapping[str, Any] | None:
    system, _, architecture = platform.partition("/")
    for entry in index["manifests"]:
        about = entry.get("platform") or {}
        if (about.get("os"), about.get("architecture")) == (system, architecture):
            found: Mapping[str, Any] = entry
            return found
    return None


def _unique(blobs: list[Blob]) -> tuple[Blob, ...]:
    return tuple({blob.digest: blob for blob in blobs}.values())


def _credentials(host: str) -> dict[str, str]:
    """Return the log-in the site's container tools keep for a registry, if any."""
    location = os.environ.get("REGISTRY_AUTH_FILE")
    path = Path(location) if location else Path.home() / ".docker" / "config.json"
    if not path.is_file():
        return {}
    entry = (json.loads(path.read_text()).get("auths") or {}).get(host) or {}
    token = entry.get("auth") or ""
    if not token and entry.get("username"):
        token = base64.b64encode(f"{entry['username']}:{entry['password']}".encode()).decode()
    return {"Authorization": f"Basic {token}"} if token else {}
