"""Wheels from a package index: the targets' Python decides, not the one that asks."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.errors import ArtifactGone
from installer.adapters.sources.pypi import IndexSilent, WheelIndex, WheelUnavailable
from installer.errors import BundleRefused
from installer.model.artifact import Blob, Kind, LockedItem, digest_of
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Answer, Server

_PAGE = {"Content-Type": "application/vnd.pypi.simple.v1+json"}


def wheel(name: str, version: str = "1.0", needs: Sequence[str] = (), note: str = "") -> bytes:
    described = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {need}" for need in needs]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{described}/METADATA"), "\n".join(metadata) + "\n")
        archive.writestr(zipfile.ZipInfo(f"{described}/WHEEL"), f"Wheel-Version: 1.0\nTag: py3-none-any\n{note}")
        archive.writestr(zipfile.ZipInfo(f"{described}/RECORD"), "")
    return buffer.getvalue()


class ToyIndex:
    """Publishes wheels."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._files: dict[str, dict[str, bytes]] = {}

    def publish(self, name: str, version: str = "1.0", needs: Sequence[str] = (), note: str = "") -> str:
        content = wheel(name, version, needs, note)
        self._files.setdefault(name, {})[f"{name}-{version}-py3-none-any.whl"] = content
        self._show(name)
        return digest_of(content)

    def withdraw(self, name: str) -> None:
        self._files[name] = {}
        self._show(name)

    def _show(self, name: str) -> None:
        files = [
            {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": digest_of(content)[7:]}}
            for file, content in self._files[name].items()
        ]
        for file, content in self._files[name].items():
            self._server.answer(f"/files/{file}", content)
        page = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
        self._server.answer(f"/simple/{name}/", Answer(200, json.dumps(page).encode(), _PAGE))


@pytest.fixture
def index(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyIndex:
    settings = {
        "INDEX_URL": f"{server.url}/simple",
        "CONFIG_FILE": "/dev/null",
        "RETRIES": "0",
        "CACHE_DIR": str(tmp_path / "pip"),
    }
    for name in ("FIND_LINKS", "EXTRA_INDEX_URL", "CERT", "NO_INDEX"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return ToyIndex(server)


@pytest.fixture
def wheels(store: BlobStore, tmp_path: Path) -> WheelIndex:
    return WheelIndex(store, tmp_path / "scratch")


def test_what_a_wheel_needs_on_the_target_comes_along(index: ToyIndex, wheels: WheelIndex, store: BlobStore) -> None:
    index.publish("web", needs=["old; python_version < '3.9'", "new; python_version >= '3.13'"])
    index.publish("new")
    index.publish("old")

    items = wheels.closure({"app": ["web==1.0"]}, "3.13")

    assert [(item.name, item.needed_by, item.scope) for item in items] == [
        ("new", ("app",), "python3.13"),
        ("web", ("app",), "python3.13"),
    ]
    assert all(store.has(item.digest) for item in items)


def test_two_components_need_not_agree_on_what_both_use(index: ToyIndex, wheels: WheelIndex) -> None:
    index.publish("dates", "1.0")
    index.publish("dates", "2.0")
    index.publish("cluster", needs=["dates>=2"])
    index.publish("store", needs=["dates<2"])
    index.publish("both")

    items = wheels.closure({"first": ["cluster==1.0", "both==1.0"], "second": ["store==1.0", "both==1.0"]}, "3.13")

    assert {(item.name, item.version): item.needed_by for item in items} == {
        ("both", "1.0"): ("first", "second"),
        ("cluster", "1.0"): ("first",),
        ("dates", "1.0"): ("second",),
        ("dates", "2.0"): ("first",),
        ("store", "1.0"): ("second",),
    }


def test_a_requirement_without_a_wheel_is_named(index: ToyIndex, wheels: WheelIndex) -> None:
    index.publish("web", "1.0")

    with pytest.raises(WheelUnavailable, match=r"no wheels of web==2\.0 for Python 3\.13"):
        wheels.closure({"app": ["web==2.0"]}, "3.13")


def locked(name: str, digest: str) -> LockedItem:
    origin = {"type": "pypi", "file": f"{name}-1.0-py3-none-any.whl", "python": "3.13"}
    return LockedItem(Kind.WHEEL, name, "1.0", digest, (Blob(digest, 1),), origin, "MIT", ("app",), "python3.13")


def test_expected_wheels_are_had_by_one_call(
    index: ToyIndex, wheels: WheelIndex, store: BlobStore, server: Server, told: Told
) -> None:
    one, two = locked("one", index.publish("one")), locked("two", index.publish("two"))

    wheels.expect([one, two])
    wheels.fetch(one, told)
    server.stop()
    wheels.fetch(two, told)

    assert store.has(one.digest)
    assert store.has(two.digest)


def test_one_wheel_that_is_gone_is_named_and_the_others_are_had(
    index: ToyIndex, wheels: WheelIndex, store: BlobStore, told: Told
) -> None:
    one, two = locked("one", index.publish("one")), locked("two", index.publish("two"))
    index.withdraw("one")

    wheels.expect([one, two])
    wheels.fetch(two, told)
    with pytest.raises(ArtifactGone, match=r"does not hold one 1\.0 any more") as caught:
        wheels.fetch(one, told)

    assert caught.value.item == one
    assert store.has(two.digest)


def test_other_bytes_under_a_wheels_name_are_refused(index: ToyIndex, wheels: WheelIndex, told: Told) -> None:
    item = locked("web", index.publish("web"))
    index.publish("web", note="# changed\n")

    with pytest.raises(BundleRefused, match=r"other bytes of web 1\.0"):
        wheels.fetch(item, told)


def test_an_index_that_is_down_is_not_taken_for_one_that_lacks_it(
    index: ToyIndex, wheels: WheelIndex, server: Server, told: Told
) -> None:
    item = locked("web", index.publish("web"))
    server.stop()

    with pytest.raises(IndexSilent, match="does not answer") as caught:
        wheels.fetch(item, told)

    assert "connection error" in caught.value.details[0]


def test_nothing_is_left_of_downloads(index: ToyIndex, wheels: WheelIndex, tmp_path: Path) -> None:
    index.publish("web")

    wheels.closure({"app": ["web==1.0"]}, "3.13")

    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".lock"]
