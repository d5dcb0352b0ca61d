"""Images copied digest by digest from a registry that may want a log-in, break off, or lie."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.errors import ArtifactGone, DownloadFailed
from installer.adapters.sources.manifests import ImageUnavailable
from installer.adapters.sources.oci import Registry
from installer.errors import BundleRefused, InvalidConfiguration
from installer.model.artifact import Blob, Kind, LockedItem, digest_of
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Answer, Server, serving
from tests.integration.sources.registry import INDEX, Doorkeeper, ToyRegistry

NAME = "registry.example.com"


@pytest.fixture
def upstream(server: Server) -> ToyRegistry:
    return ToyRegistry(server, "hub/team/app")


@pytest.fixture
def registry(server: Server, downloads: Downloads) -> Registry:
    return Registry(NAME, "team/app", mirrors(server), downloads)


def mirrors(server: Server) -> Mapping[str, str]:
    return {NAME: f"{server.url}/hub"}


def locked(*blobs: Blob) -> LockedItem:
    origin = {"type": "oci", "registry": NAME, "repository": "team/app"}
    return LockedItem(Kind.IMAGE, f"{NAME}/team/app", "v1", blobs[0].digest, blobs, origin, "MIT", ("app",))


def test_one_platform_of_an_image_is_copied(
    upstream: ToyRegistry, registry: Registry, store: BlobStore, told: Told
) -> None:
    wanted, other = upstream.image(b"mine"), upstream.image(b"theirs", architecture="arm64")
    upstream.tag("v1", upstream.index(amd64=wanted, arm64=other), INDEX)

    blobs = registry.copy("v1", "linux/amd64", told)

    assert blobs[0].digest == digest_of(wanted)
    assert store.path(digest_of(b"mine")).read_bytes() == b"mine"
    assert not store.has(digest_of(b"theirs"))


def test_all_platforms_are_copied_byte_for_byte(
    upstream: ToyRegistry, registry: Registry, store: BlobStore, told: Told
) -> None:
    index = upstream.index(amd64=upstream.image(b"mine"), arm64=upstream.image(b"theirs", architecture="arm64"))
    upstream.tag("v1", index, INDEX)

    blobs = registry.copy("v1", "all", told)

    assert store.path(blobs[0].digest).read_bytes() == index
    assert {digest_of(b"mine"), digest_of(b"theirs")} < {blob.digest for blob in blobs}
    assert all(store.has(blob.digest) for blob in blobs)


def test_layers_that_are_there_are_not_fetched_again(
    upstream: ToyRegistry, registry: Registry, store: BlobStore, server: Server, told: Told
) -> None:
    store.put_bytes(b"base")
    upstream.tag("v1", upstream.image(b"base", b"own"))

    registry.copy("v1", "linux/amd64", told)

    assert not any(digest_of(b"base") in path for path in server.paths)


def test_a_layer_that_breaks_off_is_resumed(
    upstream: ToyRegistry, registry: Registry, server: Server, told: Told
) -> None:
    layer = b"layer" * 1000
    upstream.tag("v1", upstream.image(layer))
    server.answer(f"/v2/hub/team/app/blobs/{digest_of(layer)}", serving(layer, 2000))

    registry.copy("v1", "linux/amd64", told)

    assert [r.header("Range") for r in server.requests if digest_of(layer) in r.path] == ["", "bytes=2000-"]


def test_a_layer_on_another_server_gets_no_token(
    upstream: ToyRegistry, registry: Registry, server: Server, other_server: Server, told: Told
) -> None:
    Doorkeeper(upstream)
    upstream.tag("v1", upstream.image(b"layer"))
    there = other_server.answer("/storage", serving(b"layer"))
    guarded = server.answers[f"/v2/hub/team/app/blobs/{digest_of(b'layer')}"]
    server.answer(
        f"/v2/hub/team/app/blobs/{digest_of(b'layer')}",
        lambda r: a if (a := guarded(r)).status == 401 else Answer(307, b"", {"Location": there}),
    )

    registry.copy("v1", "linux/amd64", told)

    assert [request.header("Authorization") for request in other_server.requests] == [""]


def test_an_unknown_version_is_named(registry: Registry, told: Told) -> None:
    with pytest.raises(ImageUnavailable, match="hub/team/app does not hold the version v9"):
        registry.copy("v9", "linux/amd64", told)


def test_an_unknown_platform_is_named_with_those_there_are(
    upstream: ToyRegistry, registry: Registry, told: Told
) -> None:
    upstream.tag("v1", upstream.index(arm64=upstream.image(b"theirs", architecture="arm64")), INDEX)

    with pytest.raises(ImageUnavailable, match=r"no image for linux/amd64; it has linux/arm64"):
        registry.copy("v1", "linux/amd64", told)


def test_an_image_of_one_other_platform_is_refused(upstream: ToyRegistry, registry: Registry, told: Told) -> None:
    upstream.tag("v1", upstream.image(b"theirs", architecture="arm64"))

    with pytest.raises(ImageUnavailable, match="is for linux/arm64 alone, not for linux/amd64"):
        registry.copy("v1", "linux/amd64", told)


def test_a_manifest_with_other_bytes_is_refused(
    upstream: ToyRegistry, registry: Registry, server: Server, told: Told
) -> None:
    image = upstream.image(b"layer")
    server.answer(f"/v2/hub/team/app/manifests/{digest_of(image)}", Answer(200, image + b" "))

    with pytest.raises(BundleRefused, match=digest_of(image)):
        registry.copy(digest_of(image), "linux/amd64", told)


def test_a_layer_with_other_bytes_is_refused(
    upstream: ToyRegistry, registry: Registry, server: Server, store: BlobStore, told: Told
) -> None:
    image = upstream.image(b"layer")
    upstream.tag("v1", image)
    server.answer(f"/v2/hub/team/app/blobs/{digest_of(b'layer')}", Answer(200, b"eviln"[:5]))

    with pytest.raises(BundleRefused, match="has the digest"):
        registry.copy("v1", "linux/amd64", told)

    assert not store.has(digest_of(image))


def test_a_manifest_without_end_is_refused(registry: Registry, server: Server, told: Told) -> None:
    server.answer("/v2/hub/team/app/manifests/v1", Answer(200, b"{" * (5 << 20)))

    with pytest.raises(DownloadFailed, match="more than 4194304 bytes"):
        registry.copy("v1", "linux/amd64", told)


def test_a_registry_that_is_down_is_named_with_the_cure(registry: Registry, server: Server, told: Told) -> None:
    server.stop()

    with pytest.raises(DownloadFailed, match=r"The registry 127\.0\.0\.1:.* does not answer") as caught:
        registry.copy("v1", "linux/amd64", told)

    assert "platform_mirrors" in caught.value.hint


def test_a_locked_image_is_fetched_without_its_tag(
    upstream: ToyRegistry, registry: Registry, store: BlobStore, told: Told
) -> None:
    upstream.tag("v1", upstream.image(b"layer"))
    blobs = registry.copy("v1", "linux/amd64", told)
    del upstream.server.answers["/v2/hub/team/app/manifests/v1"]
    for blob in blobs:
        store.path(blob.digest).unlink()

    registry.fetch(locked(*blobs), told)

    assert all(store.has(blob.digest) for blob in blobs)


@pytest.mark.parametrize("lost", [0, -1], ids=["manifest", "layer"])
def test_a_locked_image_that_was_withdrawn_is_said_to_be_gone(
    upstream: ToyRegistry, registry: Registry, store: BlobStore, told: Told, lost: int
) -> None:
    upstream.tag("v1", upstream.image(b"layer"))
    blobs = registry.copy("v1", "linux/amd64", told)
    for blob in blobs:
        store.path(blob.digest).unlink()
    upstream.withdraw(blobs[lost].digest)

    with pytest.raises(ArtifactGone, match=r"does not hold registry\.example\.com/team/app v1 any more") as caught:
        registry.fetch(locked(*blobs), told)

    assert "bundle lock" in caught.value.hint


def test_a_mirror_in_clear_over_the_network_is_refused(downloads: Downloads) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        Registry(NAME, "team/app", {NAME: "http://mirror.example.com"}, downloads)

    assert "without TLS" in caught.value.details[0]
