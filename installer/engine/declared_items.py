"""What a bundle will carry, by the catalogue alone: before anything is pinned, and so before sizes are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from installer.model.artifact import Kind
from installer.model.component import Component
from installer.model.models import OWNER, ModelEntry


@dataclass(frozen=True)
class DeclaredItem:
    """One artefact that a component declares.

    Attributes:
        component: who brings it; `models` for the site's own.
        kind: what it is: chart, image, file, wheel or package.
        version: upstream's; empty where a lock decides, as for packages.
        scope: the release a package is for.
    """

    component: str
    kind: str
    name: str
    version: str
    scope: str = ""


def declared_items(
    components: Iterable[Component], releases: Mapping[str, Sequence[str]], models: Iterable[ModelEntry] = ()
) -> tuple[DeclaredItem, ...]:
    """Return everything that components declare, and the site's models.

    What packages need beside themselves is known once they are pinned.

    Args:
        components: in the order to list them.
        releases: the hosts' releases, each with the kernels that run there.
        models: those that the site's list names.
    """
    carried = (DeclaredItem(OWNER, Kind.IMAGE.value, entry.image, entry.tag) for entry in models)
    return (*(item for component in components for item in _of(component, releases)), *carried)


def _of(component: Component, releases: Mapping[str, Sequence[str]]) -> Iterator[DeclaredItem]:
    name, artifacts = component.name, component.description.artifacts
    for chart in artifacts.charts:
        yield DeclaredItem(name, Kind.CHART.value, chart.name, chart.version)
    for image in artifacts.images:
        yield DeclaredItem(name, Kind.IMAGE.value, image.name, image.version)
    for file in artifacts.files:
        yield DeclaredItem(name, Kind.FILE.value, file.name, file.version)
    for wheel in artifacts.wheels:
        project, _, version = wheel.partition("==")
        yield DeclaredItem(name, Kind.WHEEL.value, project, version)
    for release, kernels in releases.items():
        for package in artifacts.carried_for(release, kernels):
            yield DeclaredItem(name, Kind.PACKAGE.value, package, "", release)
