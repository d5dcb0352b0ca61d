"""Single files from upstream, whole and out of archives, and what a site brings itself."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.directory import fetch_from_directory, pin_directory
from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.errors import ArtifactGone
from installer.adapters.sources.files import FileUnavailable, fetch_file, pin_file
from installer.errors import BundleRefused, InvalidConfiguration
from installer.model.artifact import FileSpec, digest_of
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Answer, Server


def spec(
    server: Server, path: str = "tool-{bare_version}-{architecture}", sha256: str = "", member: str | None = None
) -> FileSpec:
    pinned = {"amd64": sha256} if sha256 else {}
    return FileSpec("tool", "v1.0", f"{server.url}/{path}", pinned, "MIT", member)


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as opened:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in members:
            opened.writestr(name, content)
    return buffer.getvalue()


def test_a_file_is_pinned_by_its_published_digest(server: Server, downloads: Downloads, told: Told) -> None:
    server.answer("/tool-1.0-amd64", b"program")

    item = pin_file("app", spec(server, sha256=digest_of(b"program")[7:]), "amd64", downloads, told)

    assert (item.digest, item.scope) == (digest_of(b"program"), "linux/amd64")
    assert told.sentences == []


def test_a_file_without_a_published_digest_is_trusted_aloud(server: Server, downloads: Downloads, told: Told) -> None:
    server.answer("/tool-1.0-amd64", b"program")

    pin_file("app", spec(server), "amd64", downloads, told)

    assert "has no `sha256` in roles/app/component.yml" in told.sentences[0]


def test_other_bytes_than_published_are_refused(server: Server, downloads: Downloads, told: Told) -> None:
    server.answer("/tool-1.0-amd64", b"program")

    with pytest.raises(BundleRefused, match="tool from"):
        pin_file("app", spec(server, sha256="0" * 64), "amd64", downloads, told)


@pytest.mark.parametrize("pack", [archive, zipped])
def test_a_file_is_taken_out_of_an_archive(
    server: Server, downloads: Downloads, store: BlobStore, told: Told, pack: Callable[..., bytes]
) -> None:
    server.answer("/tool.tar.gz", pack(("./linux-amd64/tool", b"program"), ("README", b"text")))

    item = pin_file("app", spec(server, "tool.tar.gz", member="linux-{architecture}/tool"), "amd64", downloads, told)

    assert store.path(item.digest).read_bytes() == b"program"


@pytest.mark.parametrize("pack", [archive, zipped])
def test_an_archive_without_the_member_is_named(
    server: Server, downloads: Downloads, told: Told, pack: Callable[..., bytes]
) -> None:
    server.answer("/tool.tar.gz", pack(("README", b"text")))

    with pytest.raises(FileUnavailable, match=r"archive of tool v1\.0 holds no file tool"):
        pin_file("app", spec(server, "tool.tar.gz", member="tool"), "amd64", downloads, told)


@pytest.mark.parametrize("content", [b"a page", archive(("tool", b"program" * 100))[:40]], ids=["page", "cut off"])
def test_what_is_no_archive_is_said_to_be_none(
    server: Server, downloads: Downloads, told: Told, content: bytes
) -> None:
    server.answer("/tool.tar.gz", content)

    with pytest.raises(FileUnavailable, match="is no archive"):
        pin_file("app", spec(server, "tool.tar.gz", member="tool"), "amd64", downloads, told)


def test_a_locked_member_is_fetched_again(server: Server, downloads: Downloads, store: BlobStore, told: Told) -> None:
    server.answer("/tool.tar.gz", archive(("tool", b"program")))
    item = pin_file("app", spec(server, "tool.tar.gz", member="tool"), "amd64", downloads, told)
    for digest in (item.digest, str(item.origin["archive"])):
        store.path(digest).unlink()

    fetch_file(item, downloads, told)

    assert store.has(item.digest)


def test_a_locked_file_that_was_withdrawn_is_said_to_be_gone(
    server: Server, downloads: Downloads, store: BlobStore, told: Told
) -> None:
    server.answer("/tool-1.0-amd64", b"program")
    item = pin_file("app", spec(server), "amd64", downloads, told)
    store.path(item.digest).unlink()
    server.answer("/tool-1.0-amd64", Answer(404))

    with pytest.raises(ArtifactGone, match=r"does not hold tool v1\.0 any more") as caught:
        fetch_file(item, downloads, told)

    assert caught.value.item == item


def test_a_locked_file_that_was_changed_is_refused(
    server: Server, downloads: Downloads, store: BlobStore, told: Told
) -> None:
    server.answer("/tool-1.0-amd64", b"program")
    item = pin_file("app", spec(server), "amd64", downloads, told)
    store.path(item.digest).unlink()
    server.answer("/tool-1.0-amd64", b"another")

    with pytest.raises(BundleRefused, match=item.digest):
        fetch_file(item, downloads, told)


def test_every_file_of_a_folder_is_pinned(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "model" / "weights").mkdir(parents=True)
    (tmp_path / "model" / "weights" / "1.bin").write_bytes(b"one")
    (tmp_path / "model" / "config.json").write_bytes(b"{}")

    items = pin_directory("model", tmp_path / "model", store)

    assert [item.name for item in items] == ["model/config.json", "model/weights/1.bin"]
    assert store.path(items[1].digest).read_bytes() == b"one"


def test_all_links_in_a_folder_are_named_at_once(store: BlobStore, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "one").symlink_to("/etc/passwd")
    (folder / "two").symlink_to(tmp_path)

    with pytest.raises(InvalidConfiguration) as caught:
        pin_directory("model", folder, store)

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("made", [True, False], ids=["empty", "missing"])
def test_a_folder_without_files_is_named(store: BlobStore, tmp_path: Path, made: bool) -> None:
    if made:
        (tmp_path / "model").mkdir()

    with pytest.raises(InvalidConfiguration):
        pin_directory("model", tmp_path / "model", store)


def test_a_locked_file_of_a_folder_is_taken_in_again(store: BlobStore, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "one").write_bytes(b"one")
    (item,) = pin_directory("model", folder, BlobStore(tmp_path / "elsewhere"))

    fetch_from_directory(item, {"model": str(folder)}, store)

    assert store.has(item.digest)


def test_a_locked_file_that_left_its_folder_is_said_to_be_gone(store: BlobStore, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "one").write_bytes(b"one")
    (item,) = pin_directory("model", folder, store)
    (folder / "one").unlink()

    with pytest.raises(ArtifactGone, match="does not hold model/one"):
        fetch_from_directory(item, {"model": str(folder)}, store)


def test_a_locked_file_that_was_changed_in_its_folder_is_refused(store: BlobStore, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "one").write_bytes(b"one")
    (item,) = pin_directory("model", folder, store)
    (folder / "one").write_bytes(b"other")

    with pytest.raises(BundleRefused, match="was changed"):
        fetch_from_directory(item, {"model": str(folder)}, store)


def test_a_folder_the_inventory_names_no_more_is_asked_for(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "one").write_bytes(b"one")
    (item,) = pin_directory("model", tmp_path / "model", store)

    with pytest.raises(InvalidConfiguration) as caught:
        fetch_from_directory(item, {}, store)

    assert "names no folder model" in caught.value.details[0]
