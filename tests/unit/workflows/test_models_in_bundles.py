"""Models go the way of everything else in a bundle: pinned, built, verified, compared, carried as a delta."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.sourceset import SourceSet
from installer.engine.contents import encode_manifest
from installer.errors import BundleRefused, ExitCode, InvalidConfiguration
from installer.model.artifact import UPSTREAM, GoLock, Lock, LockedItem
from installer.model.bundle import BundleSettings
from installer.model.catalog import Catalog
from installer.model.models import ModelEntry
from installer.workflows.bundle_build import fetch_items
from installer.workflows.bundle_diff import diff_bundles
from installer.workflows.bundle_lock import lock_bundle
from installer.workflows.bundle_plan import plan_sizes
from tests.bundles import Maker, flip, known, load, lock_of, make_small_delta, tree, verify
from tests.fakes import RecordingReporter
from tests.models import entry_of, safetensors_of, tensor, write_gguf_model, write_safetensors_model


@dataclass
class Nothing:
    """Stands in for a workshop and an index that have nothing to do."""

    tools: tuple[LockedItem, ...] = ()
    go_locks: Mapping[str, GoLock] = field(default_factory=dict)

    def expect(self, wanted: object) -> None:
        """Be told of what there is to do."""

    def closure(self, wanted: object, python: str) -> tuple[LockedItem, ...]:
        return ()


@dataclass
class Site:
    """A site whose bundle carries models and nothing else."""

    folder: Path
    models: tuple[ModelEntry, ...]
    kept: Lock | None = None

    @property
    def settings(self) -> BundleSettings:
        return BundleSettings(UPSTREAM, ("linux/amd64",), (), models=self.models)

    def sources(self) -> SourceSet:
        nothing: Any = Nothing()
        downloads: Any = SimpleNamespace(store=BlobStore(self.folder / "store"))
        return SourceSet(self.settings, Catalog({}), downloads, {}, nothing, nothing, RecordingReporter(), self.kept)

    def lock(self, previous: Lock | None = None) -> Lock:
        return lock_bundle(Catalog({}), self.settings, (), self.sources(), previous, 2, RecordingReporter())[0]

    def fetch(self, lock: Lock) -> None:
        sources = self.sources()
        sources.refuse_changed_models(lock.items)
        fetch_items(lock, sources, BlobStore(self.folder / "store"), 2, RecordingReporter())

    def build(self, lock: Lock, **more: Any) -> Path:
        return Maker(self.folder).build(items=lock, **more)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    letters = entry_of(write_safetensors_model(tmp_path / "letters"))
    tiny = entry_of(write_gguf_model(tmp_path / "tiny"), "tiny", "0.1.0")
    return Site(tmp_path, (letters, tiny))


def layer(lock: Lock, name: str, of: str) -> str:
    """Return the hexadecimal digest of a model's largest layer; `of` is the item."""
    item = next(item for item in lock.items if item.name == f"platform.internal/models/{name}")
    assert of in item.origin["files"]
    return max(item.blobs, key=lambda blob: blob.size).digest.removeprefix("sha256:")


def test_a_bundle_carries_models_as_images(site: Site) -> None:
    lock = site.lock()

    bundle = site.build(lock)

    trusted = verify(bundle)
    names = [(item.name, item.version) for item in trusted.manifest.items]
    assert names == [("platform.internal/models/letters", "v1.0.0"), ("platform.internal/models/tiny", "v0.1.0")]
    assert b'"platform.internal/models/tiny:v0.1.0"' in (bundle / "oci/index.json").read_bytes()


def test_locking_again_changes_nothing(site: Site) -> None:
    first = site.lock()

    assert site.lock(first) == first


def test_a_site_without_models_has_the_manifest_it_had(tmp_path: Path) -> None:
    before = known(Maker(tmp_path / "before").build(items=lock_of())).manifest

    after = known(Site(tmp_path / "after", ()).build(Site(tmp_path / "after", ()).lock())).manifest

    assert encode_manifest(after) == encode_manifest(before)


def test_a_flipped_byte_in_a_model_is_refused_with_seven_and_its_name(site: Site) -> None:
    lock = site.lock()
    bundle = site.build(lock)
    flip(bundle / "oci/blobs/sha256" / layer(lock, "tiny", "tiny.gguf"))

    with pytest.raises(BundleRefused, match="is damaged: 1 files") as caught:
        verify(bundle)

    assert caught.value.exit_code is ExitCode.BUNDLE
    assert "It is of image platform.internal/models/tiny v0.1.0." in caught.value.details[0]


def test_a_new_version_is_carried_by_a_delta_of_what_is_new_in_it(site: Site, tmp_path: Path) -> None:
    old_lock = site.lock()
    weights = safetensors_of({"layer.weight": tensor(shape=(100, 10))}, 2000)
    letters = entry_of(write_safetensors_model(tmp_path / "letters-2", weights), version="1.1.0")
    old = site.build(old_lock)
    elsewhere = Site(tmp_path / "new", (letters, site.models[1]))
    new = elsewhere.build(elsewhere.lock(old_lock), sequence=2)
    make_small_delta(new, old, tmp_path / "delta")

    load([tmp_path / "delta"], old)

    assert tree(old) == tree(new)
    # The weights, and what says that these are of this version; the tokeniser and all of the other model are there.
    carried = [path for path in tree(tmp_path / "delta") if path.startswith("oci/blobs/")]
    assert len(carried) == 3


def test_two_bundles_differ_by_the_version_of_a_model(site: Site, tmp_path: Path) -> None:
    old = site.build(site.lock())
    other = Site(tmp_path / "new", (replace(site.models[0], version="1.1.0"), site.models[1]))
    new = other.build(other.lock())

    (change,) = diff_bundles(known(old), known(new)).changed

    assert change.name == "platform.internal/models/letters"
    assert (change.before.split()[0], change.after.split()[0]) == ("v1.0.0", "v1.1.0")


def test_a_plan_adds_models_up_and_counts_them_on_workers(site: Site) -> None:
    lock = site.lock()

    planned = plan_sizes(lock, "site", (), {}, 0)

    size = sum({blob.digest: blob.size for item in lock.items for blob in item.blobs}.values())
    assert [(found.name, found.items, found.size) for found in planned.components] == [("models", 2, size)]
    assert {disk.kind: disk.images for disk in planned.disks} == {"admin": 0, "control_plane": 0, "worker": size}


def test_a_folder_that_changed_since_the_lock_is_refused(site: Site) -> None:
    lock = site.lock()
    (site.folder / "letters/LICENSE").write_text("You may not.\n")

    with pytest.raises(InvalidConfiguration) as caught:
        site.fetch(lock)

    (problem,) = caught.value.problems
    assert problem.where.endswith("letters/LICENSE")
    assert lock.items[0].origin["files"]["LICENSE"] in problem.message


def test_the_same_version_of_other_files_is_not_locked(site: Site) -> None:
    lock = site.lock()
    (site.folder / "tiny/LICENSE").write_text("You may not.\n")

    with pytest.raises(InvalidConfiguration, match="1 mistake in the models") as caught:
        site.lock(lock)

    assert "tiny/LICENSE" in caught.value.problems[0].where
    assert "a new version" in caught.value.problems[0].cure


def test_a_lock_is_followed_without_the_folder_while_the_cache_has_the_model(site: Site) -> None:
    lock = site.lock()
    for path in (site.folder / "letters").iterdir():
        path.unlink()
    (site.folder / "letters").rmdir()

    site.fetch(lock)

    assert site.build(lock).is_dir()


def test_a_lock_is_followed_from_the_folder_when_the_cache_is_gone(site: Site) -> None:
    lock = site.lock()
    again = Site(site.folder / "again", site.models)

    again.fetch(lock)

    assert verify(again.build(lock)).manifest.items == lock.items


def test_a_model_that_the_list_names_no_more_cannot_be_made_again(site: Site) -> None:
    lock = site.lock()
    again = Site(site.folder / "again", site.models[:1])

    with pytest.raises(InvalidConfiguration) as caught:
        again.fetch(lock)

    assert "names no platform.internal/models/tiny v0.1.0, which the lock holds" in str(caught.value.problems[0])


def test_models_that_are_not_fit_are_all_refused_before_anything_is_pinned(site: Site) -> None:
    for model in ("letters", "tiny"):
        (site.folder / model / "LICENSE").unlink()

    with pytest.raises(InvalidConfiguration, match="2 mistakes in the models"):
        site.lock()

    assert not (site.folder / "store").exists()


def test_pinning_packages_anew_leaves_models_as_they_were(site: Site) -> None:
    lock = site.lock()
    (site.folder / "letters/LICENSE").unlink()

    assert replace(site, kept=lock).lock(lock).items == lock.items
