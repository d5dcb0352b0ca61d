"""Helm charts from repositories: those with an HTTP index, and registries."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import yaml

from installer.adapters.sources.charts import MEDIA_TYPE, ChartUnavailable
from installer.adapters.sources.downloads import Downloads, Wanted
from installer.adapters.sources.errors import ArtifactGone, DownloadFailed
from installer.adapters.sources.oci import ALL_PLATFORMS, Registry, split_name
from installer.model.artifact import Blob, ChartSpec, Kind, LockedItem, check_digest
from installer.model.events import Notice
from installer.ports import Reporter

_INDEX_LIMIT = 256 << 20  # old repositories list thousands of versions
_DESCRIPTION_LIMIT = 1 << 20
# The second is what Helm wrote before version 3.7.
_CHART_TYPES = (MEDIA_TYPE, "application/tar+gzip")
_REGISTRY = "oci://"
# The C parser reads a large index in seconds, the Python one in minutes.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ChartRepositories:
    """Pins and fetches charts. May be used by several threads."""

    def __init__(self, downloads: Downloads, mirrors: Mapping[str, str]) -> None:
        """Put charts where `downloads` puts them; `mirrors` maps registry names to `host/prefix`."""
        self._downloads = downloads
        self._mirrors = mirrors

    def pin(self, component: str, spec: ChartSpec, reporter: Reporter) -> LockedItem:
        """Fetch the chart a component names, and pin it.

        Raises:
            ChartUnavailable: the repository does not hold the version, or not that chart under its name.
            BundleRefused: the bytes are not what the repository's index says.
        """
        if spec.repository.startswith(_REGISTRY):
            url, expected = f"{spec.repository.rstrip('/')}/{spec.name}:{_tag(spec.version)}", None
        else:
            url, expected = self._listed(spec)
        if url.startswith(_REGISTRY):
            blob = self._copy(url, reporter)
        else:
            blob = self._downloads.fetch(Wanted(url, f"chart {spec.name}", expected), reporter)
            if expected is None:
                trusted = f"what {url} answers now is trusted, and the lock pins {blob.digest}."
                reporter.emit(Notice(f"{spec.repository} gives no digest for {spec.name} {spec.version}: {trusted}"))
        _check_chart(self._downloads.store.path(blob.digest), spec, url)
        return LockedItem(
            kind=Kind.CHART,
            name=spec.name,
            version=spec.version,
            digest=blob.digest,
            blobs=(Blob(blob.digest, blob.size, MEDIA_TYPE),),
            origin={"type": "helm", "repository": spec.repository, "url": url},
            licence=spec.licence,
            needed_by=(component,),
        )

    def fetch(self, item: LockedItem, reporter: Reporter) -> None:
        """Put a locked chart into the store.

        Raises:
            ArtifactGone: the repository does not hold it any more.
            BundleRefused: it holds other bytes.
        """
        url = str(item.origin["url"])
        if url.startswith(_REGISTRY):
            registry, _ = self._registry(url)
            registry.fetch(item, reporter)
            return
        try:
            self._downloads.fetch(Wanted(url, f"chart {item.name}", item.digest, item.size), reporter)
        except DownloadFailed as error:
            if error.gone:
                raise ArtifactGone(item, str(item.origin["repository"]), [error.summary, *error.details]) from error
            raise

    def _listed(self, spec: ChartSpec) -> tuple[str, str | None]:
        """Return where the repository's index says the chart lies, and its digest if it says one."""
        address = f"{spec.repository.rstrip('/')}/index.yaml"
        content = self._downloads.client.read(address, _INDEX_LIMIT).content
        try:
            index = yaml.load(content, Loader=_Loader)
            versions = (index["entries"] or {}).get(spec.name) or []
            entry = _best(versions, spec.version)
            if entry is None:
                listed = ", ".join(str(known.get("version")) for known in versions[:10])
                raise ChartUnavailable(
                    f"The repository {spec.repository} does not list {spec.name} {spec.version}.",
                    hint="Write a version it lists into the component's `charts`.",
                    details=[f"It lists {listed or 'no version of it'}."],
                )
            digest = str(entry.get("digest") or "")
            expected = check_digest(f"sha256:{digest.removeprefix('sha256:')}") if digest else None
            return urljoin(address, str(entry["urls"][0])), expected
        except (yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise ChartUnavailable(
                f"The index {address} says nothing that can be read of {spec.name}.",
                hint="Check the component's `repository`.",
                details=[" ".join(str(error).split())[:300]],
            ) from error

    def _copy(self, url: str, reporter: Reporter) -> Blob:
        registry, tag = self._registry(url)
        for blob in registry.copy(tag, ALL_PLATFORMS, reporter):
            # Beside the chart there may be its signature.
            if blob.media_type in _CHART_TYPES:
                return blob
        raise ChartUnavailable(f"{url} is no chart.", hint="Check the component's `repository` and `name`.")

    def _registry(self, url: str) -> tuple[Registry, str]:
        name, _, tag = url.removeprefix(_REGISTRY).rpartition(":")
        registry, repository = split_name(name)
        return Registry(registry, repository, self._mirrors, self._downloads), tag


def _best(versions: list[Mapping[str, Any]], wanted: str) -> Mapping[str, Any] | None:
    """Return the entry of a version, whether or not it is written with a `v` in front."""
    same = [e for e in versions if str(e.get("version")).removeprefix("v") == wanted.removeprefix("v")]
    return next((entry for entry in same if str(entry.get("version")) == wanted), same[0] if same else None)


def _tag(version: str) -> str:
    """Return a version as a registry's tag, which takes no plus sign."""
    return version.replace("+", "_")


def _check_chart(path: Path, spec: ChartSpec, url: str) -> None:
    """Refuse what is no chart of that name and version: a log-in page, for instance."""
    try:
        with tarfile.open(path, mode="r|*") as archive:
            for entry in archive:
                parts = Path(entry.name).parts
                if len(parts) == 2 and parts[1] == "Chart.yaml" and entry.isreg():
                    content = archive.extractfile(entry)
                    assert content is not None  # a regular file has content
                    described = yaml.safe_load(content.read(_DESCRIPTION_LIMIT))
                    found = f"{described.get('name')} {described.get('version')}"
                    if found.replace(" v", " ") == f"{spec.name} {spec.version.removeprefix('v')}":
                        return
                    raise ChartUnavailable(
                        f"{url} is the chart {found}, not {spec.name} {spec.version}.",
                        hint="Correct the component's `charts`.",
                    )
    except (tarfile.TarError, EOFError, zlib.error, yaml.YAMLError, AttributeError) as error:
        raise ChartUnavailable(f"{url} is no chart: {error}.", hint="Check the component's `repository`.") from error
    raise ChartUnavailable(f"{url} is no chart: it holds no Chart.yaml.", hint="Check the component's `repository`.")
