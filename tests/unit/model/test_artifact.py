"""Digests, and what is looked up in a lock."""

from __future__ import annotations

import pytest

from installer.model.artifact import Artifacts, Blob, ChartSpec, Kind, Lock, LockedItem, check_digest, digest_of
from installer.model.bundle import Manifest
from tests.fakes import item

GOOD = "sha256:" + "0" * 64


def test_a_digest_is_of_the_bytes() -> None:
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_digest_is_returned_unchanged() -> None:
    assert check_digest(GOOD) == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 64,
        GOOD[:-1],
        GOOD + "0",
        GOOD.upper(),
        GOOD.replace("256", "512"),
        GOOD + "\n",
        "sha256:" + "g" * 64,
        "sha256:../" + "0" * 61,
    ],
    ids=["empty", "no algorithm", "short", "long", "capitals", "other algorithm", "newline", "no digit", "a path"],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a digest"):
        check_digest(text)


def test_a_blob_without_a_digest_cannot_be() -> None:
    with pytest.raises(ValueError, match="is not a digest"):
        Blob("latest", 1)


@pytest.mark.parametrize(("release", "packages"), [("trixie", ("new",)), ("bookworm", ("old",)), ("noble", ("old",))])
def test_a_release_that_is_not_named_gets_the_default(release: str, packages: tuple[str, ...]) -> None:
    brought = Artifacts(packages={"default": ("old",), "trixie": ("new",)})

    assert brought.packages_for(release) == packages


def test_a_bundle_carries_every_set_for_every_kernel() -> None:
    brought = Artifacts(
        packages={"default": ("base",)},
        package_sets={
            "compiled": {"trixie": ("driver", "headers-{kernel}")},
            "signed": {"noble": ("modules-{kernel}",)},
        },
    )

    assert brought.carried_for("trixie", ("6.1", "6.2")) == ("base", "driver", "headers-6.1", "headers-6.2")
    assert brought.carried_for("noble") == ("base",)


def test_no_packages_are_none() -> None:
    assert Artifacts().packages_for("trixie") == ()


def lock(*items: LockedItem) -> Lock:
    return Lock("platform-lock/1", "build", ("linux/amd64",), items)


@pytest.mark.parametrize(
    ("kind", "name", "scope", "version"),
    [
        (Kind.FILE, "a", None, "1"),
        (Kind.IMAGE, "a", None, "2"),
        (Kind.PACKAGE, "a", "noble", "4"),
        (Kind.PACKAGE, "a", None, "3"),
    ],
)
def test_an_item_is_found_by_kind_name_and_scope(kind: Kind, name: str, scope: str | None, version: str) -> None:
    found = lock(
        item("a", version="1"),
        item("a", kind=Kind.IMAGE, version="2"),
        item("a", kind=Kind.PACKAGE, scope="trixie", version="3"),
        item("a", kind=Kind.PACKAGE, scope="noble", version="4"),
    ).find(kind, name, scope)

    assert found is not None
    assert found.version == version


def test_an_item_that_is_not_locked_is_none() -> None:
    assert lock(item("a")).find(Kind.CHART, "a") is None


def test_a_blob_that_several_items_share_is_counted_once() -> None:
    shared = item("a", b"shared")
    manifest = Manifest("pib/1", "build", (), (shared, item("b", b"shared"), item("c", b"own")), {})

    assert sum(manifest.blobs.values()) == len(b"shared") + len(b"own")


@pytest.mark.parametrize(
    ("origin", "printed_by", "carried"),
    [("upstream", None, True), ("build", None, True), ("upstream", "velero", True), ("build", "velero", False)],
)
def test_a_chart_that_a_program_stands_in_for_is_upstreams_alone(
    origin: str, printed_by: str | None, carried: bool
) -> None:
    chart = ChartSpec("velero", "1.0", "Apache-2.0", "https://charts.example.com", printed_by=printed_by)

    assert chart.is_carried(origin) is carried
