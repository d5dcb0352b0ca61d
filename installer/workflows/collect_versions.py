"""Delete the versions of models that nobody needs, once somebody agreed."""

from __future__ import annotations

from installer.errors import UsageError
from installer.model.registered import Collection
from installer.ports import Confirmation, ModelCatalog


def collect(catalog: ModelCatalog, model: str, days: float, confirm: Confirmation, *, dry: bool) -> Collection:
    """Return what was deleted, or would be; what came to be of no use since it was asked for stays.

    Args:
        model: its name; all when empty.
        days: how old a version must be.
        confirm: asks the operator.
        dry: whether only to say so.

    Raises:
        UsageError: the operator does not agree; nothing was deleted.
        ComponentFailed: nobody answers.
    """
    found = catalog.collect(model, days, (), dry=True)
    if dry or not found.deleted:
        return found
    names = ", ".join(map(str, found.deleted))
    if not confirm(f"Delete {names} from the registry of models?"):
        raise UsageError("Nothing was deleted.", hint="Look first with --dry-run.")
    return catalog.collect(model, days, tuple(map(str, found.deleted)), dry=False)
