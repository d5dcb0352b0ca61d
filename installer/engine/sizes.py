"""How large a bundle will be, from its lock alone, and what its hosts need for it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from installer.engine.models import locked_models
from installer.errors import UsageError
from installer.model.artifact import Kind, Lock, LockedItem
from installer.model.component import Component
from installer.model.volumes import ComponentSize, HostDisk

INSTALLER = "installer"
HOST_KINDS = ("admin", "control_plane", "worker")

_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
_SIZE = re.compile(r"(?P<number>\d+(\.\d+)?) ?((?P<power>[KMGT])(?P<unit>i?B)?|B)?", re.IGNORECASE | re.ASCII)
# The groups whose hosts are workers too, beside those that a pattern names itself.
_WORKERS = frozenset({"worker", "gpu", "storage"})
# What layers and packages take when unpacked, for each byte carried; compressed ones stay beside it.
_UNPACKED = 3.8


def parse_size(text: str) -> int:
    """Return the bytes of a size as media are sold: `4.7G` and `4.7GB` are decimal, `4GiB` is binary.

    Raises:
        UsageError: it is no size, or nothing.
    """
    match = _SIZE.fullmatch(text.strip())
    amount = 0
    if match is not None:
        base = 1024 if (match["unit"] or "").lower() == "ib" else 1000
        amount = int(float(match["number"]) * base ** _POWERS.get((match["power"] or "").upper(), 0))
    if amount <= 0:
        raise UsageError(f"{text!r} is no size.", hint="Write one as on the medium: 700M, 4.7G, 32GB or 1TiB.")
    return amount


def format_size(amount: int) -> str:
    """Return bytes in the notation that `parse_size` reads, never less than they are."""
    for letter, power in (("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if amount >= 1000**power:
            tenths = math.ceil(amount / 1000**power * 10 - 1e-9)
            return f"{tenths / 10:g}{letter}"
    return f"{amount}B"


def component_sizes(items: Iterable[LockedItem], order: Sequence[str]) -> tuple[ComponentSize, ...]:
    """Return what each component adds; a blob counts for the first that needs it.

    Args:
        items: everything the lock holds.
        order: components as they are deployed; others that items name follow by name.
    """
    needed: dict[str, list[LockedItem]] = {}
    for item in items:
        for name in item.needed_by:
            needed.setdefault(name, []).append(item)
    names = [name for name in order if name in needed]
    names += sorted(needed.keys() - set(names))
    seen: set[str] = set()
    found = []
    for name in names:
        blobs = _blobs(needed[name])
        new = sum(size for digest, size in blobs.items() if digest not in seen)
        found.append(ComponentSize(name, len(needed[name]), new, sum(blobs.values()) - new))
        seen |= blobs.keys()
    return tuple(found)


def host_disks(lock: Lock, components: Iterable[Component], front: int) -> tuple[HostDisk, ...]:
    """Return what each kind of host needs on its disk.

    Hosts of one kind may run different components; what any of them runs is counted. Of several
    operating systems the largest counts.

    Args:
        lock: what the bundle is built from.
        components: those the site wants.
        front: bytes of the bundle's files that are no blobs.
    """
    chosen = list(components)
    bundle = sum(_blobs(lock.items).values()) + front
    return tuple(_host_disk(kind, lock, chosen, bundle if kind == "admin" else 0) for kind in HOST_KINDS)


def _host_disk(kind: str, lock: Lock, components: list[Component], bundle: int) -> HostDisk:
    local = {component.name for component in components if runs_on_kind(component.description.runs_on, kind)}
    here = [item for item in lock.items if local.intersection(item.needed_by)]
    kept = {
        (image.name, image.version)
        for component in components
        for image in component.description.artifacts.images
        if kind != "admin" and image.hosts in ("nodes", kind, "gpu" if kind == "worker" else kind)
    }
    images = [item for item in lock.items if item.kind is Kind.IMAGE and (item.name, item.version) in kept]
    # A worker may come to serve any of them. They are not compressed, and what is unpacked is not kept as well.
    models = locked_models(lock.items) if kind == "worker" else ()
    return HostDisk(
        kind=kind,
        bundle=bundle,
        images=_with_unpacked(sum(_blobs(images).values())) + sum(_blobs(models).values()),
        packages=_with_unpacked(_largest_scope(here, Kind.PACKAGE)),
        files=sum(_blobs(item for item in here if item.kind is Kind.FILE).values())
        + _with_unpacked(_largest_scope(here, Kind.WHEEL)),
    )


def runs_on_kind(pattern: str, kind: str) -> bool:
    """Return whether a component's host pattern can reach a kind of host."""
    groups = {re.sub(r"\[.*", "", part) for part in re.split("[:,]", pattern)}
    return bool(groups & ({"all", *_WORKERS} if kind == "worker" else {"all", kind}))


def _largest_scope(items: Iterable[LockedItem], kind: Kind) -> int:
    scopes: dict[str, dict[str, int]] = {}
    for item in items:
        if item.kind is kind:
            scopes.setdefault(item.scope, {}).update((blob.digest, blob.size) for blob in item.blobs)
    return max((sum(blobs.values()) for blobs in scopes.values()), default=0)


def _with_unpacked(size: int) -> int:
    return int(size * (1 + _UNPACKED))


def _blobs(items: Iterable[LockedItem]) -> Mapping[str, int]:
    return {blob.digest: blob.size for item in items for blob in item.blobs}
