"""Which version a component has, for people."""

from __future__ import annotations

from installer.model.artifact import UPSTREAM, Kind, Lock
from installer.model.component import Component


def version_of(component: Component, lock: Lock | None) -> str:
    """Return the name and version of what a component is mainly made of: its chart, program, image or package.

    Args:
        lock: what the bundle brings; without it a package has no version yet.
    """
    artifacts = component.description.artifacts
    for chart in artifacts.charts:
        return f"{chart.name} {chart.version}"
    for file in artifacts.files:
        return " ".join(file.pinned_as(lock.origin if lock is not None else UPSTREAM))
    for image in artifacts.images:
        return f"{image.name.rpartition('/')[2]} {image.version}"
    for names in artifacts.packages.values():
        for name in names:
            item = lock.find(Kind.PACKAGE, name) if lock is not None else None
            return f"{name} {item.version}" if item is not None else name
    return ""


def parts_of(component: Component) -> tuple[tuple[str, str, str], ...]:
    """Return kind, name and version of everything a component pins."""
    artifacts = component.description.artifacts
    charts = [("chart", entry.name, entry.version) for entry in artifacts.charts]
    files = [("file", entry.name, entry.version) for entry in artifacts.files]
    images = [("image", entry.name, entry.version) for entry in artifacts.images]
    return (*charts, *files, *images)
