"""Wires the sources of artefacts for one site, and keeps a lab going when an archive drops what its lock pins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.debian import Archive, DebianArchive
from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.errors import ArtifactGone
from installer.adapters.sources.pypi import WheelIndex
from installer.adapters.sources.roots import Roots
from installer.adapters.sources.sourceset import Relock, SourceSet
from installer.adapters.sources.tools import Tools
from installer.adapters.sources.workshop import Workshop
from installer.cli.wiring import PROJECT, Site
from installer.model.artifact import Kind, Lock
from installer.model.bundle import BundleSettings

# Releases that images and C libraries are taken from, whatever the hosts run.
_BUILD_RELEASES = ("bookworm", "trixie")


@contextmanager
def open_sources(
    site: Site, settings: BundleSettings, store: BlobStore, recorded: Lock | None, relock: Relock
) -> Iterator[SourceSet]:
    """Yield a site's sources; what only helped to build is dropped afterwards, when all went well."""
    described = site.value("platform_debian_archives") or {}
    releases = {*_BUILD_RELEASES, *(target.release for target in settings.targets)}
    archives = {r: DebianArchive(_archive(r, described.get(r, {})), site.cache) for r in sorted(releases)}
    wheels = WheelIndex(store, site.cache / "scratch")
    anew = relock is not Relock.NOTHING
    tools = Tools(site.cache, store, archives, wheels, site.reporter, recorded, anew)
    roots = Roots(site.cache / "roots", store, archives, site.reporter)
    with ExitStack() as open_connections:
        for archive in archives.values():
            open_connections.callback(archive.close)
        downloads = open_connections.enter_context(closing(Downloads(store)))
        with Workshop(
            site.catalog, PROJECT / "roles", site.cache, store, roots, tools, site.reporter, recorded
        ) as workshop:
            kept = recorded if relock is Relock.PACKAGES else None
            yield SourceSet(settings, site.catalog, downloads, archives, wheels, workshop, site.reporter, kept)
        downloads.drop_leftovers()


def have_items(lock: Lock, fetch: Callable[[Lock], None], pin_anew: Callable[[ArtifactGone], Lock] | None) -> Lock:
    """Fetch what a lock names, and return the lock that was followed.

    Args:
        lock: what to follow.
        fetch: has everything a lock names.
        pin_anew: makes another lock when an archive has dropped packages; None where that is the operator's to do.

    Raises:
        ArtifactGone: something is not there any more, and is not pinned anew by itself.
    """
    try:
        fetch(lock)
    except ArtifactGone as gone:
        if pin_anew is None or gone.item.kind is not Kind.PACKAGE:
            raise
        lock = pin_anew(gone)
        fetch(lock)
    return lock


def _archive(release: str, described: Mapping[str, Any]) -> Archive:
    options = dict(described)
    for name in ("suites", "components"):
        if name in options:
            options[name] = tuple(options[name])
    if "keyring" in options:
        options["keyring"] = Path(str(options["keyring"]))
    return Archive(release, **options)
