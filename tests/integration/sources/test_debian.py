"""Debian packages: what a target lacks, from an archive that is signed, changed, or gone on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.debian import Archive, DebianArchive, InstalledPackage, PackageUnavailable
from installer.adapters.sources.errors import ArtifactGone
from installer.errors import BundleRefused
from installer.model.artifact import LockedItem
from tests.integration.sources.archive import Package, ToyArchive
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Answer, Request, Server


@pytest.fixture
def upstream(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyArchive:
    settings = tmp_path / "apt.conf"
    settings.write_text('Dir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\nAcquire::Retries "0";\n')
    monkeypatch.setenv("APT_CONFIG", str(settings))
    (tmp_path / "upstream").mkdir()
    return ToyArchive(server, tmp_path / "upstream")


@pytest.fixture
def archive(upstream: ToyArchive, tmp_path: Path) -> Iterator[DebianArchive]:
    described = Archive("trixie", upstream.url, keyring=upstream.keyring)
    with closing(DebianArchive(described, tmp_path / "cache")) as opened:
        yield opened


def versions(items: tuple[LockedItem, ...]) -> dict[str, str]:
    return {item.name: item.version for item in items}


def test_what_a_package_needs_comes_along(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.publish(Package("web", depends="tls (>= 2), zip"), Package("tls", "2.1"), Package("zip"), Package("other"))

    items = archive.closure(["web"])

    assert versions(items) == {"web": "1.0", "tls": "2.1", "zip": "1.0"}


def test_what_the_target_has_is_left_out(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.publish(Package("web", depends="tls"), Package("tls", "2.1"))

    items = archive.closure(["web"], [InstalledPackage("tls", "2.1")])

    assert versions(items) == {"web": "1.0"}


@pytest.mark.parametrize(
    ("installed", "wanted"),
    [("2.1~rc1", "2.1"), ("2.0-1+deb13u1", "2.1"), ("1:0.9", "0.9"), ("2.1", "2.1+b1")],
    ids=["a candidate", "a fix", "an epoch", "a rebuild"],
)
def test_an_older_version_on_the_target_is_not_enough(
    upstream: ToyArchive, archive: DebianArchive, installed: str, wanted: str
) -> None:
    epoch = "1:" if ":" in installed else ""
    needed = "1:1.0" if epoch else wanted
    upstream.publish(Package("web", depends=f"tls (>= {needed})"), Package("tls", "1:1.0" if epoch else wanted))

    items = archive.closure(["web"], [InstalledPackage("tls", installed)])

    assert "tls" in versions(items)


def test_a_package_left_out_is_not_taken_although_it_is_needed(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.publish(Package("web", depends="docs"), Package("docs"))

    items = archive.closure(["web"], without=["docs"])

    assert versions(items) == {"web": "1.0"}


def test_items_name_who_needs_them_and_where_they_lie(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.publish(Package("web", depends="tls"), Package("tls"), Package("shell"))

    items = archive.closure(["shell", "web"], needed_by={"web": ["site"], "shell": ["host"]})

    owners = {item.name: item.needed_by for item in items}
    assert owners == {"web": ("site",), "shell": ("host",), "tls": ("host", "site")}
    assert {item.origin["file"] for item in items if item.name == "web"} == {"pool/main/web_1.0_all.deb"}


def test_an_unknown_name_is_said_to_be(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.publish(Package("web"))

    with pytest.raises(PackageUnavailable, match="The packages wbe cannot all be installed") as caught:
        archive.closure(["wbe"])

    assert any("wbe" in line for line in caught.value.details)


def test_dependencies_that_cannot_be_met_are_told(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.publish(Package("web", depends="tls (>= 9)"), Package("tls"))

    with pytest.raises(PackageUnavailable) as caught:
        archive.closure(["web"])

    assert any("tls (>= 9)" in line for line in caught.value.details)


def test_lists_that_were_changed_are_refused(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.publish(Package("web"))
    upstream.forge()

    with pytest.raises(PackageUnavailable, match=r"cannot be had .* or not be trusted"):
        archive.refresh()


def test_lists_signed_by_someone_else_are_refused(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.sign_with_another_key()
    upstream.publish(Package("web"))

    with pytest.raises(PackageUnavailable, match="not be trusted"):
        archive.refresh()


def test_lists_without_a_signature_are_refused(upstream: ToyArchive, archive: DebianArchive, server: Server) -> None:
    upstream.publish(Package("web"))
    server.answer("/debian/dists/trixie/InRelease", Answer(404))
    server.answer("/debian/dists/trixie/Release", b"Suite: trixie\nCodename: trixie\n")

    with pytest.raises(PackageUnavailable):
        archive.refresh()


def test_a_mirror_that_is_down_is_named(archive: DebianArchive, server: Server) -> None:
    server.stop()

    with pytest.raises(PackageUnavailable, match=r"127\.0\.0\.1") as caught:
        archive.refresh()

    assert "platform_debian_archives" in caught.value.hint


def test_a_keyring_that_is_missing_is_named(upstream: ToyArchive, archive: DebianArchive) -> None:
    upstream.keyring.unlink()

    with pytest.raises(PackageUnavailable, match=r"archive\.asc of trixie is not there"):
        archive.refresh()


def test_a_locked_package_is_fetched_by_its_address(
    upstream: ToyArchive, archive: DebianArchive, store: BlobStore, told: Told
) -> None:
    upstream.publish(Package("web", depends="tls"), Package("tls"))
    items = archive.closure(["web"])

    archive.fetch_all(items, store, told)

    assert all(store.has(item.digest) for item in items)


def test_a_version_the_archive_dropped_is_said_to_be_gone(
    upstream: ToyArchive, archive: DebianArchive, store: BlobStore, told: Told
) -> None:
    upstream.publish(Package("web", "1.0"))
    (item,) = archive.closure(["web"])
    upstream.publish(Package("web", "1.1"))

    with pytest.raises(ArtifactGone, match=r"does not hold web 1\.0 any more, which the lock pins") as caught:
        archive.fetch_all([item], store, told)

    assert caught.value.item == item


def test_a_version_that_is_still_there_needs_no_lists(
    upstream: ToyArchive, archive: DebianArchive, store: BlobStore, server: Server, told: Told
) -> None:
    upstream.publish(Package("web"))
    (item,) = archive.closure(["web"])
    server.requests.clear()

    archive.fetch(item, store, told)

    assert server.paths == ["/debian/pool/main/web_1.0_all.deb"]


def test_other_bytes_under_a_packages_name_are_refused(
    upstream: ToyArchive, archive: DebianArchive, store: BlobStore, server: Server, told: Told
) -> None:
    upstream.publish(Package("web"))
    (item,) = archive.closure(["web"])
    server.answer("/debian/pool/main/web_1.0_all.deb", b"x" * item.size)

    with pytest.raises(BundleRefused, match=item.digest):
        archive.fetch(item, store, told)


def test_an_archive_that_is_mounted_here_is_read_as_files(
    upstream: ToyArchive, store: BlobStore, server: Server, tmp_path: Path, told: Told
) -> None:
    upstream.publish(Package("web"))
    _mirror(server, tmp_path / "mirror")
    described = Archive("trixie", f"file://{tmp_path}/mirror/debian", keyring=upstream.keyring)

    with closing(DebianArchive(described, tmp_path / "cache2")) as archive:
        (item,) = archive.closure(["web"])
        archive.fetch(item, store, told)
        (tmp_path / "mirror" / "debian" / str(item.origin["file"])).unlink()
        store.path(item.digest).unlink()

        with pytest.raises(ArtifactGone):
            archive.fetch(item, store, told)


def _mirror(server: Server, folder: Path) -> None:
    for path, behaviour in server.answers.items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(behaviour(Request(path, {})).body)
