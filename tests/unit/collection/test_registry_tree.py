"""A registry's storage is a tree of links into the bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.modules.registry_tree import entries, strays

MANIFEST, LAYER = "a" * 64, "b" * 64
IMAGE: dict[str, Any] = {
    "kind": "image",
    "name": "quay.io/some/image",
    "version": "v1",
    "digest": f"sha256:{MANIFEST}",
    "blobs": [
        {"digest": f"sha256:{MANIFEST}", "media_type": "application/vnd.oci.image.manifest.v1+json"},
        {"digest": f"sha256:{LAYER}", "media_type": "application/vnd.oci.image.layer.v1.tar+zstd"},
    ],
}
ROOT = "/store/docker/registry/v2"
REPOSITORY = f"{ROOT}/repositories/quay.io/some/image"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{REPOSITORY}/_manifests/tags/v1/current/link", f"sha256:{MANIFEST}"),
        (f"{REPOSITORY}/_manifests/tags/v1/index/sha256/{MANIFEST}/link", f"sha256:{MANIFEST}"),
        (f"{REPOSITORY}/_manifests/revisions/sha256/{MANIFEST}/link", f"sha256:{MANIFEST}"),
        (f"{REPOSITORY}/_layers/sha256/{LAYER}/link", f"sha256:{LAYER}"),
    ],
    ids=["tag", "tag's history", "manifest", "layer"],
)
def test_an_image_is_had_by_tag_and_by_digest(path: str, content: str) -> None:
    tree = {entry.path: entry.content for entry in entries({"items": [IMAGE]}, "/bundle", "/store")}

    assert tree[path] == content.encode()


@pytest.mark.parametrize("digest", [MANIFEST, LAYER])
def test_a_blob_is_a_link_into_the_bundle(digest: str) -> None:
    tree = {entry.path: entry.link for entry in entries({"items": [IMAGE]}, "/bundle", "/store")}

    assert tree[f"{ROOT}/blobs/sha256/{digest[:2]}/{digest}/data"] == f"/bundle/oci/blobs/sha256/{digest}"


def test_what_is_no_image_is_not_offered() -> None:
    assert list(entries({"items": [{**IMAGE, "kind": "chart"}]}, "/bundle", "/store")) == []


def test_files_and_links_that_nothing_needs_are_strays(tmp_path: Path) -> None:
    root = tmp_path / "docker/registry/v2"
    root.mkdir(parents=True)
    for name in ("kept", "left"):
        (root / name).touch()
    (root / "dangling").symlink_to("/nowhere")
    (root / "to-a-folder").symlink_to(tmp_path)

    found = strays(str(tmp_path), {str(root / "kept")})

    assert sorted(Path(path).name for path in found) == ["dangling", "left", "to-a-folder"]


def test_an_empty_storage_has_no_strays(tmp_path: Path) -> None:
    assert strays(str(tmp_path), set()) == []
