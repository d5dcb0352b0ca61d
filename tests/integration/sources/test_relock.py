"""A lab whose archive went on: its packages are pinned anew, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from installer.adapters.sources.debian import Archive, DebianArchive
from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.errors import ArtifactGone
from installer.adapters.sources.pypi import WheelIndex
from installer.adapters.sources.roots import Roots
from installer.adapters.sources.sourceset import SourceSet
from installer.adapters.sources.tools import Tools
from installer.adapters.sources.workshop import Workshop
from installer.cli.sources import have_items
from installer.model.artifact import (
    Artifacts,
    Blob,
    DebianLayer,
    FileSpec,
    ImageBuild,
    ImageSpec,
    Kind,
    Lock,
    LockedItem,
    digest_of,
)
from installer.model.bundle import BundleSettings, DebianTarget
from installer.model.catalog import Catalog
from installer.model.component import Component, Description, Layer
from installer.workflows.bundle_build import fetch_items
from installer.workflows.bundle_lock import lock_bundle
from tests.integration.sources.archive import Package, ToyArchive
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Server

SETTINGS = BundleSettings("build", ("linux/amd64",), (DebianTarget("trixie", "3.13"),), installer_pythons=())


class Bench:
    """A site of one component: a package, a file from upstream, and an image with a package in it."""

    def __init__(self, server: Server, upstream: ToyArchive, downloads: Downloads, folder: Path, told: Told) -> None:
        build = ImageBuild(entrypoint=("/x",), debian=DebianLayer("trixie", ("shell",)))
        artifacts = Artifacts(
            images=(ImageSpec("registry.example.com/app", "v1", "MIT", build=build),),
            files=(FileSpec("tool", "v1", server.url + "/tool", {}, "MIT"),),
            packages={"default": ("web",)},
            wheels=("kept==1.0",),
        )
        description = Description("An app", Layer.HOST, "admin", artifacts=artifacts)
        self.catalog = Catalog({"app": Component("app", description, frozenset())})
        self._described = Archive("trixie", upstream.url, keyring=upstream.keyring)
        self._opened: list[DebianArchive] = []
        self.store = downloads.store
        self._downloads = downloads
        self._folder = folder
        self._told = told

    def sources(self, recorded: Lock, anew: bool) -> SourceSet:
        # Each time like a new run of the command.
        cache = self._folder / "cache"
        self._opened.append(DebianArchive(self._described, cache))
        archives = {"trixie": self._opened[-1]}
        wheels = WheelIndex(self.store, cache / "scratch")
        tools = Tools(cache, self.store, archives, wheels, self._told, recorded, anew)
        roots = Roots(cache / "roots", self.store, archives, self._told)
        workshop = Workshop(self.catalog, cache / "roles", cache, self.store, roots, tools, self._told, recorded)
        kept = recorded if anew else None
        return SourceSet(SETTINGS, self.catalog, self._downloads, archives, wheels, workshop, self._told, kept)

    def pin(self, recorded: Lock) -> Lock:
        sources = self.sources(recorded, anew=True)
        lock, _ = lock_bundle(self.catalog, SETTINGS, (), sources, recorded, 1, self._told)
        return lock

    def fetch(self, lock: Lock) -> None:
        fetch_items(lock, self.sources(lock, anew=False), self.store, 2, self._told)

    def close(self) -> None:
        for archive in self._opened:
            archive.close()

    def forget(self, lock: Lock, *kept: Kind) -> None:
        """Empty the store as on a fresh machine, but for items of some kinds."""
        for item in (*lock.items, *lock.tools):
            for blob in item.blobs if item.kind not in kept else ():
                (self.store.root / "blobs" / "sha256" / blob.digest[7:]).unlink(missing_ok=True)


@pytest.fixture
def upstream(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyArchive:
    (tmp_path / "apt.conf").write_text('Dir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    (tmp_path / "upstream").mkdir()
    return ToyArchive(server, tmp_path / "upstream")


@pytest.fixture
def bench(server: Server, upstream: ToyArchive, downloads: Downloads, tmp_path: Path, told: Told) -> Iterator[Bench]:
    server.answer("/tool", b"tool")
    with closing(Bench(server, upstream, downloads, tmp_path, told)) as made:
        yield made


@pytest.fixture
def lock(bench: Bench, upstream: ToyArchive) -> Lock:
    """Return a lock of an archive that has since gone on."""
    upstream.publish(Package("web", "1.0"), Package("shell", "1.0"))
    wheel = bench.store.put_bytes(b"wheel")
    kept = LockedItem(
        Kind.WHEEL,
        "kept",
        "1.0",
        wheel.digest,
        (Blob(wheel.digest, 5),),
        {"type": "pypi"},
        "MIT",
        ("app",),
        "python3.13",
    )
    return bench.pin(Lock("platform-lock/1", "build", ("linux/amd64",), (kept,)))


def versions(items: tuple[LockedItem, ...]) -> dict[str, str]:
    return {item.name: item.version for item in items}


def test_only_packages_and_what_is_made_from_them_are_pinned_anew(
    bench: Bench, upstream: ToyArchive, lock: Lock, server: Server
) -> None:
    bench.forget(lock, Kind.WHEEL, Kind.FILE)
    upstream.publish(Package("web", "1.1"), Package("shell", "1.1"))
    server.answer("/tool", b"a tool that was changed")
    gone: list[ArtifactGone] = []

    def pin_anew(error: ArtifactGone) -> Lock:
        gone.append(error)
        return bench.pin(lock)

    fresh = have_items(lock, bench.fetch, pin_anew)

    assert gone[0].item.kind is Kind.PACKAGE
    assert versions(fresh.items) == {"web": "1.1", "registry.example.com/app": "v1", "tool": "v1", "kept": "1.0"}
    assert versions(fresh.tools) == {"shell": "1.1"}
    before, after = ({item.name: item.digest for item in one.items} for one in (lock, fresh))
    assert {name for name in before if before[name] == after[name]} == {"tool", "kept"}


def test_a_lock_whose_packages_are_there_is_followed(bench: Bench, lock: Lock) -> None:
    bench.forget(lock, Kind.WHEEL)

    followed = have_items(lock, bench.fetch, None)

    assert followed is lock
    assert all(bench.store.has(item.digest) for item in lock.items)


def test_another_site_is_told_to_lock_anew(bench: Bench, upstream: ToyArchive, lock: Lock) -> None:
    bench.forget(lock, Kind.WHEEL)
    upstream.publish(Package("web", "1.1"), Package("shell", "1.1"))

    with pytest.raises(ArtifactGone, match=r"does not hold (web|shell) 1\.0 any more") as caught:
        have_items(lock, bench.fetch, None)

    assert "bundle lock" in caught.value.hint


def test_the_same_lock_makes_the_same_image(bench: Bench, lock: Lock) -> None:
    bench.forget(lock, Kind.WHEEL, Kind.PACKAGE)
    image = next(item for item in lock.items if item.kind is Kind.IMAGE)

    bench.fetch(lock)

    assert bench.store.has(image.digest)
    assert image.digest == digest_of(bench.store.path(image.digest).read_bytes())
