"""A chart of definitions is made wherever everything else comes from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.sourceset import SourceSet
from installer.model.artifact import BUILD, UPSTREAM, ChartBuild, ChartSpec, Kind, LockedItem, digest_of
from installer.model.bundle import BundleSettings
from installer.model.catalog import Catalog
from tests.fakes import RecordingReporter

DEFINITIONS = ChartSpec("routes", "v1", "MIT", build=ChartBuild("example.com/module", "crds", definitions=True))


class Maker:
    """Makes a chart of anything."""

    def chart(self, component: str, spec: ChartSpec) -> LockedItem:
        made = {"type": "packed", "module": spec.name}
        return LockedItem(Kind.CHART, spec.name, spec.version, digest_of(b""), (), made, "MIT", (component,))


@pytest.mark.parametrize("origin", [UPSTREAM, BUILD])
def test_definitions_are_packed_by_us(origin: str, tmp_path: Path) -> None:
    settings, downloads = BundleSettings(origin, (), ()), SimpleNamespace(store=BlobStore(tmp_path))
    sources = SourceSet(settings, Catalog({}), downloads, {}, None, Maker(), RecordingReporter())  # type: ignore[arg-type]

    item = sources.chart("router", DEFINITIONS)

    assert item.origin["type"] == "packed"
