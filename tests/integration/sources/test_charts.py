"""Helm charts from repositories with an index, and from registries."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.chart_repositories import ChartRepositories
from installer.adapters.sources.charts import MEDIA_TYPE, ChartUnavailable, pack_chart, stored_gzip
from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.errors import ArtifactGone, DownloadFailed
from installer.errors import BundleRefused
from installer.model.artifact import ChartSpec, digest_of
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Answer, Server
from tests.integration.sources.registry import ToyRegistry


def chart(name: str = "web", version: str = "1.2.0") -> bytes:
    """Return the archive of a chart."""
    content = yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version}).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(f"{name}/Chart.yaml")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stored_gzip(buffer.getvalue())


def spec(repository: str, version: str = "1.2.0") -> ChartSpec:
    return ChartSpec("web", version, "Apache-2.0", repository)


def publish(server: Server, *entries: Mapping[str, object]) -> str:
    server.answer("/charts/index.yaml", yaml.safe_dump({"entries": {"web": list(entries)}}).encode())
    return f"{server.url}/charts"


@pytest.fixture
def repositories(downloads: Downloads) -> ChartRepositories:
    return ChartRepositories(downloads, {})


def test_a_listed_chart_is_pinned_by_the_indexs_digest(
    server: Server, repositories: ChartRepositories, store: BlobStore, told: Told
) -> None:
    server.answer("/charts/web-1.2.0.tgz", chart())
    entry = {"version": "1.2.0", "urls": ["web-1.2.0.tgz"], "digest": digest_of(chart()).removeprefix("sha256:")}

    item = repositories.pin("app", spec(publish(server, {"version": "1.1.0"}, entry)), told)

    assert item.digest == digest_of(chart())
    assert item.blobs[0].media_type == MEDIA_TYPE
    assert store.has(item.digest)
    assert told.sentences == []


def test_a_chart_without_a_digest_is_trusted_aloud(server: Server, repositories: ChartRepositories, told: Told) -> None:
    server.answer("/charts/web-1.2.0.tgz", chart())

    repositories.pin("app", spec(publish(server, {"version": "1.2.0", "urls": ["web-1.2.0.tgz"]})), told)

    assert "gives no digest for web 1.2.0" in told.sentences[0]


def test_a_version_with_and_without_a_v_is_the_same(
    server: Server, repositories: ChartRepositories, told: Told
) -> None:
    server.answer("/charts/web.tgz", chart(version="v1.2.0"))

    item = repositories.pin("app", spec(publish(server, {"version": "v1.2.0", "urls": ["web.tgz"]})), told)

    assert item.version == "1.2.0"


def test_a_chart_may_lie_on_another_server(
    server: Server, other_server: Server, repositories: ChartRepositories, told: Told
) -> None:
    url = other_server.answer("/releases/web.tgz", chart())

    repositories.pin("app", spec(publish(server, {"version": "1.2.0", "urls": [url]})), told)

    assert other_server.paths == ["/releases/web.tgz"]


def test_a_version_that_is_not_listed_is_named_with_those_that_are(
    server: Server, repositories: ChartRepositories, told: Told
) -> None:
    repository = publish(server, {"version": "1.1.0"}, {"version": "1.0.0"})

    with pytest.raises(ChartUnavailable, match=r"does not list web 1\.2\.0") as caught:
        repositories.pin("app", spec(repository), told)

    assert caught.value.details == ("It lists 1.1.0, 1.0.0.",)


def test_other_bytes_than_the_index_names_are_refused(
    server: Server, repositories: ChartRepositories, told: Told
) -> None:
    server.answer("/charts/web.tgz", chart())
    repository = publish(server, {"version": "1.2.0", "urls": ["web.tgz"], "digest": "0" * 64})

    with pytest.raises(BundleRefused, match="chart web from"):
        repositories.pin("app", spec(repository), told)


@pytest.mark.parametrize(
    "index",
    [b"<html>log in</html>", b"entries: [1, 2]", b"entries: {web: [{version: 1.2.0}]}", b"a: &a [*a", b"\0"],
    ids=["a page", "a list", "no address", "broken", "binary"],
)
def test_an_index_that_cannot_be_read_is_named(
    server: Server, repositories: ChartRepositories, told: Told, index: bytes
) -> None:
    server.answer("/charts/index.yaml", index)

    with pytest.raises(ChartUnavailable, match=r"index\.yaml says nothing that can be read of web"):
        repositories.pin("app", spec(f"{server.url}/charts"), told)


def test_an_index_that_grows_by_aliases_is_read_without_growing(
    server: Server, repositories: ChartRepositories, told: Told
) -> None:
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    server.answer("/charts/index.yaml", "\n".join([*bomb, "entries: {other: *a11}"]).encode())

    with pytest.raises(ChartUnavailable, match="does not list web"):
        repositories.pin("app", spec(f"{server.url}/charts"), told)


def test_a_page_in_a_charts_place_is_refused(server: Server, repositories: ChartRepositories, told: Told) -> None:
    server.answer("/charts/web.tgz", b"<html>please log in</html>" * 50)

    with pytest.raises(ChartUnavailable, match="is no chart"):
        repositories.pin("app", spec(publish(server, {"version": "1.2.0", "urls": ["web.tgz"]})), told)


def test_another_chart_under_its_name_is_refused(server: Server, repositories: ChartRepositories, told: Told) -> None:
    server.answer("/charts/web.tgz", chart("other", "9.9.9"))

    with pytest.raises(ChartUnavailable, match=r"is the chart other 9\.9\.9, not web 1\.2\.0"):
        repositories.pin("app", spec(publish(server, {"version": "1.2.0", "urls": ["web.tgz"]})), told)


def test_a_repository_that_is_not_there_is_named(server: Server, repositories: ChartRepositories, told: Told) -> None:
    with pytest.raises(DownloadFailed, match=r"/charts/index\.yaml answered 404"):
        repositories.pin("app", spec(f"{server.url}/charts"), told)


def test_a_locked_chart_that_was_withdrawn_is_said_to_be_gone(
    server: Server, repositories: ChartRepositories, store: BlobStore, told: Told
) -> None:
    server.answer("/charts/web.tgz", chart())
    item = repositories.pin("app", spec(publish(server, {"version": "1.2.0", "urls": ["web.tgz"]})), told)
    store.path(item.digest).unlink()
    server.answer("/charts/web.tgz", Answer(410))

    with pytest.raises(ArtifactGone, match=r"does not hold web 1\.2\.0 any more"):
        repositories.fetch(item, told)


def test_a_locked_chart_is_fetched_without_the_index(
    server: Server, repositories: ChartRepositories, store: BlobStore, told: Told
) -> None:
    server.answer("/charts/web.tgz", chart())
    item = repositories.pin("app", spec(publish(server, {"version": "1.2.0", "urls": ["web.tgz"]})), told)
    store.path(item.digest).unlink()
    server.requests.clear()

    repositories.fetch(item, told)

    assert server.paths == ["/charts/web.tgz"]


def publish_in_registry(server: Server, content: bytes, tag: str) -> None:
    upstream = ToyRegistry(server, "charts/web")
    config = upstream.blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    document = {"schemaVersion": 2, "config": config, "layers": [upstream.blob(content, MEDIA_TYPE)]}
    upstream.tag(tag, json.dumps(document).encode())


def test_a_chart_in_a_registry_is_pinned_by_its_layer(server: Server, downloads: Downloads, told: Told) -> None:
    content = chart(version="1.2.0+build")
    publish_in_registry(server, content, "1.2.0_build")
    repositories = ChartRepositories(downloads, {"registry.example.com": server.url})

    item = repositories.pin("app", spec("oci://registry.example.com/charts", "1.2.0+build"), told)

    assert item.digest == digest_of(content)
    assert [blob.media_type for blob in item.blobs] == [MEDIA_TYPE]


def test_a_locked_chart_of_a_registry_is_fetched_again(
    server: Server, downloads: Downloads, store: BlobStore, told: Told
) -> None:
    publish_in_registry(server, chart(), "1.2.0")
    repositories = ChartRepositories(downloads, {"registry.example.com": server.url})
    item = repositories.pin("app", spec("oci://registry.example.com/charts"), told)
    store.path(item.digest).unlink()

    repositories.fetch(item, told)

    assert store.has(item.digest)


def test_an_image_in_a_charts_place_is_refused(server: Server, downloads: Downloads, told: Told) -> None:
    upstream = ToyRegistry(server, "charts/web")
    upstream.tag("1.2.0", upstream.image(b"layer"))
    repositories = ChartRepositories(downloads, {"registry.example.com": server.url})

    with pytest.raises(ChartUnavailable, match="is no chart"):
        repositories.pin("app", spec("oci://registry.example.com/charts"), told)


def test_a_packed_chart_has_the_same_bytes_whenever_it_is_packed(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: web\nversion: 1.2.0\n")
    (folder / "templates" / "a.yaml").write_text("a: 1\n")
    first = pack_chart(folder, "web", "1.2.0")
    (folder / "Chart.yaml").touch()

    assert pack_chart(folder, "web", "1.2.0") == first


def test_a_packed_chart_of_another_version_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "Chart.yaml").write_text("name: web\nversion: 1.3.0\n")

    with pytest.raises(ChartUnavailable, match=r"is web 1\.3\.0, not web 1\.2\.0"):
        pack_chart(folder, "web", "1.2.0")


def test_a_chart_that_upstream_stamps_when_it_is_released_is_stamped(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "Chart.yaml").write_text("name: web\nversion: v0.0.0\nappVersion: v0.0.0\n")

    packed = pack_chart(folder, "web", "v1.2.0", unreleased="v0.0.0")

    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        described = yaml.safe_load(archive.extractfile("web/Chart.yaml") or b"")
    assert (described["version"], described["appVersion"]) == ("v1.2.0", "v1.2.0")
    with pytest.raises(ChartUnavailable, match=r"is web v0\.0\.0, not web v1\.2\.0"):
        pack_chart(folder, "web", "v1.2.0")
