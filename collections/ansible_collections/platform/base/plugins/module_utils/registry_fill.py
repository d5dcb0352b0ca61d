"""Fill a registry from a bundle: what it has is left alone, what a sibling has is shared."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.registry_client import (
    MANIFESTS,
    PRECONDITION,
    Registry,
    RegistryRefused,
)


@dataclass
class Filled:
    """What filling did.

    Attributes:
        there: images the registry had.
        pushed: images it has now.
        kept_tags: images whose tag means another one there and may not be moved; they are there by their digest.
        left: images a bundle has a part of only, which no registry takes.
        shared: blobs that were had from a sibling.
        sent_bytes: how much was sent.
    """

    there: list[str] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)
    kept_tags: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    shared: int = 0
    sent_bytes: int = 0


class Filler:
    """Fills one registry.

    Args:
        registry: what is filled.
        bundle: the bundle's folder.
        wet: whether anything is sent.
    """

    def __init__(self, registry: Registry, bundle: str, wet: bool = True) -> None:
        self._registry = registry
        self._blobs = os.path.join(bundle, "oci", "blobs", "sha256")
        self._wet = wet
        self._owners: dict[str, str] = {}
        self.done = Filled()

    def fill(self, items: Sequence[Mapping[str, Any]]) -> Filled:
        """Bring images over, and return what was done.

        Raises:
            RegistryRefused: one is not taken.
            OSError: the bundle lacks a blob.
        """
        for item in items:
            name = f"{item['name']}:{item['version']}"
            if self._registry.digest(item["name"], item["digest"]) == item["digest"]:
                self._owners.update({blob["digest"]: item["name"] for blob in item["blobs"]})
                if self._registry.digest(item["name"], item["version"]) == item["digest"]:
                    self.done.there.append(name)
                    continue
            if not self._is_whole(item):
                self.done.left.append(name)
                continue
            self.done.pushed.append(name)
            if self._wet:
                self._push(item, name)
        return self.done

    def _push(self, item: Mapping[str, Any], name: str) -> None:
        for blob in item["blobs"]:
            if blob["media_type"] not in MANIFESTS:
                self._blob(item["name"], blob)
        # What an index lists comes before it.
        for blob in reversed([blob for blob in item["blobs"] if blob["media_type"] in MANIFESTS]):
            content = self._read(blob["digest"])
            self._registry.push_manifest(item["name"], blob["digest"], content, blob["media_type"])
        top = next(blob for blob in item["blobs"] if blob["digest"] == item["digest"])
        try:
            self._registry.push_manifest(item["name"], item["version"], self._read(top["digest"]), top["media_type"])
        except RegistryRefused as refusal:
            if refusal.status != PRECONDITION:
                raise
            # A tag of its own keeps it from being cleaned away.
            tag = f"{item['version']}-{item['digest'][7:19]}"
            self._registry.push_manifest(item["name"], tag, self._read(top["digest"]), top["media_type"])
            self.done.kept_tags.append(name)

    def _blob(self, repository: str, blob: Mapping[str, Any]) -> None:
        digest = blob["digest"]
        owner = self._owners.get(digest)
        if self._registry.has_blob(repository, digest):
            pass
        elif owner and owner != repository and self._registry.mount(repository, digest, owner):
            self.done.shared += 1
        else:
            self._registry.push_blob(repository, digest, self._path(digest))
            self.done.sent_bytes += int(blob["size"])
        self._owners[digest] = repository

    def _is_whole(self, item: Mapping[str, Any]) -> bool:
        known = {blob["digest"] for blob in item["blobs"]}
        return all(child in known for child in self._children(item))

    def _children(self, item: Mapping[str, Any]) -> Iterator[str]:
        for blob in item["blobs"]:
            if blob["media_type"] in MANIFESTS:
                document = json.loads(self._read(blob["digest"]))
                yield from (child["digest"] for child in document.get("manifests", ()))

    def _path(self, digest: str) -> str:
        return os.path.join(self._blobs, digest.removeprefix("sha256:"))

    def _read(self, digest: str) -> bytes:
        with open(self._path(digest), "rb") as stream:
            return stream.read()


def images_of(bundle: str) -> list[dict[str, Any]]:
    """Return a bundle's images; what scanners know comes first, so that the others can be scanned as they come.

    Raises:
        OSError, ValueError: there is no bundle.
    """
    with open(os.path.join(bundle, "manifest.json"), encoding="utf-8") as stream:
        found = [item for item in json.load(stream)["items"] if item["kind"] == "image"]
    return sorted(found, key=lambda item: ("trivy-" not in item["name"] or "-db" not in item["name"], item["name"]))
