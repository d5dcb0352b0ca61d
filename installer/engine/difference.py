"""What sets two sets of items apart."""

from __future__ import annotations

from collections.abc import Iterable

from installer.model.artifact import LockedItem
from installer.model.bundle import Difference, ItemChange

_Identity = tuple[str, str, str]


def compare(before: Iterable[LockedItem], after: Iterable[LockedItem]) -> Difference:
    """Return the items added, removed and changed from one set to the next."""
    old, new = _by_identity(before), _by_identity(after)
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


def _by_identity(items: Iterable[LockedItem]) -> dict[_Identity, LockedItem]:
    return {(item.kind.value, item.name, item.scope): item for item in items}


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
