"""RELEASE as text, and whether a release may be used."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from installer.engine.release import check_release, format_release, parse_release
from installer.errors import BundleRefused, ExitCode
from installer.model.artifact import digest_of
from installer.model.bundle import Release

MADE = datetime(2026, 1, 1, tzinfo=UTC)
RELEASE = Release(
    id="site-1",
    sequence=7,
    manifest=digest_of(b"manifest"),
    manifest_size=8,
    checksums=digest_of(b"sums"),
    minimum_tool="1.2.0",
    created=MADE,
    expires=MADE + timedelta(days=90),
    signed={"apt/bookworm/InRelease": digest_of(b"in")},
)


@pytest.mark.parametrize("base", ["", digest_of(b"base")], ids=["whole", "delta"])
def test_a_release_is_read_as_it_was_written(base: str) -> None:
    release = dataclasses.replace(RELEASE, base=base)

    assert parse_release(format_release(release)) == release


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"format: pib/1", b"format: pib/9"),
        (b"sequence: 7\n", b""),
        (b"sequence: 7\n", b"sequence: 7\nsequence: 8\n"),
        (b"sequence: 7\n", b"sequence: seven\n"),
        (b"sequence: 7\n", b"sequence: \n"),
        (b"sequence: 7\n", b"nothing\n"),
        (b"manifest: sha256:", b"manifest: md5:"),
        (b"created: 2026", b"created: MMXXVI"),
        (b"id: ", b"id: \xff\n"),
    ],
)
def test_a_text_that_is_no_release_is_refused(before: bytes, after: bytes) -> None:
    text = format_release(RELEASE)
    assert before in text

    with pytest.raises(BundleRefused, match="RELEASE cannot be read"):
        parse_release(text.replace(before, after))


def test_a_release_may_be_used_to_its_last_second() -> None:
    check_release(RELEASE, RELEASE.expires, 7, "1.2.0")

    with pytest.raises(BundleRefused):
        check_release(RELEASE, RELEASE.expires + timedelta(microseconds=1), 7, "1.2.0")


@pytest.mark.parametrize(
    ("late", "seen", "tool", "reason"),
    [
        (timedelta(seconds=1), 0, "1.2.0", "expired on 2026-04-01"),
        (timedelta(), 8, "1.2.0", "has the sequence 7; this site has seen 8"),
        (timedelta(), 0, "1.1.9", "needs platform-install 1.2.0"),
    ],
    ids=["expired", "older sequence", "older tool"],
)
def test_a_release_is_refused_with_what_to_do(late: timedelta, seen: int, tool: str, reason: str) -> None:
    with pytest.raises(BundleRefused, match=reason) as caught:
        check_release(RELEASE, RELEASE.expires + late, seen, tool)

    assert caught.value.hint
    assert caught.value.exit_code is ExitCode.BUNDLE
