"""Keep the site's registry of models: register versions, move aliases, let old ones go."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.model_registry import (
    CatalogRefused,
    ModelRegistry,
    Registered,
)
from ansible_collections.platform.base.plugins.module_utils.model_stages import (
    PRODUCTION,
    Candidate,
    chosen_version,
    require_same_digest,
    require_stage,
    to_delete,
    unregistered,
)
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused
from ansible_collections.platform.base.plugins.module_utils.web_door import NoAnswer

# Tells the digest of an image in the site's registry, empty where it has none, and which registry that is.
Digests = Callable[[str], tuple[str, str]]


class Catalog:
    """The registry of models of one site, and the log of who moved what in it.

    Args:
        registry: the registry.
        candidates: what the site serves and carries.
        digests: asks the registry of images.
        log: the audit log.
        given: the module's options.
        login: who logged in to this host.
        now: tells the time, in seconds since 1970.
    """

    def __init__(
        self, registry: ModelRegistry, candidates: Sequence[Candidate], digests: Digests, log: AuditLog,
        given: Mapping[str, Any], login: str, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._registry = registry
        self._candidates = candidates
        self._digests = digests
        self._log = log
        self._given = given
        self._login = login
        self._now = now

    def look(self) -> dict[str, Any]:
        """Return which versions there are, and what differs from what the site has.

        Raises:
            CatalogRefused: the registry does not tell.
            NoAnswer: a registry does not answer.
        """
        there = self._registry.versions()
        missing, differs = unregistered(self._candidates, there)
        shown = [entry for entry in there if self._given["model"] in ("", entry.name)]
        told = []
        for entry in shown:
            found, where = self._digests(entry.image)
            differs += _difference(entry, found, where)
            told.append({**entry.told(), "found": found, "served": self._is_served(entry)})
        unknown = [f"{entry.name} {entry.version} is served, and not registered" for entry in missing if entry.served]
        return {"versions": told, "differs": [*differs, *unknown]}

    def register(self, dry: bool) -> dict[str, Any]:
        """Register what the site serves and carries, and return which versions were not there.

        Raises:
            AuditFailed: somebody else is at it for too long.
            CatalogRefused: the registry does not take them.
            NoAnswer: it does not answer.
        """
        # Two that register at once would both find that a version is missing.
        with self._log.to_oneself():
            return self._register(dry)

    def _register(self, dry: bool) -> dict[str, Any]:
        missing, differs = unregistered(self._candidates, self._registry.versions())
        for candidate in missing if not dry else ():
            tags = {**candidate.tags, "version": candidate.version, "digest": candidate.digest}
            self._registry.register(candidate.name, candidate.image, tags)
        return {"registered": [f"{entry.name} {entry.version}" for entry in missing], "differs": differs}

    def promote(self, dry: bool) -> dict[str, Any]:
        """Move an alias to a version, and return it as it was.

        Raises:
            Refused: it does not fit how things are.
            AuditFailed: it cannot be written down, so that it is not done.
            CatalogRefused: the registry does not take it.
            NoAnswer: a registry does not answer.
        """
        stage = self._given["stage"]
        with self._log.to_oneself():
            self._register(dry)
            entry = self._judged(stage)
            holders = [other for other in self._registry.versions() if _holds(other, entry.name, stage)]
            before = holders[0].version if holders else ""
            said = {"version": entry.told(), "before": before, "moved": stage not in entry.aliases}
            if dry or not said["moved"]:
                return said
            line = self._line("promote", entry.name, before, entry.version, f"{stage} has {entry.digest}.")
            self._done(line, lambda: self._move(stage, entry))
        return said

    def collect(self, dry: bool) -> dict[str, Any]:
        """Delete versions that nobody needs any more, and return which, and why others stay.

        Raises:
            AuditFailed: it cannot be written down, so that it is not done.
            CatalogRefused: the registry does not delete one.
            NoAnswer: it does not answer.
        """
        given, served = self._given, [(entry.name, entry.version) for entry in self._candidates if entry.served]
        with self._log.to_oneself():
            going, staying = to_delete(self._registry.versions(), served, given["days"], self._now())
            going = [entry for entry in going if given["model"] in ("", entry.name)]
            if not dry:
                going = [entry for entry in going if entry.called in given["only"]]
                for entry in going:
                    self._delete(entry)
        return {"deleted": [entry.told() for entry in going], "kept": staying}

    def _judged(self, stage: str) -> Registered:
        """Return the version that is promoted, where it may be.

        Raises:
            Refused: it may not.
        """
        given, there = self._given, self._registry.versions()
        try:
            entry = chosen_version(there, given["model"], given["version"])
        except Refused:
            # In a rehearsal nothing was registered; what would be is as good.
            entry = self._rehearsed(given["model"], given["version"])
        require_same_digest(entry, *self._digests(entry.image))
        verdict = self._log.judged() if stage == PRODUCTION else None
        broken = verdict.broken if verdict else None
        require_stage(entry, stage, given["reason"], f"line {broken.line}: {broken.why}" if broken else "")
        return entry

    def _rehearsed(self, name: str, version: str) -> Registered:
        for entry in self._candidates:
            if (entry.name, entry.version) == (name, version) and entry.digest:
                tags = {**entry.tags, "version": version, "digest": entry.digest}
                return Registered(name, "", f"oci://{entry.image}", self._now(), (), tags)
        return chosen_version(self._registry.versions(), name, version)

    def _delete(self, entry: Registered) -> None:
        note = f"Registered {as_moment(entry.created)} with {entry.digest or 'no digest'}."
        line = self._line("gc", entry.name, entry.version or entry.number, "", note)
        self._done(line, lambda: self._registry.delete(entry))

    def _move(self, stage: str, entry: Registered) -> None:
        if stage == PRODUCTION:
            # Whoever tidies up must know it also when it is in production no more.
            self._registry.tag(entry, "production_since", as_moment(self._now()))
        self._registry.point(stage, entry)

    def _done(self, line: Mapping[str, str], act: Callable[[], None]) -> None:
        """Do something once it is written down."""
        self._log.append(line)
        try:
            act()
        except (CatalogRefused, NoAnswer) as failure:
            failed = {"command": f"{line['command']} failed", "note": f"It may not be done: {failure}"}
            self._log.append({**line, **failed})
            raise

    def _line(self, command: str, model: str, before: str, after: str, note: str) -> dict[str, str]:
        return {
            "who": self._given["who"], "login": self._login, "command": command, "engine": "", "model": model,
            "from": before, "to": after, "reason": self._given["reason"], "note": note,
        }  # fmt: skip

    def _is_served(self, entry: Registered) -> bool:
        return any(c.served and (c.name, c.version) == (entry.name, entry.version) for c in self._candidates)


def _holds(entry: Registered, name: str, stage: str) -> bool:
    return entry.name == name and stage in entry.aliases


def _difference(entry: Registered, found: str, where: str) -> list[str]:
    if not entry.digest:
        return [f"{entry.name} number {entry.number} is registered without a digest"]
    which = f"{entry.name} {entry.version}"
    if not found:
        return [f"{which} is registered with {entry.digest}, and {where} has no such image"]
    return [f"{which} is registered with {entry.digest}, and {where} has {found}"] if found != entry.digest else []
