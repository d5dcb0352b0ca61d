"""Which components and hosts a command line means."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from installer.errors import UsageError
from installer.model.inventory import ALL, Inventory

_NEAR = 3


def require_known(kind: str, given: Iterable[str], known: Collection[str]) -> None:
    """Check that names exist.

    Args:
        kind: what they are names of.

    Raises:
        UsageError: some do not; it offers the nearest ones.
    """
    unknown = list(dict.fromkeys(name for name in given if name not in known))
    if not unknown:
        return
    near = list(dict.fromkeys(match for name in unknown for match in get_close_matches(name, sorted(known), _NEAR)))
    offer = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(
        f"There is no {kind} {', '.join(unknown)} in this inventory.",
        hint=f"{offer}There are {', '.join(sorted(known)) or 'none'}.",
    )


def hosts_within(inventory: Inventory, limit: str) -> tuple[str, ...]:
    """Return the hosts that `--limit` means: names, groups and patterns, as Ansible takes them; all when empty.

    Raises:
        UsageError: a name is neither a host nor a group, or nothing is left.
    """
    if not limit:
        return tuple(inventory.hosts)
    groups = {group for host in inventory.hosts.values() for group in host.groups} | {ALL} | set(inventory.groups)
    parts = [part for part in re.split("[,:]", limit) if part]
    plain = [_bare(part) for part in parts]
    require_known("host or group", (name for name in plain if not set(name) & set("*?")), {*inventory.hosts, *groups})
    chosen = {name for part in parts if part[0] not in "!&" for name in _matching(inventory, part)}
    if all(part[0] in "!&" for part in parts):
        chosen = set(inventory.hosts)
    for part in parts:
        if part[0] == "&":
            chosen &= set(_matching(inventory, part[1:]))
        elif part[0] == "!":
            chosen -= set(_matching(inventory, part[1:]))
    if not chosen:
        raise UsageError(f"--limit {limit} leaves no host.", hint=f"The hosts are {', '.join(inventory.hosts)}.")
    return tuple(name for name in inventory.hosts if name in chosen)


def members_within(inventory: Inventory, pattern: str, within: Sequence[str]) -> tuple[str, ...]:
    """Return the hosts of a component's `runs_on` that a command may touch."""
    return tuple(name for name in inventory.members(pattern) if name in within)


def _bare(part: str) -> str:
    return re.sub(r"\[[^]]*\]$", "", part.lstrip("!&"))


def _matching(inventory: Inventory, part: str) -> tuple[str, ...]:
    name = _bare(part)
    if name in inventory.hosts:
        return (name,)
    if set(name) & set("*?"):
        return tuple(
            host.name
            for host in inventory.hosts.values()
            if any(fnmatchcase(entry, name) for entry in (host.name, *host.groups))
        )
    return inventory.members(part)


def require_offered(
    done: str, names: Collection[str], offering: Collection[str], journal: Collection[str], whole: Collection[str] = ()
) -> None:
    """See that components have a verb of their own, and are there.

    Args:
        done: what the verb does, as a participle: `rotated`.
        names: components that were asked for.
        offering: components that have the verb.
        journal: components that are deployed.
        whole: words that stand for all of them.

    Raises:
        UsageError: one has not, or is not.
    """
    if none := sorted(set(names) - set(offering)):
        raise UsageError(
            f"There is nothing to be {done} in {', '.join(none)}.",
            hint=f"What can be {done}: {', '.join([*whole, *sorted(offering)])}.",
        )
    if missing := sorted(set(names) - set(journal)):
        raise UsageError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not deployed.",
            hint="`platform-install status` says what is.",
        )
