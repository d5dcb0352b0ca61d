"""A component: one folder below `roles/`, described by its `component.yml`."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass

from installer.model.artifact import Artifacts

STRICT = ConfigDict(extra="forbid")
_JOB = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


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
class Metrics:
    """What a component tells of itself, for monitoring to read.

    Attributes:
        job: what it is called in monitoring.
        port: where it answers; may be a template over the inventory's variables.
        path: what to ask for.
        parameters: what to ask it with.
        hosts: the host pattern whose hosts answer; `pods` otherwise.
        pods: labels of the pods that answer.
        namespace: where these are, if not in the component's own namespace.
        on_host_network: the pods answer at their hosts' addresses.
        scheme: how it is spoken to.
        authority: who signed its certificate.
        server_name: the name in its certificate, where that is not its address.
        token: it wants to know who asks, and the cluster may tell it.
        answers: which of several copies answer: all, the one that leads, or those that are ready, of which there may be
            none.
        labels: what its series are called by beside the usual, each from a label of the pod that answers.
        keep: a pattern of the only series that are kept, over `name;bound`, whose bound is a bucket's; all when absent.
    """

    job: str
    port: int | str
    path: str = "/metrics"
    parameters: Mapping[str, str] = field(default_factory=dict)
    hosts: str | None = None
    pods: Mapping[str, str] | None = None
    namespace: str | None = None
    on_host_network: bool = False
    scheme: Literal["http", "https"] = "http"
    authority: Literal["cluster", "platform"] | None = None
    server_name: str | None = None
    token: bool = False
    answers: Literal["all", "leader", "ready"] = "all"
    labels: Mapping[str, str] = field(default_factory=dict)
    keep: str | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Metrics:
        if not _JOB.fullmatch(self.job):
            raise ValueError(f"`job` {self.job!r} becomes part of objects' names: small letters, digits and hyphens")
        if (self.hosts is None) == (self.pods is None):
            raise ValueError("say `hosts` or `pods`, and not both")
        if self.hosts is not None and (self.namespace is not None or self.on_host_network or self.labels):
            raise ValueError("`namespace`, `on_host_network` and `labels` are of `pods`")
        if (self.scheme == "https") != (self.authority is not None):
            raise ValueError("`authority` says who signed the certificate of `scheme: https`, and of nothing else")
        if self.token and self.scheme != "https":
            raise ValueError("a `token` is shown to nobody who is not known by a certificate")
        return self


@dataclass(frozen=True, config=STRICT)
class Description:
    """What a `component.yml` says.

    Attributes:
        summary: one line for tables and `--help`.
        layer: where the component stands.
        needs: components that must be deployed before it.
        runs_on: a host pattern of group names: `control_plane`, `admin[0]`, `control_plane:worker`.
        preflight_on: the host pattern its preflight looks at, where that is not `runs_on`.
        follows: components that are deployed before it where a site has them, and that it does without otherwise.
        verify_needs: components that must be deployed before this one can be verified.
        milestone: what its deployment reaches on its way, and what needs it may begin at.
        checks_only: its verification is nothing but `__<component>_checks`, so hosts can be asked for it together
            with others'.
        restored_when_named: a restoration of the whole site passes over it.
        optional: an inventory may leave it out.
        stores: what of others' goes with its data, if it keeps any.
        namespace: the Kubernetes namespace it fills, if any.
        endpoint: where others reach it.
        offers: what others have to reckon with, by name; values may be templates over the inventory's variables.
        reads_files: variables that name files of the machine the command runs on, which its deployment reads.
        artifacts: everything it brings onto hosts and into the cluster.
        leaves: what it leaves on nodes when the cluster ends.
        exemptions: what the site's policies pass over, each with the reason.
        metrics: what it tells of itself, for monitoring to read.
        carries_images: it holds every image of the bundle, so that it is deployed again when another's change.
        applies_exemptions: it is what passes over them, so that it is deployed again when another's change.
        reads_metrics: it is what reads `metrics`, so that it is deployed again when another's change.
    """

    summary: str
    layer: Layer
    runs_on: str
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    preflight_on: str | None = None
    verify_needs: tuple[str, ...] = ()
    milestone: str | None = None
    checks_only: bool = False
    restored_when_named: bool = False
    optional: bool = False
    stores: str | None = None
    namespace: str | None = None
    endpoint: Endpoint | None = None
    offers: Mapping[str, str] = field(default_factory=dict)
    reads_files: tuple[str, ...] = ()
    artifacts: Artifacts = field(default_factory=Artifacts)
    leaves: Leftovers = field(default_factory=Leftovers)
    exemptions: tuple[Exemption, ...] = ()
    metrics: tuple[Metrics, ...] = ()
    carries_images: bool = False
    applies_exemptions: bool = False
    reads_metrics: bool = False

    @model_validator(mode="after")
    def _pods_are_somewhere(self) -> Description:
        if self.namespace is None and any(entry.pods and entry.namespace is None for entry in self.metrics):
            raise ValueError("`metrics` of pods are in a `namespace`: say which")
        return self


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
