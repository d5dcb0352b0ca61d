"""Blobs by digest on disk."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore, place
from installer.errors import BundleRefused
from installer.model.artifact import digest_of


def left_in(store: BlobStore) -> list[str]:
    return [path.name for path in store.root.rglob("*") if path.is_file() and path.name != ".lock"]


def test_bytes_come_out_as_they_went_in(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)

    blob = store.put(io.BytesIO(b"content"))

    assert (blob.digest, store.path(blob.digest).read_bytes()) == (digest_of(b"content"), b"content")


def test_other_bytes_than_expected_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)

    with pytest.raises(BundleRefused, match=digest_of(b"expected")):
        store.put(io.BytesIO(b"content"), expected=digest_of(b"expected"))

    assert left_in(store) == []


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)

    with pytest.raises(OSError, match="gone"), store.writer() as write:
        write(b"half")
        raise OSError("gone")

    assert left_in(store) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "new-left").write_bytes(b"half")
    store = BlobStore(tmp_path)

    digest = store.put_bytes(b"content").digest

    assert left_in(store) == [digest.removeprefix("sha256:")]


def test_what_another_process_is_writing_is_not_swept(tmp_path: Path) -> None:
    first, second = BlobStore(tmp_path), BlobStore(tmp_path)

    with first.writer() as write:
        write(b"one")
        second.put_bytes(b"two")

    assert first.has(digest_of(b"one"))


def test_a_blob_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=digest_of(b"x")):
        BlobStore(tmp_path).path(digest_of(b"x"))


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "md5:0", ""])
def test_a_digest_that_is_none_never_becomes_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        BlobStore(tmp_path).has(digest)


def test_a_file_is_placed_without_a_second_copy(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"content")

    place(tmp_path / "one", tmp_path / "below" / "two")

    assert (tmp_path / "one").samefile(tmp_path / "below" / "two")


def test_a_link_is_placed_as_the_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"content")
    (tmp_path / "link").symlink_to("one")

    place(tmp_path / "link", tmp_path / "two")

    assert not (tmp_path / "two").is_symlink()


def test_a_file_given_away_is_renamed_into_the_store(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"content")
    store = BlobStore(tmp_path / "store")

    store.adopt(tmp_path / "one", digest_of(b"content"))

    assert (store.has(digest_of(b"content")), (tmp_path / "one").exists()) == (True, False)


def test_blobs_that_were_damaged_are_forgotten(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    whole, damaged = store.put_bytes(b"whole").digest, store.put_bytes(b"as it was").digest
    store.path(damaged).write_bytes(b"as it is")

    found = store.drop_damaged([whole, damaged, digest_of(b"never there")], 2)

    assert found == (damaged,)
    assert store.has(whole)
    assert not store.has(damaged)
