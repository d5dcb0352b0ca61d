"""A component's own database in a set of a backup: copied into it, and put back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles, this_moment
from ansible_collections.platform.base.plugins.module_utils.postgres import USER, DatabaseProblem, dump, put

CONTENT, ABOUT = "database.sealed", "about.sealed"


@dataclass(frozen=True)
class Database:
    """A component's database.

    Attributes:
        name: as PostgreSQL has it.
        variable: what names the site's own in an inventory.
        site: the host of the site's own; empty where it is the component's.
        run: what runs a program beside it.
        user: who has all of it.
    """

    name: str
    variable: str
    site: str
    run: Sequence[str]
    user: str = USER


def take(files: ComponentFiles, database: Database) -> dict[str, Any]:
    """Copy a database into a set, and return what the set shall know of it.

    Raises:
        DatabaseProblem: the copy is not whole.
    """
    moment = this_moment()
    holds: dict[str, Any] = {"database": f"the site's own, on {database.site}: the site backs it up"}
    if not database.site:
        with files.sealing(CONTENT) as sealer:
            holds = {"database_bytes": dump(database.run, database.name, sealer.write)}
    with files.sealing(ABOUT) as sealer:
        sealer.write(json.dumps({"as_of": moment, "holds": holds}).encode())
    return {"changed": True, "as_of": moment, "holds": holds}


def give_back(
    files: ComponentFiles, database: Database, at_rest: Callable[[], AbstractContextManager[None]]
) -> dict[str, Any]:
    """Put a set's database in the place of the one that is there.

    Args:
        at_rest: keeps what uses it stopped.

    Raises:
        DatabaseProblem: it does not take it, or the set has none; then it is as it was.
        KubectlFailed: what uses it does not end.
    """
    with files.unsealing(ABOUT) as stream:
        about = dict(json.loads(stream.read()))
    if database.site:
        return {**about, "changed": False}
    if "database_bytes" not in about["holds"]:
        raise DatabaseProblem(
            f"The set has no database: it was {about['holds']['database']}. Bring that one back by the site's means, "
            f"and name it in `{database.variable}`."
        )
    with at_rest(), files.unsealing(CONTENT) as stream:
        put(database.run, database.name, stream, database.user)
    return {**about, "changed": True}
