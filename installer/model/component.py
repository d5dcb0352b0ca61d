"""A component: one folder below `roles/`, described by its `component.yml`."""

from __future__ import annotations

import enum
from dataclasses import field

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from installer.model.artifact import Artifacts

STRICT = ConfigDict(extra="forbid")


class Layer(enum.Enum):
    """Where a component stands; nothing needs a later layer. Declared from the ground up."""

    HOST = "host"
    CLUSTER = "cluster"
    NETWORK = "network"
    STORAGE = "storage"
    TRUST = "trust"
    REGISTRY = "registry"
    POLICY = "policy"
    SECURITY = "security"
    BACKUP = "backup"
    OBSERVABILITY = "observability"
    GPU = "gpu"
    DELIVERY = "delivery"
    INFERENCE = "inference"

    @property
    def rank(self) -> int:
        """Return the layer's height above the ground, from 0."""
        return list(Layer).index(self)


@dataclass(frozen=True, config=STRICT)
class Endpoint:
    """Where a component answers; values may be templates over the inventory's variables."""

    host: str
    port: int | str


@dataclass(frozen=True, config=STRICT)
class Leftovers:
    """What a component leaves on nodes, where no chart's removal reaches.

    Attributes:
        chains: iptables' chains, as patterns.
        links: interfaces, as patterns.
        rules: routing tables.
        mounts: folders below which something is mounted.
        paths: files and folders.
    """

    chains: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Exemption:
    """What policies pass over, by name.

    Attributes:
        names: names of objects, as patterns.
        policies: the policies, by name.
        reason: why it must be so.
        namespace: where the objects are, if not in the component's own namespace; empty for what is the cluster's.
    """

    names: tuple[str, ...]
    policies: tuple[str, ...]
    reason: str
    namespace: str | None = None


@dataclass(frozen=True, config=STRICT)
class Description:
    """What a `component.yml` says.

    Attributes:
        summary: one line for tables and `--help`.
        layer: where the component stands.
        needs: components that must be deployed before it.
        runs_on: a host pattern of group names: `control_plane`, `admin[0]`, `control_plane:worker`.
        preflight_on: the host pattern its preflight looks at, where that is not `runs_on`.
        verify_needs: components that must be deployed before this one can be verified.
        milestone: what its deployment reaches on its way, and what needs it may begin at.
        checks_only: its verification is nothing but `__<component>_checks`, so hosts can be asked for it together
            with others'.
        restored_when_named: a restoration of the whole site passes over it.
        optional: an inventory may leave it out.
        stores: what of others' goes with its data, if it keeps any.
        namespace: the Kubernetes namespace it fills, if any.
        endpoint: where others reach it.
        artifacts: everything it brings onto hosts and into the cluster.
        leaves: what it leaves on nodes when the cluster ends.
        exemptions: what the site's policies pass over, each with the reason.
        carries_images: it holds every image of the bundle, so that it is deployed again when another's change.
        applies_exemptions: it is what passes over them, so that it is deployed again when another's change.
    """

    summary: str
    layer: Layer
    runs_on: str
    needs: tuple[str, ...] = ()
    preflight_on: str | None = None
    verify_needs: tuple[str, ...] = ()
    milestone: str | None = None
    checks_only: bool = False
    restored_when_named: bool = False
    optional: bool = False
    stores: str | None = None
    namespace: str | None = None
    endpoint: Endpoint | None = None
    artifacts: Artifacts = field(default_factory=Artifacts)
    leaves: Leftovers = field(default_factory=Leftovers)
    exemptions: tuple[Exemption, ...] = ()
    carries_images: bool = False
    applies_exemptions: bool = False


@dataclass(frozen=True)
class Component:
    """A described component with what its folder offers.

    Attributes:
        name: the role's name.
        verbs: the task files the role has: preflight, deploy, verify, remove and others.
    """

    name: str
    description: Description
    verbs: frozenset[str]

    @property
    def layer(self) -> Layer:
        """Where the component stands."""
        return self.description.layer

    @property
    def needs(self) -> tuple[str, ...]:
        """Components that must be deployed and verified first."""
        return self.description.needs
