"""What may be done to versions of models in the registry: which stage may be reached, and which may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.platform.base.plugins.module_utils.model_registry import Registered
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused

DEV, STAGING, PRODUCTION = "dev", "staging", "production"
STAGES = (DEV, STAGING, PRODUCTION)
# As many digests that were in production stay: the one that is, and the one to go back to.
_KEPT_DIGESTS = 2
_DAY = 86400.0


@dataclass(frozen=True)
class Candidate:
    """A version that the site serves or carries, to be registered.

    Attributes:
        version: semantic.
        image: the image that carries it, by its digest.
        served: whether a model runs of it.
        tags: what else is known of it.
    """

    name: str
    version: str
    image: str
    served: bool
    tags: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Return the image's digest; empty where it is named without."""
        return self.image.partition("@")[2]


def unregistered(candidates: Iterable[Candidate], there: Sequence[Registered]) -> tuple[list[Candidate], list[str]]:
    """Return which candidates are to be registered, and in words which differ from what is.

    A version means one digest for ever: another one is never written over it.
    """
    known = {(entry.name, entry.version): entry for entry in there}
    wanted: dict[tuple[str, str], Candidate] = {}
    wrong = []
    for candidate in candidates:
        key = (candidate.name, candidate.version)
        have = known[key].digest if key in known else wanted[key].digest if key in wanted else ""
        if not candidate.digest or not candidate.version:
            continue
        if not have:
            wanted[key] = candidate
        elif have != candidate.digest:
            how = "served" if candidate.served else "carried by the bundle"
            wrong.append(
                f"{candidate.name} {candidate.version} is registered with {have}, and {how} with {candidate.digest}"
            )
    return list(wanted.values()), wrong


def chosen_version(there: Sequence[Registered], name: str, version: str) -> Registered:
    """Return one version.

    Raises:
        Refused: it is not registered.
    """
    mine = [entry for entry in there if entry.name == name]
    found = [entry for entry in mine if entry.version == version]
    if not mine:
        models = ", ".join(sorted({entry.name for entry in there})) or "none"
        raise Refused(f"No model {name} is registered.", f"There are {models}.")
    if not found:
        raise Refused(
            f"{name} {version} is not registered.",
            f"There are {', '.join(entry.version or f'number {entry.number}' for entry in mine)}. What the site serves"
            " or its bundle carries is registered by itself.",
        )
    # Whoever registered it twice meant the last.
    return found[-1]


def require_stage(entry: Registered, stage: str, reason: str, broken_log: str) -> None:
    """See that a version may reach a stage.

    Args:
        reason: why; whoever brings one into production says it.
        broken_log: why the audit log is not what was written; empty when it is.

    Raises:
        Refused: it may not.
    """
    if stage != PRODUCTION:
        return
    which = f"{entry.name} {entry.version}"
    if STAGING not in entry.aliases and PRODUCTION not in entry.aliases:
        raise Refused(
            f"{which} does not hold `{STAGING}`, which comes before `{PRODUCTION}`.",
            f"Try it there first: `platform-install model promote {entry.name} {entry.version} --to {STAGING}`.",
        )
    if not reason.strip():
        raise Refused(
            f"Nobody says why {which} goes into production.", 'Add --reason "TEXT", which the audit log keeps.'
        )
    if broken_log:
        raise Refused(
            f"The audit log is not what was written: {broken_log}.",
            "Clear that up first: `platform-install model audit --verify`.",
        )


def require_same_digest(entry: Registered, found: str, where: str) -> None:
    """See that the site's registry of images has what the registry of models names.

    Args:
        found: the digest there; empty when it has no such image.
        where: which registry that is.

    Raises:
        Refused: it has another one, or none.
    """
    which = f"{entry.name} {entry.version}"
    if not entry.digest:
        raise Refused(f"{which} is registered without a digest.", "Only what the platform registers can be promoted.")
    if not found:
        raise Refused(
            f"{where} has no image {entry.image}, of which {which} is.",
            "Carry a bundle in that has it, or push it there.",
        )
    if found != entry.digest:
        raise Refused(
            f"{which} is registered with {entry.digest}, and {where} has {found}.",
            "Give what differs a new version. Nothing was changed.",
        )


def to_delete(
    there: Sequence[Registered], served: Iterable[tuple[str, str]], days: float, now: float
) -> tuple[list[Registered], dict[str, str]]:
    """Return which versions may go, and why each of the others stays.

    Args:
        served: name and version of what runs.
        days: how old one must be, by its registration.
        now: in seconds since 1970.
    """
    running, last = set(served), _last_of_production(there)
    going, staying = [], {}
    for entry in there:
        if entry.aliases:
            why = f"it holds {', '.join(entry.aliases)}"
        elif (entry.name, entry.version) in running:
            why = "it is served"
        elif entry.digest and entry.digest in last.get(entry.name, ()):
            why = f"its digest is one of the last {_KEPT_DIGESTS} of production"
        elif now - entry.created < days * _DAY:
            why = f"it was registered less than {days:g} days ago"
        else:
            going.append(entry)
            continue
        staying[entry.called] = why
    return going, staying


def _last_of_production(there: Sequence[Registered]) -> dict[str, list[str]]:
    """Return by model the digests that were in production last."""
    last: dict[str, list[str]] = {}
    were = [entry for entry in there if entry.tags.get("production_since") or PRODUCTION in entry.aliases]
    were.sort(key=lambda entry: (PRODUCTION in entry.aliases, entry.tags.get("production_since", "")), reverse=True)
    for entry in were:
        digests = last.setdefault(entry.name, [])
        if entry.digest not in digests and len(digests) < _KEPT_DIGESTS:
            digests.append(entry.digest)
    return last
