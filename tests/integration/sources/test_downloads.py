"""Downloads that break off, are resumed, or bring other bytes than were asked for."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.downloads import Downloads, Wanted
from installer.adapters.sources.errors import DownloadFailed
from installer.adapters.sources.http import ATTEMPTS
from installer.errors import BundleRefused
from installer.model.artifact import digest_of
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Answer, Server, saying, serving

CONTENT = random.Random("content").randbytes(300_000)
DIGEST = digest_of(CONTENT)


def partials(store: BlobStore) -> list[Path]:
    return list((store.root / "partial").glob("*"))


def test_a_file_is_fetched_once(server: Server, downloads: Downloads, told: Told) -> None:
    url = server.answer("/f", CONTENT)

    blob = downloads.fetch(Wanted(url, "f", DIGEST), told)
    downloads.fetch(Wanted(url, "f", DIGEST), told)

    assert (blob.digest, blob.size) == (DIGEST, len(CONTENT))
    assert len(server.requests) == 1
    assert partials(downloads.store) == []


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(server: Server, downloads: Downloads, told: Told) -> None:
    url = server.answer("/f", serving(CONTENT, 100_000, 50_000))

    downloads.fetch(Wanted(url, "f", DIGEST), told)

    assert [request.header("Range") for request in server.requests] == ["", "bytes=100000-", "bytes=150000-"]
    assert downloads.store.path(DIGEST).read_bytes() == CONTENT


def test_any_number_of_breaks_is_borne_while_something_arrives(
    server: Server, downloads: Downloads, told: Told
) -> None:
    url = server.answer("/f", serving(CONTENT, *[len(CONTENT) // 20] * 19))

    downloads.fetch(Wanted(url, "f", DIGEST), told)

    assert downloads.store.has(DIGEST)


def test_a_server_that_always_breaks_off_is_given_up(
    server: Server, downloads: Downloads, told: Told, waits: list[float]
) -> None:
    url = server.answer("/f", Answer(200, CONTENT, cut=0))

    with pytest.raises(DownloadFailed, match=r"^f cannot be had: .* cannot be read"):
        downloads.fetch(Wanted(url, "f", DIGEST), told)

    assert len(server.requests) == ATTEMPTS
    assert waits == sorted(waits)


def test_a_later_run_goes_on_where_a_killed_one_stopped(
    server: Server, downloads: Downloads, store: BlobStore, told: Told
) -> None:
    (store.root / "partial").mkdir(parents=True)
    (store.root / "partial" / DIGEST.removeprefix("sha256:")).write_bytes(CONTENT[:200_000])
    url = server.answer("/f", CONTENT)

    downloads.fetch(Wanted(url, "f", DIGEST, len(CONTENT)), told)

    assert server.requests[0].header("Range") == "bytes=200000-"
    assert downloads.store.path(DIGEST).read_bytes() == CONTENT


def test_a_part_that_was_damaged_is_fetched_anew(
    server: Server, downloads: Downloads, store: BlobStore, told: Told
) -> None:
    (store.root / "partial").mkdir(parents=True)
    (store.root / "partial" / DIGEST.removeprefix("sha256:")).write_bytes(b"?" * 1000)
    url = server.answer("/f", CONTENT)

    downloads.fetch(Wanted(url, "f", DIGEST, len(CONTENT)), told)

    assert [request.header("Range") for request in server.requests] == ["bytes=1000-", ""]
    assert downloads.store.path(DIGEST).read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_again(server: Server, downloads: Downloads, told: Told) -> None:
    url = server.answer("/f", saying(Answer(200, CONTENT, cut=1000), Answer(200, CONTENT)))

    downloads.fetch(Wanted(url, "f", DIGEST), told)

    assert downloads.store.path(DIGEST).read_bytes() == CONTENT


def test_a_whole_part_left_behind_needs_no_transfer(
    server: Server, downloads: Downloads, store: BlobStore, told: Told
) -> None:
    (store.root / "partial").mkdir(parents=True)
    (store.root / "partial" / DIGEST.removeprefix("sha256:")).write_bytes(CONTENT)
    url = server.answer("/f", CONTENT)

    downloads.fetch(Wanted(url, "f", DIGEST, len(CONTENT)), told)

    assert server.requests == []
    assert downloads.store.has(DIGEST)


def test_a_file_without_digest_that_changed_meanwhile_is_fetched_anew(
    server: Server, downloads: Downloads, told: Told
) -> None:
    newer = CONTENT[::-1]
    first, then = serving(CONTENT, 1000, tag='"old"'), serving(newer, tag='"new"')
    left = [first]
    url = server.answer("/f", lambda request: (left.pop() if left else then)(request))

    blob = downloads.fetch(Wanted(url, "f"), told)

    assert blob.digest == digest_of(newer)


def test_a_file_without_digest_or_tag_is_never_patched_together(
    server: Server, downloads: Downloads, told: Told
) -> None:
    url = server.answer("/f", saying(Answer(200, CONTENT, cut=1000), Answer(200, CONTENT)))

    blob = downloads.fetch(Wanted(url, "f"), told)

    assert [request.header("Range") for request in server.requests] == ["", ""]
    assert blob.digest == DIGEST


def test_other_bytes_than_pinned_are_refused_and_not_kept(server: Server, downloads: Downloads, told: Told) -> None:
    url = server.answer("/f", b"other")

    with pytest.raises(BundleRefused, match=f"^f from .* has the digest {digest_of(b'other')}, not {DIGEST}"):
        downloads.fetch(Wanted(url, "f", DIGEST), told)

    assert not downloads.store.has(digest_of(b"other"))
    assert partials(downloads.store) == []


def test_more_bytes_than_pinned_are_refused_before_they_fill_the_disk(
    server: Server, downloads: Downloads, told: Told
) -> None:
    url = server.answer("/f", CONTENT)

    with pytest.raises(BundleRefused, match="more than its 1000 bytes"):
        downloads.fetch(Wanted(url, "f", DIGEST, 1000), told)

    assert partials(downloads.store) == []


def test_fewer_bytes_than_pinned_are_refused(server: Server, downloads: Downloads, told: Told) -> None:
    url = server.answer("/f", Answer(200, CONTENT[:1000]))

    with pytest.raises((BundleRefused, DownloadFailed)):
        downloads.fetch(Wanted(url, "f", DIGEST, len(CONTENT)), told)

    assert not downloads.store.has(DIGEST)


def test_what_is_gone_is_said_to_be(server: Server, downloads: Downloads, told: Told) -> None:
    with pytest.raises(DownloadFailed, match=r"^f cannot be had: .*answered 404") as caught:
        downloads.fetch(Wanted(server.url + "/f", "f", DIGEST), told)

    assert caught.value.gone


def test_two_who_want_the_same_fetch_it_once(server: Server, downloads: Downloads, told: Told) -> None:
    url = server.answer("/f", CONTENT)
    threads = [threading.Thread(target=downloads.fetch, args=(Wanted(url, "f", DIGEST), told)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(server.requests) == 1


def test_parts_nobody_waits_for_are_dropped(downloads: Downloads, store: BlobStore) -> None:
    (store.root / "partial").mkdir(parents=True)
    (store.root / "partial" / "abandoned").write_bytes(b"half")

    downloads.drop_leftovers()

    assert partials(store) == []
