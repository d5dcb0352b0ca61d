"""What sets two sets of items apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from installer.model.artifact import LockedItem
from installer.model.bundle import Difference, ItemChange

_Identity = tuple[str, ...]


def compare(before: Iterable[LockedItem], after: Iterable[LockedItem]) -> Difference:
    """Return the items added, removed and changed from one set to the next."""
    several: set[_Identity] = set()
    old_items, new_items = (_noting_several(items, several) for items in (before, after))
    old, new = _by_identity(old_items, several), _by_identity(new_items, several)
    added = [_change(None, new[key]) for key in sorted(new.keys() - old.keys())]
    removed = [_change(old[key], None) for key in sorted(old.keys() - new.keys())]
    common = sorted(old.keys() & new.keys())
    changed = [_change(old[key], new[key]) for key in common if old[key].digest != new[key].digest]
    old_blobs, new_blobs = _blobs(old.values()), _blobs(new.values())
    return Difference(
        added=tuple(added),
        removed=tuple(removed),
        changed=tuple(changed),
        bytes_added=sum(size for digest, size in new_blobs.items() if digest not in old_blobs),
        bytes_removed=sum(size for digest, size in old_blobs.items() if digest not in new_blobs),
    )


def _identity(item: LockedItem) -> _Identity:
    return (item.kind.value, item.name, item.scope)


def _noting_several(items: Iterable[LockedItem], several: set[_Identity]) -> list[LockedItem]:
    """Return items, having noted what there is in several versions at once: there is no one that became another."""
    found = list(items)
    several.update(identity for identity, count in Counter(map(_identity, found)).items() if count > 1)
    return found


def _by_identity(items: Iterable[LockedItem], several: set[_Identity]) -> dict[_Identity, LockedItem]:
    return {(*_identity(item), item.version if _identity(item) in several else ""): item for item in items}


def _blobs(items: Iterable[LockedItem]) -> dict[str, int]:
    return {blob.digest: blob.size for item in items for blob in item.blobs}


def _change(old: LockedItem | None, new: LockedItem | None) -> ItemChange:
    item = new or old
    assert item is not None
    return ItemChange(
        kind=item.kind.value,
        name=item.name,
        scope=item.scope,
        before=_version(old),
        after=_version(new),
        size_before=old.size if old else 0,
        size_after=new.size if new else 0,
    )


def _version(item: LockedItem | None) -> str:
    return f"{item.version} {item.digest.removeprefix('sha256:')[:12]}" if item else ""
