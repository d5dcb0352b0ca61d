"""A backup: files of several components that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class BackupFile:
    """One file of a set.

    Attributes:
        path: where it is below its component's folder.
        size: its bytes.
        sha256: the digest of them, in hexadecimal digits.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ComponentBackup:
    """What a set has of one component.

    Attributes:
        as_of: the moment its files show.
        version: the component's version then.
        holds: what the files hold, by names that an operator understands.
    """

    as_of: datetime
    files: tuple[BackupFile, ...]
    version: str = ""
    holds: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BackupSet:
    """What a set's manifest says.

    Attributes:
        id: the set's name, after the moment it was begun.
        site: whose it is.
        bundle: the bundle the site was installed from last.
        tool: the version of the command.
    """

    id: str
    site: str
    began: datetime
    ended: datetime
    components: Mapping[str, ComponentBackup]
    bundle: str = ""
    tool: str = ""

    @property
    def as_of(self) -> datetime:
        """Return the moment the whole set shows: what came later is not in all of it."""
        return min((entry.as_of for entry in self.components.values()), default=self.began)

    @property
    def recovery_point_seconds(self) -> float:
        """Return how old the oldest part was when the set was whole: what a loss at that moment would have cost."""
        return (self.ended - self.as_of).total_seconds()

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.size for entry in self.components.values() for file in entry.files)
