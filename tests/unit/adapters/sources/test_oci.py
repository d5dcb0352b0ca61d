"""Names of images, and where they are read."""

from __future__ import annotations

import pytest

from installer.adapters.sources.manifests import ImageUnavailable
from installer.adapters.sources.oci import read_at, split_name
from installer.errors import InvalidConfiguration


@pytest.mark.parametrize(
    ("image", "registry", "repository"),
    [
        ("docker.io/busybox", "docker.io", "library/busybox"),
        ("docker.io/goharbor/harbor-core", "docker.io", "goharbor/harbor-core"),
        ("quay.io/cilium/cilium", "quay.io", "cilium/cilium"),
        ("localhost/app", "localhost", "app"),
        ("registry.example.com:5000/app", "registry.example.com:5000", "app"),
    ],
)
def test_an_images_name_is_split_at_its_registry(image: str, registry: str, repository: str) -> None:
    assert split_name(image) == (registry, repository)


@pytest.mark.parametrize("image", ["busybox", "goharbor/harbor-core"])
def test_a_name_without_a_registry_is_refused_with_the_whole_name(image: str) -> None:
    with pytest.raises(ImageUnavailable) as caught:
        split_name(image)

    assert caught.value.hint == f"Write docker.io/{image}."


@pytest.mark.parametrize(
    ("name", "mirrors", "address"),
    [
        ("quay.io", {}, "https://quay.io"),
        ("docker.io", {}, "https://registry-1.docker.io"),
        ("docker.io", {"docker.io": "mirror.example.com/hub"}, "https://mirror.example.com/hub"),
        ("quay.io", {"docker.io": "mirror.example.com/hub"}, "https://quay.io"),
        ("quay.io", {"quay.io": "http://127.0.0.1:5000"}, "http://127.0.0.1:5000"),
    ],
)
def test_a_registry_is_read_at_its_mirror(name: str, mirrors: dict[str, str], address: str) -> None:
    assert read_at(name, mirrors) == address


@pytest.mark.parametrize(
    "mirror",
    ["http://mirror.example.com", "ftp://mirror.example.com", "https://user:secret@mirror.example.com", "https://"],
)
def test_a_mirror_that_cannot_be_one_is_refused(mirror: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        read_at("quay.io", {"quay.io": mirror})

    assert caught.value.problems[0].where == "platform_mirrors: quay.io"
