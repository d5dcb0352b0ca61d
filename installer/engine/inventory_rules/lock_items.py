"""The lock: it has everything the catalogue declares, and was made for what the inventory says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from installer.engine.inventory_rules.kernels import kernels_of, on_hosts
from installer.engine.inventory_rules.subject import Subject, listed
from installer.engine.models import locked_model
from installer.errors import Problem
from installer.model.artifact import Kind, Lock
from installer.model.component import Component

_NAME = "bundle.lock.json"
_FILE_SUFFIXES = (".yml", ".yaml", ".ini")


def missing_lock(subject: Subject) -> Iterator[Problem]:
    """Find that there is no lock, where one is needed."""
    if subject.lock is None and subject.needs_lock:
        yield Problem(_where(subject), "there is no lock.", _cure(subject))


def stale_lock(subject: Subject) -> Iterator[Problem]:
    """Find artefacts that components declare and the lock does not have."""
    if subject.lock is None:
        return
    where = _where(subject)
    for component in subject.wanted:
        lacking = [*_pinned(component, subject.lock), *_packages(component, subject.lock, subject)]
        if lacking:
            message = f"the lock is older than the catalogue: {component.name} needs {listed(lacking)}."
            yield Problem(where, message, _cure(subject))


def models_of_another_lock(subject: Subject) -> Iterator[Problem]:
    """Find models that the list names and the lock does not have, or under another licence."""
    for entry in subject.inventory.models if subject.lock is not None else ():
        item = locked_model(subject.lock.items, entry) if subject.lock is not None else None
        if item is None:
            yield Problem(entry.where, f"the lock is older than this list: it lacks {entry}.", _cure(subject))
        elif item.licence != entry.licence:
            message = f"the licence of {entry} is {entry.licence}; the lock was made with {item.licence}."
            yield Problem(entry.where, message, _cure(subject))


def lock_of_another_kind(subject: Subject) -> Iterator[Problem]:
    """Find a lock made before the inventory chose where artefacts come from."""
    lock = subject.lock
    if lock is None:
        return
    origin, platforms = subject.value("platform_artifact_origin"), subject.value("platform_artifact_platforms")
    if isinstance(origin, str) and origin != lock.origin:
        message = f"platform_artifact_origin is {origin}; the lock was made with {lock.origin}."
        yield Problem(subject.inventory.where("platform_artifact_origin"), message, _cure(subject))
    if isinstance(platforms, list) and set(platforms) != set(lock.platforms):
        wanted, locked = listed(map(str, platforms)), listed(lock.platforms)
        message = f"platform_artifact_platforms has {wanted}; the lock was made for {locked}."
        yield Problem(subject.inventory.where("platform_artifact_platforms"), message, _cure(subject))


def packages_of_other_versions(subject: Subject) -> Iterator[Problem]:
    """Find packages in the lock of another version than a component is made for: a driver is one of all its parts."""
    lock = subject.lock
    for component in on_hosts(subject) if lock is not None else ():
        for release, expected in component.description.artifacts.package_versions.items():
            for name, version in sorted(expected.items()):
                item = lock.find(Kind.PACKAGE, name, release) if lock is not None else None
                if item is not None and not item.version.rpartition(":")[2].startswith(version):
                    found = f"{name} {version} on {release}, and the lock has {item.version}"
                    cure = "Name an archive in `platform_debian_archives` that has this version, and lock again."
                    yield Problem(_where(subject), f"{component.name} is made for {found}.", cure)


def _pinned(component: Component, lock: Lock) -> Iterator[str]:
    """Yield what the lock lacks of what a component declares with a version."""
    artifacts = component.description.artifacts
    declared = [
        *((Kind.CHART, chart.name, chart.version) for chart in artifacts.charts if chart.is_carried(lock.origin)),
        *((Kind.IMAGE, image.name, image.version) for image in artifacts.images),
        *((Kind.FILE, *file.pinned_as(lock.origin)) for file in artifacts.files),
        *((Kind.WHEEL, *_requirement(wheel)) for wheel in artifacts.wheels),
    ]
    for kind, name, version in declared:
        versions = [item.version for item in lock.items if item.kind is kind and _same(kind, item.name, name)]
        if version and version not in versions:
            has = f" (the lock has {listed(sorted(set(versions)))})" if versions else ""
            yield f"{kind.value} {name} {version}{has}"


def _packages(component: Component, lock: Lock, subject: Subject) -> Iterator[str]:
    """Yield the packages that neither the lock nor, by its list, a host has."""
    kernels = kernels_of(subject)
    for release in subject.entries("platform_debian_targets"):
        locked = {item.name for item in lock.items if item.kind is Kind.PACKAGE and item.scope == release}
        there = locked | subject.inventory.installed.get(str(release), frozenset())
        for name in component.description.artifacts.carried_for(str(release), kernels.get(str(release), ())):
            if name not in there:
                yield f"package {name} for {release}"


def _requirement(wheel: str) -> tuple[str, str]:
    name, _, version = wheel.partition("==")
    return re.sub(r"\[.*\]", "", name).strip(), version.partition(";")[0].strip()


def _same(kind: Kind, one: str, other: str) -> bool:
    """Return whether two names mean one thing; Python's packages have several spellings."""
    if kind is not Kind.WHEEL:
        return one == other
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()


def _cure(subject: Subject) -> str:
    return f"Run `platform-install bundle lock --inventory {subject.inventory.path}`, and build a bundle of it."


def _where(subject: Subject) -> str:
    path = subject.inventory.path
    folder = path.parent if path.suffix in _FILE_SUFFIXES else path
    return str(PurePath(folder) / _NAME)


RULES = (missing_lock, stale_lock, models_of_another_lock, lock_of_another_kind, packages_of_other_versions)
