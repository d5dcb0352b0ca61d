"""The catalogue: every component there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from installer.model.component import Component


@dataclass(frozen=True)
class Catalog:
    """All components by name."""

    components: Mapping[str, Component]

    def __getitem__(self, name: str) -> Component:
        return self.components[name]

    def __contains__(self, name: object) -> bool:
        return name in self.components

    def __iter__(self) -> Iterator[Component]:
        return iter(self.components.values())

    def __len__(self) -> int:
        return len(self.components)

    @property
    def names(self) -> frozenset[str]:
        """Return every component's name."""
        return frozenset(self.components)
