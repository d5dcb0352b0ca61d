"""Pin everything a bundle will carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from installer.engine.difference import compare
from installer.engine.models import changed_files, locked_model
from installer.errors import InvalidConfiguration, Problem
from installer.model.artifact import Lock, LockedItem
from installer.model.bundle import BundleSettings, Difference
from installer.model.catalog import Catalog
from installer.model.events import Progress
from installer.model.models import ModelEntry
from installer.ports import ArtifactSources, Reporter

LOCK_FORMAT = "platform-lock/1"
INSTALLER = "installer"

Job = Callable[[], Iterable[LockedItem]]


def lock_bundle(
    catalog: Catalog,
    settings: BundleSettings,
    installer_requirements: tuple[str, ...],
    sources: ArtifactSources,
    previous: Lock | None,
    workers: int,
    reporter: Reporter,
) -> tuple[Lock, Difference]:
    """Return the new lock, and what sets it apart from the previous one.

    Args:
        catalog: the components the inventory wants.
        installer_requirements: what this tool itself needs, pinned.
        workers: how many items are pinned at once.

    Raises:
        InvalidConfiguration: a model has other files than the previous lock pins of the same version.
    """
    sources.expect_everything()
    jobs = [
        *_component_jobs(catalog, settings.origin, sources),
        *_target_jobs(catalog, settings, sources),
        *_installer_jobs(settings, installer_requirements, sources),
        *(_directory_job(name, Path(folder), sources) for name, folder in settings.directories.items()),
        *(_model_job(entry, sources) for entry in settings.models),
    ]
    items = _merge(_run(jobs, workers, reporter))
    _refuse_changed_models(settings.models, items, previous)
    lock = Lock(
        format=LOCK_FORMAT,
        origin=settings.origin,
        platforms=settings.platforms,
        items=items,
        tools=sources.tools,
        go=sources.go_locks,
    )
    return lock, compare(previous.items if previous else (), items)


def _component_jobs(catalog: Catalog, origin: str, sources: ArtifactSources) -> Iterable[Job]:
    for component in catalog:
        name, artifacts = component.name, component.description.artifacts
        yield from (lambda n=name, s=spec: sources.file(n, s) for spec in artifacts.files)
        yield from (lambda n=name, s=spec: sources.image(n, s) for spec in artifacts.images)
        yield from (
            lambda n=name, s=spec: (sources.chart(n, s),) for spec in artifacts.charts if spec.is_carried(origin)
        )


def _target_jobs(catalog: Catalog, settings: BundleSettings, sources: ArtifactSources) -> Iterable[Job]:
    for target in settings.targets:
        packages = {c.name: c.description.artifacts.carried_for(target.release, target.kernels) for c in catalog}
        wheels = {c.name: c.description.artifacts.wheels for c in catalog if c.description.artifacts.wheels}
        yield lambda t=target, w=packages: sources.packages(t, w)  # type: ignore[misc]
        if wheels:
            yield lambda t=target, w=wheels: sources.wheels(t.python, w)  # type: ignore[misc]


def _installer_jobs(settings: BundleSettings, pinned: tuple[str, ...], sources: ArtifactSources) -> Iterable[Job]:
    wanted: Mapping[str, tuple[str, ...]] = {INSTALLER: pinned}
    for python in settings.installer_pythons:
        yield lambda p=python: sources.wheels(p, wanted)  # type: ignore[misc]


def _directory_job(name: str, folder: Path, sources: ArtifactSources) -> Job:
    return lambda: sources.directory(name, folder)


def _model_job(entry: ModelEntry, sources: ArtifactSources) -> Job:
    return lambda: sources.model(entry)


def _refuse_changed_models(entries: Iterable[ModelEntry], items: tuple[LockedItem, ...], previous: Lock | None) -> None:
    """A version that may be on sites already means the same files for ever."""
    problems: list[Problem] = []
    for entry in entries:
        before, now = (locked_model(known, entry) for known in (previous.items if previous else (), items))
        if before is not None and now is not None:
            problems += changed_files(entry, before, now.origin["files"])
    if problems:
        raise InvalidConfiguration(problems, "the models")


def _run(jobs: list[Job], workers: int, reporter: Reporter) -> Iterable[LockedItem]:
    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[Iterable[LockedItem]]] = [pool.submit(job) for job in jobs]
        try:
            for done, future in enumerate(futures):
                reporter.emit(Progress("lock", "", done, len(futures), "artefacts"))
                yield from future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        reporter.emit(Progress("lock", "", len(futures), len(futures), "artefacts"))


def _merge(items: Iterable[LockedItem]) -> tuple[LockedItem, ...]:
    """Return items sorted, those that several components need once."""
    merged: dict[tuple[tuple[str, str, str, str], str], LockedItem] = {}
    for item in items:
        known = merged.get((item.key, item.digest))
        owners = {*item.needed_by, *(known.needed_by if known else ())}
        merged[item.key, item.digest] = replace(item, needed_by=tuple(sorted(owners)))
    return tuple(sorted(merged.values(), key=lambda item: (item.key, item.digest)))
