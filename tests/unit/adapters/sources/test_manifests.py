"""What a registry's answer is read as."""

from __future__ import annotations

import json
from typing import Any

import pytest

from installer.adapters.sources.manifests import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    ImageManifest,
    ImageUnavailable,
    entry_for,
    read_manifest,
)
from installer.model.artifact import digest_of

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"config"), "size": 6}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(b"layer"), "size": 5}


def entry(architecture: str, variant: str = "") -> dict[str, Any]:
    platform = {"os": "linux", "architecture": architecture, **({"variant": variant} if variant else {})}
    digest = digest_of(f"{architecture}{variant}".encode())
    return {"mediaType": MANIFEST_TYPES[0], "digest": digest, "size": 1, "platform": platform}


def index(*entries: dict[str, Any]) -> ImageManifest:
    document = {"schemaVersion": 2, "mediaType": INDEX_TYPES[0], "manifests": entries}
    return read_manifest(json.dumps(document).encode(), "", "the image")


def test_a_manifest_names_its_blobs() -> None:
    content = json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}).encode()

    manifest = read_manifest(content, MANIFEST_TYPES[1], "the image")

    assert [blob.digest for blob in manifest.blobs()] == [digest_of(content), CONFIG["digest"], LAYER["digest"]]
    assert manifest.blob.media_type == MANIFEST_TYPES[1]


@pytest.mark.parametrize("said", ["", "text/plain", "application/json"])
def test_a_document_decides_what_it_is_when_the_registry_does_not(said: str) -> None:
    content = json.dumps({"schemaVersion": 2, "manifests": []}).encode()

    assert read_manifest(content, said, "the image").is_index


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [
        ("linux/amd64", "amd64"),
        ("linux/arm64", "arm64v8"),
        ("linux/arm/v7", "armv7"),
        ("linux/arm/v6", "armv6"),
    ],
)
def test_the_entry_of_a_platform_is_found(platform: str, wanted: str) -> None:
    many = index(
        entry("amd64", "v3"),
        entry("amd64"),
        entry("arm64", "v8"),
        entry("arm", "v6"),
        entry("arm", "v7"),
        entry("s390x"),
    )

    found = entry_for(many, platform)

    assert found is not None
    assert found.digest == digest_of(wanted.encode())


@pytest.mark.parametrize("platform", ["linux/ppc64le", "windows/amd64", "linux/arm/v5"])
def test_a_platform_that_is_not_there_is_not_found(platform: str) -> None:
    assert entry_for(index(entry("amd64"), entry("arm", "v7")), platform) is None


def test_a_layer_may_lie_elsewhere_but_only_behind_tls() -> None:
    foreign = {**LAYER, "urls": ["https://layers.example.com/x", "http://layers.example.com/x", "file:///etc/passwd"]}
    content = json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": [foreign]}).encode()

    manifest = read_manifest(content, MANIFEST_TYPES[0], "the image")

    assert manifest.layers[1].addresses == ("https://layers.example.com/x",)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"<html>", "it cannot be read"),
        (b"[]", "it cannot be read"),
        (b'{"schemaVersion": 1}', "its format 1 is not 2"),
        (b'{"schemaVersion": 2}', "it has no config"),
        (json.dumps({"schemaVersion": 2, "config": CONFIG}).encode(), "it has no layers"),
        (
            json.dumps({"schemaVersion": 2, "manifests": [], "config": CONFIG}).encode(),
            "a manifest and an index at once",
        ),
        (b'{"schemaVersion": 2, "manifests": [{"mediaType": "x", "size": 1}]}', "it has no digest"),
    ],
)
def test_what_is_no_image_says_why(document: bytes, reason: str) -> None:
    with pytest.raises(ImageUnavailable, match=f"the image is no image that can be carried: .*{reason}"):
        read_manifest(document, "", "the image")


@pytest.mark.parametrize("digest", ["sha256:short", "md5:" + "0" * 32, "sha256:../../../etc/passwd"])
def test_a_digest_that_is_none_is_refused(digest: str) -> None:
    content = json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": [{**LAYER, "digest": digest}]}).encode()

    with pytest.raises(ImageUnavailable):
        read_manifest(content, "", "the image")
