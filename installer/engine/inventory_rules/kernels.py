"""Kernels: for each that hosts run, the bundle carries the modules that components bring.

A driver is a module of one kernel, on one release. What is missing of that shows on site as a host without its
device, so it is found when the bundle is planned, not when a host starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from installer.engine.inventory_rules.subject import Subject, listed
from installer.errors import Problem
from installer.model.artifact import KERNEL
from installer.model.component import Component

_KERNELS = "platform_host_kernels"
_TARGETS = "platform_debian_targets"
# As `uname -r` says it: 6.12.107+deb13-amd64, 6.8.0-90-generic.
_RELEASE = re.compile(r"\d+\.\d+\.\d+[\w.+~-]*")


def wrong_kernels(subject: Subject) -> Iterator[Problem]:
    """Find kernels that are none, and those of releases the bundle is not made for."""
    targets = [str(release) for release in subject.entries(_TARGETS)]
    for release, kernels in kernels_of(subject).items():
        where = subject.inventory.where(_KERNELS, way=(release,))
        if release not in targets:
            message = f"{_KERNELS} names {release}, which {_TARGETS} does not."
            yield Problem(where, message, f"Add {release} to `{_TARGETS}`, or remove the line.")
        for kernel in kernels:
            if not _RELEASE.fullmatch(kernel):
                message = f"{_KERNELS} names {kernel!r} for {release}, which is no kernel."
                yield Problem(where, message, "Write what `uname -r` says on the hosts.")


def targets_without_kernels(subject: Subject) -> Iterator[Problem]:
    """Find releases for which a component brings modules, and nobody says of which kernels."""
    known = kernels_of(subject)
    for component in on_hosts(subject):
        for release in map(str, subject.entries(_TARGETS)):
            wanted = _of_kernels(component, release)
            if wanted and not known.get(release):
                message = f"{_KERNELS} names no kernel for {release}, and {component.name} needs {listed(wanted)}."
                cure = f"Write what `uname -r` says on its hosts: {_KERNELS}: {{{release}: [6.12.107+deb13-amd64]}}."
                yield Problem(subject.inventory.where(_TARGETS), message, cure)


def kernels_of(subject: Subject) -> Mapping[str, Sequence[str]]:
    """Return the kernels of each release as texts; none where the inventory says something else."""
    found = subject.value(_KERNELS)
    if not isinstance(found, Mapping):
        return {}
    return {str(release): [str(k) for k in kernels] for release, kernels in found.items() if isinstance(kernels, list)}


def on_hosts(subject: Subject) -> Iterator[Component]:
    """Yield the wanted components that run on a host of this inventory."""
    return (component for component in subject.wanted if subject.inventory.members(component.description.runs_on))


def _of_kernels(component: Component, release: str) -> list[str]:
    sets = component.description.artifacts.package_sets.values()
    return sorted({name for entries in sets for name in entries.get(release, ()) if KERNEL in name})


RULES = (wrong_kernels, targets_without_kernels)
