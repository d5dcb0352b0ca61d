"""Images from registries, copied digest by digest.

Upstream's bytes are kept as they are: an index is carried whole or not at all, never filtered into
a new one. Mirrors stand in for registries by name; the name in the bundle stays upstream's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

from installer.adapters.sources.addresses import is_loopback
from installer.adapters.sources.downloads import Downloads, Wanted
from installer.adapters.sources.errors import ArtifactGone, DownloadFailed, NoAnswer, SourceUnavailable
from installer.adapters.sources.http import Document
from installer.adapters.sources.logins import RegistryLogin
from installer.adapters.sources.manifests import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    ImageManifest,
    ImageUnavailable,
    Layer,
    entry_for,
    read_manifest,
)
from installer.errors import BundleRefused, InvalidConfiguration, Problem
from installer.model.artifact import Blob, LockedItem, digest_of
from installer.ports import Reporter

_TYPES = (*INDEX_TYPES, *MANIFEST_TYPES)
ALL_PLATFORMS = "all"
_DOCKER_HUB = "registry-1.docker.io"
_MANIFEST_LIMIT = 4 << 20  # what registries take at most
_AT_ONCE = 4  # blobs of one image; more would only share the same line
_DEPTH = 4  # indexes below indexes


class Registry:
    """Reads one repository of a registry, through the registry's mirror when there is one."""

    def __init__(self, name: str, repository: str, mirrors: Mapping[str, str], downloads: Downloads) -> None:
        """Read `repository` of the registry `name`; `mirrors` maps registry names to `host/prefix`.

        Raises:
            InvalidConfiguration: the mirror would be read in clear over the network.
        """
        address = read_at(name, mirrors)
        self._host = urlsplit(address).netloc
        path = f"{urlsplit(address).path.strip('/')}/{repository}".lstrip("/")
        self._base = f"{urlsplit(address).scheme}://{self._host}/v2/{path}"
        self._name = f"{self._host}/{path}"
        self._downloads = downloads
        self._store = downloads.store
        self._login = RegistryLogin(self._host, path, downloads.client)

    def copy(self, reference: str, platform: str, reporter: Reporter) -> tuple[Blob, ...]:
        """Copy an image into the store and return its blobs, manifest or index first.

        Args:
            reference: a tag or a digest.
            platform: `linux/amd64`, or `all` for the whole index.

        Raises:
            ImageUnavailable: the registry lacks the image or the platform.
        """
        top = self._manifest(reference)
        if platform != ALL_PLATFORMS:
            top = self._of_platform(top, reference, platform)
        manifests = list(self._below(top))
        self._copy({layer.blob.digest: layer for manifest in manifests for layer in manifest.layers}.values(), reporter)
        self._keep(manifests)
        return tuple({blob.digest: blob for manifest in manifests for blob in manifest.blobs()}.values())

    def fetch(self, item: LockedItem, reporter: Reporter) -> None:
        """Put the blobs of a locked item into the store, but for those it has.

        Raises:
            ArtifactGone: the registry does not hold one of them any more.
        """
        try:
            manifests = [self._manifest(blob.digest) for blob in item.blobs if blob.media_type in _TYPES]
            known = {layer.blob.digest: layer for manifest in manifests for layer in manifest.layers}
            rest = [blob for blob in item.blobs if blob.media_type not in _TYPES]
            self._copy([known.get(blob.digest, Layer(blob)) for blob in rest], reporter)
        except ImageUnavailable as error:
            raise ArtifactGone(item, self._name, [error.summary, *error.details]) from error
        self._keep(manifests)

    def _of_platform(self, top: ImageManifest, reference: str, platform: str) -> ImageManifest:
        if top.is_index:
            entry = entry_for(top, platform)
            if entry is None:
                offered = sorted({entry.platform for entry in top.entries} - {"unknown/unknown"})
                raise ImageUnavailable(
                    f"{self._named(reference)} has no image for {platform}; it has {', '.join(offered) or 'none'}.",
                    hint="Correct `platform_artifact_platforms`, or pin a version that has it.",
                )
            return self._manifest(entry.digest)
        config = self._config(top)
        found = f"{config.get('os')}/{config.get('architecture')}"
        # Charts and other things that are no image say nothing of a platform.
        if config.get("architecture") and found != "/".join(platform.split("/")[:2]):
            raise ImageUnavailable(
                f"{self._named(reference)} is for {found} alone, not for {platform}.",
                hint="Correct `platform_artifact_platforms`, or pin a version that has it.",
            )
        return top

    def _below(self, manifest: ImageManifest, depth: int = 0) -> Iterator[ImageManifest]:
        """Yield a manifest, or an index and everything it lists."""
        yield manifest
        for entry in manifest.entries if depth < _DEPTH else ():
            yield from self._below(self._manifest(entry.digest), depth + 1)

    def _copy(self, layers: Iterable[Layer], reporter: Reporter) -> None:
        # The largest first, so that it does not begin last.
        wanted = sorted(layers, key=lambda layer: -layer.blob.size)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            futures = [pool.submit(self._copy_layer, layer, reporter) for layer in wanted]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _copy_layer(self, layer: Layer, reporter: Reporter) -> None:
        blob = layer.blob
        if self._store.has(blob.digest):
            return
        name = f"{self._name}@{blob.digest[7:19]}"
        try:
            url = f"{self._base}/blobs/{blob.digest}"
            self._downloads.fetch(Wanted(url, name, blob.digest, blob.size, self._login), reporter)
        except DownloadFailed as error:
            if not (error.gone and self._copy_from_elsewhere(layer, name, reporter)):
                raise self._explained(error, f"the blob {blob.digest}") from error

    def _copy_from_elsewhere(self, layer: Layer, name: str, reporter: Reporter) -> bool:
        """Fetch a layer that registries may not pass on from where the manifest says it lies."""
        for address in layer.addresses:
            with suppress(DownloadFailed):
                self._downloads.fetch(Wanted(address, name, layer.blob.digest, layer.blob.size), reporter)
                return True
        return False

    def _config(self, manifest: ImageManifest) -> Mapping[str, object]:
        blob = manifest.layers[0].blob
        if blob.size > _MANIFEST_LIMIT:
            return {}
        if self._store.has(blob.digest):
            content = self._store.path(blob.digest).read_bytes()
        else:
            content = self._read(f"blobs/{blob.digest}", f"the config {blob.digest}").content
            self._check(content, blob.digest)
        try:
            config = json.loads(content)
        except ValueError:
            return {}
        return config if isinstance(config, dict) else {}

    def _keep(self, manifests: list[ImageManifest]) -> None:
        # The top last, so that an index in the store says that everything below it is there.
        for manifest in reversed(manifests):
            self._store.put_bytes(manifest.content, manifest.blob.media_type)

    def _manifest(self, reference: str) -> ImageManifest:
        """Return a manifest by tag or digest; one that is in the store is not asked for."""
        pinned = reference.rpartition("@")[2]
        if not pinned.startswith("sha256:"):
            answer = self._read(f"manifests/{reference}", f"the version {reference}")
            self._check(answer.content, answer.headers.get("Docker-Content-Digest", ""))
            return read_manifest(answer.content, answer.media_type, self._named(reference))
        if self._store.has(pinned):
            return read_manifest(self._store.path(pinned).read_bytes(), "", self._named(pinned))
        answer = self._read(f"manifests/{pinned}", f"the manifest {pinned}")
        self._check(answer.content, pinned)
        return read_manifest(answer.content, answer.media_type, self._named(pinned))

    def _check(self, content: bytes, digest: str) -> None:
        """Compare bytes with the digest they must have; a registry need not name one for a tag."""
        if digest.startswith("sha256:") and digest_of(content) != digest:
            raise BundleRefused(
                f"{self._name} answers with the digest {digest_of(content)} where {digest} was asked for or named.",
                hint="The registry or its mirror is damaged, or something between changes what it says.",
            )

    def _named(self, reference: str) -> str:
        return f"{self._name}{'@' if reference.startswith('sha256:') else ':'}{reference}"

    def _read(self, path: str, what: str) -> Document:
        accepted = {"Accept": ", ".join(_TYPES)} if path.startswith("manifests/") else {}
        try:
            return self._downloads.client.read(f"{self._base}/{path}", _MANIFEST_LIMIT, accepted, self._login)
        except DownloadFailed as error:
            raise self._explained(error, what) from error

    def _explained(self, error: DownloadFailed, what: str) -> SourceUnavailable:
        if error.gone:
            return ImageUnavailable(
                f"{self._name} does not hold {what}.",
                hint="Write a name and a version it holds into the component's `images`.",
                details=error.details,
            )
        if not isinstance(error, NoAnswer):
            return error
        return NoAnswer(
            f"The registry {self._host} does not answer.",
            hint="Check this machine's network, or name a mirror in `platform_mirrors`.",
            details=[error.summary],
        )


def split_name(image: str) -> tuple[str, str]:
    """Return registry and repository of an image's full name: `docker.io/library/busybox`.

    Raises:
        ImageUnavailable: the name has no registry in front.
    """
    registry, _, repository = image.partition("/")
    if not repository or ("." not in registry and ":" not in registry and registry != "localhost"):
        raise ImageUnavailable(f"The image name {image} has no registry in front.", hint=f"Write docker.io/{image}.")
    if registry == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def read_at(name: str, mirrors: Mapping[str, str]) -> str:
    """Return where a registry is read.

    Raises:
        InvalidConfiguration: its mirror is no host, or would be read in clear over the network.
    """
    written = mirrors.get(name, _DOCKER_HUB if name == "docker.io" else name)
    address = written if "://" in written else f"https://{written}"
    parts = urlsplit(address)
    where = f"platform_mirrors: {name}"
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query:
        cure = "Write a host and a prefix: registry.example.com/hub."
        raise InvalidConfiguration([Problem(where, f"{written!r} is no address of a registry.", cure)])
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        cure = "Write https://; only a mirror on this machine itself may be read in clear."
        raise InvalidConfiguration([Problem(where, f"{written!r} would be read without TLS.", cure)])
    return address
