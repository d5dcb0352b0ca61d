"""How a site fares."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from installer.model.report import Expiry


@dataclass(frozen=True)
class HostAnswer:
    """What a host said when it was asked, or why it did not."""

    said: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


class Health(enum.Enum):
    """How a host or a component fares, as far as is known."""

    GOOD = "good"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    ABSENT = "not installed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "not asked"


@dataclass(frozen=True)
class HostStatus:
    """How one host fares.

    Attributes:
        problem: why it is not good, in words.
        node: its version as a node of the cluster; empty when it is none, or nobody could be asked.
    """

    name: str
    address: str
    groups: tuple[str, ...]
    health: Health
    problem: str = ""
    system: str = ""
    kernel: str = ""
    uptime_seconds: int = 0
    node: str = ""


@dataclass(frozen=True)
class ComponentStatus:
    """How one component fares, by its last deployment and verification.

    Attributes:
        version: the one deployed; the one there would be when it is not installed.
        since: when its last deployment began.
        verified: when it last passed its verification; empty when it never did or failed since.
    """

    name: str
    version: str
    health: Health
    hosts: tuple[str, ...]
    since: str = ""
    verified: str = ""


@dataclass(frozen=True)
class SiteStatus:
    """How a site fares.

    Attributes:
        installed: something was ever deployed here, by this journal.
        busy: who runs something on this site right now; empty when nobody does.
        last_run: command, began, ended, outcome and bundle; None when there was none.
        cluster: whether the API answers; None when nobody could be asked.
        asked: hosts were asked; not when offline.
        expiries: what ends by itself, the soonest first.
    """

    site: str
    installed: bool
    busy: str
    last_run: Mapping[str, Any] | None
    cluster: bool | None
    asked: bool
    hosts: tuple[HostStatus, ...]
    components: tuple[ComponentStatus, ...]
    expiries: tuple[Expiry, ...]

    @property
    def healthy(self) -> bool:
        """Return whether everything that was asked is well."""
        healths = [item.health for item in self.hosts] + [item.health for item in self.components]
        return self.installed and self.cluster is not False and set(healths) <= {Health.GOOD, Health.UNKNOWN}
