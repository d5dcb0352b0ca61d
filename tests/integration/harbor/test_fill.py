"""A real registry is filled from a bundle, and gives out what whoever pulls can check."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.image_signatures import is_signed, made_key, sign, tag_of
from ansible_collections.platform.base.plugins.module_utils.registry_client import (
    INDEX,
    MANIFEST,
    Registry,
    RegistryRefused,
    digest_of,
)
from ansible_collections.platform.base.plugins.module_utils.registry_fill import Filled, Filler, images_of
from ansible_collections.platform.base.plugins.module_utils.web_door import door_of

from tests.integration.harbor.registry_server import registry
from tests.repository import role_folder
from tests.role_programs import loaded

SECRETS = loaded(role_folder("harbor") / "library/harbor_secrets.py")
USER, PASSWORD = "harbor", "A-password-1"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, Any]]:
    (folder := tmp_path / "registry").mkdir()
    with registry(folder, SECRETS.htpasswd(USER, PASSWORD, cost=4)) as place:
        yield place


@pytest.fixture
def client(place: dict[str, Any]) -> Registry:
    return Registry(door_of(place), USER, PASSWORD)


class Bundle:
    """A bundle of made-up images."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.items: list[dict[str, Any]] = []
        (folder / "oci/blobs/sha256").mkdir(parents=True)

    def keep(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Keep a blob, and return what the bundle's manifest says of it."""
        digest = digest_of(content)
        (self.folder / "oci/blobs/sha256" / digest.removeprefix("sha256:")).write_bytes(content)
        return {"digest": digest, "media_type": media_type, "size": len(content)}

    def manifest(self, *layers: bytes) -> list[dict[str, Any]]:
        """Keep an image of layers, and return its blobs, the manifest first."""
        blobs = [self.keep(layer, _LAYER) for layer in layers]
        config = self.keep(json.dumps({"made": "up", "layers": len(layers)}).encode(), _CONFIG)
        document = {
            "schemaVersion": 2, "mediaType": MANIFEST, "config": described(config),
            "layers": [described(blob) for blob in blobs],
        }  # fmt: skip
        return [self.keep(json.dumps(document).encode(), MANIFEST), config, *blobs]

    def index(self, *manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep an index of images, and return the blobs of all."""
        entries = [described(blobs[0]) for blobs in manifests]
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        return [self.keep(json.dumps(document).encode(), INDEX), *(blob for blobs in manifests for blob in blobs)]

    def add(self, name: str, version: str, blobs: list[dict[str, Any]]) -> dict[str, Any]:
        """Have the bundle bring an image."""
        item = {"kind": "image", "name": name, "version": version, "digest": blobs[0]["digest"], "blobs": blobs}
        self.items.append(item)
        (self.folder / "manifest.json").write_text(json.dumps({"items": [*self.items, {"kind": "file"}]}))
        return item

    def fill(self, client: Registry, wet: bool = True) -> Filled:
        """Fill a registry."""
        return Filler(client, str(self.folder), wet).fill(images_of(str(self.folder)))


def described(blob: dict[str, Any]) -> dict[str, Any]:
    return {"mediaType": blob["media_type"], "digest": blob["digest"], "size": blob["size"]}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    bundle = Bundle(tmp_path / "bundle")
    bundle.add("quay.io/one/first", "v1.0.0", bundle.manifest(b"shared" * 1000, b"own of the first"))
    bundle.add("quay.io/one/second", "v1.0.0", bundle.manifest(b"shared" * 1000, b"own of the second"))
    both = bundle.index(bundle.manifest(b"for one"), bundle.manifest(b"for another", b"more"))
    bundle.add("docker.io/library/both", "2.0", both)
    bundle.add("ghcr.io/aquasecurity/trivy-db", "2", bundle.manifest(b"what is known"))
    return bundle


def test_every_image_is_had_by_its_upstream_name_and_digest(bundle: Bundle, client: Registry) -> None:
    done = bundle.fill(client)

    assert len(done.pushed) == 4 and done.there == []
    for item in bundle.items:
        assert client.digest(item["name"], item["version"]) == item["digest"]
        assert client.digest(item["name"], item["digest"]) == item["digest"]
        for blob in item["blobs"]:
            if blob["media_type"] == _LAYER:
                assert digest_of(client.blob(item["name"], blob["digest"])) == blob["digest"]


def test_a_host_pulls_an_image_and_an_index_by_their_digests(bundle: Bundle, client: Registry) -> None:
    bundle.fill(client)

    assert all(client.pull(item["name"], item["digest"]) > 0 for item in bundle.items)
    with pytest.raises(RegistryRefused):
        client.pull(bundle.items[0]["name"], bundle.items[1]["digest"])


def test_bytes_that_were_changed_on_the_way_are_found(bundle: Bundle, client: Registry, tmp_path: Path) -> None:
    bundle.fill(client)
    item = bundle.items[0]
    layer = min((blob for blob in item["blobs"] if blob["media_type"] != MANIFEST), key=lambda blob: blob["size"])
    word = layer["digest"].removeprefix("sha256:")
    kept = tmp_path / f"registry/storage/docker/registry/v2/blobs/sha256/{word[:2]}/{word}/data"
    kept.write_bytes(b"x" * layer["size"])

    with pytest.raises(RegistryRefused, match="other bytes"):
        client.pull(item["name"], item["digest"])


def test_a_second_time_nothing_is_sent(bundle: Bundle, client: Registry) -> None:
    bundle.fill(client)

    done = bundle.fill(client)

    assert (len(done.there), done.pushed, done.sent_bytes, done.shared) == (4, [], 0, 0)


def test_what_a_sibling_has_is_shared_and_not_sent_again(bundle: Bundle, client: Registry) -> None:
    done = bundle.fill(client)

    sizes = {blob["digest"]: blob["size"] for item in bundle.items for blob in item["blobs"]}
    layers_and_configs = {
        blob["digest"] for item in bundle.items for blob in item["blobs"] if blob["media_type"] in (_LAYER, _CONFIG)
    }
    assert done.shared >= 1
    assert done.sent_bytes == sum(sizes[digest] for digest in layers_and_configs)


def test_what_the_scanner_knows_comes_first(bundle: Bundle) -> None:
    assert images_of(str(bundle.folder))[0]["name"] == "ghcr.io/aquasecurity/trivy-db"


def test_a_fill_that_was_broken_off_goes_on(bundle: Bundle, client: Registry) -> None:
    first = bundle.items[0]
    path = bundle.folder / "oci/blobs/sha256" / first["blobs"][-1]["digest"].removeprefix("sha256:")
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(OSError, match=path.name):
        bundle.fill(client)
    path.write_bytes(content)

    done = bundle.fill(client)

    assert f"{first['name']}:{first['version']}" in done.pushed
    assert client.digest(first["name"], first["version"]) == first["digest"]


def test_an_index_of_which_the_bundle_has_a_part_is_left_and_named(bundle: Bundle, client: Registry) -> None:
    blobs = bundle.index(bundle.manifest(b"here"), bundle.manifest(b"not here"))
    bundle.add("quay.io/one/partial", "1.0", blobs[:4])

    done = bundle.fill(client)

    assert done.left == ["quay.io/one/partial:1.0"]
    assert client.digest("quay.io/one/partial", "1.0") == ""


def test_nothing_is_sent_in_check_mode(bundle: Bundle, client: Registry) -> None:
    done = bundle.fill(client, wet=False)

    assert (len(done.pushed), done.sent_bytes) == (4, 0)
    assert client.digest("quay.io/one/first", "v1.0.0") == ""


def test_a_stranger_is_refused(bundle: Bundle, place: dict[str, Any]) -> None:
    stranger = Registry(door_of(place), USER, "another")

    with pytest.raises(RegistryRefused) as refusal:
        bundle.fill(stranger)

    assert refusal.value.status == 401


def test_it_is_known_who_is_let_in(place: dict[str, Any]) -> None:
    door = door_of(place)

    assert Registry(door, USER, PASSWORD).lets_in()
    assert not Registry(door, USER, "another").lets_in()
    assert not Registry(door).lets_in()


def test_a_signature_is_found_by_the_key_it_was_made_with_and_by_no_other(bundle: Bundle, client: Registry) -> None:
    bundle.fill(client)
    keys, others = made_key(), made_key()
    name, digest = bundle.items[0]["name"], bundle.items[0]["digest"]

    assert not is_signed(client, name, digest, keys["public_key"])
    sign(client, name, digest, keys["private_key"], "registry.example.com")

    assert is_signed(client, name, digest, keys["public_key"])
    assert not is_signed(client, name, digest, others["public_key"])


def test_another_program_agrees_that_the_signature_is_good(bundle: Bundle, client: Registry, tmp_path: Path) -> None:
    bundle.fill(client)
    keys = made_key()
    name, digest = bundle.items[0]["name"], bundle.items[0]["digest"]
    sign(client, name, digest, keys["private_key"], "registry.example.com")

    (layer,) = json.loads(client.manifest(name, tag_of(digest)))["layers"]
    for path, content in (
        ("payload", client.blob(name, layer["digest"])),
        ("signature", base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"])),
        ("key", keys["public_key"].encode()),
    ):
        (tmp_path / path).write_bytes(content)
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature", "payload"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert said.strip() == "Verified OK"
    assert json.loads((tmp_path / "payload").read_text())["critical"]["image"]["docker-manifest-digest"] == digest


def test_a_signature_of_another_image_is_none(bundle: Bundle, client: Registry) -> None:
    bundle.fill(client)
    keys = made_key()
    first, second = bundle.items[:2]
    sign(client, first["name"], first["digest"], keys["private_key"], "registry.example.com")
    manifest = client.manifest(first["name"], tag_of(first["digest"]))
    for blob in [json.loads(manifest)["config"], *json.loads(manifest)["layers"]]:
        client.mount(second["name"], blob["digest"], first["name"])
    client.push_manifest(second["name"], tag_of(second["digest"]), manifest, MANIFEST)

    assert not is_signed(client, second["name"], second["digest"], keys["public_key"])


def test_a_tag_is_where_cosign_looks_for_a_signature() -> None:
    hexadecimal = hashlib.sha256(b"").hexdigest()

    assert tag_of(f"sha256:{hexadecimal}") == f"sha256-{hexadecimal}.sig"
