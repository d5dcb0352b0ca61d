"""What the policies find in what a cluster has: by Gatekeeper's last audit or, until there was one, by gator."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.platform.base.plugins.module_utils.cluster_api import Api, Kinds, NotYet
from ansible_collections.platform.base.plugins.module_utils.moments import from_moment

_CONSTRAINTS = "constraints.gatekeeper.sh/v1beta1"
_TEMPLATES = ("templates.gatekeeper.sh", "ConstraintTemplate")
_EXPANSIONS = ("expansion.gatekeeper.sh", "ExpansionTemplate")
_SYNCED = ("syncset.gatekeeper.sh", "SyncSet")
_NAMESPACE = ("", "Namespace")
_APPLIED_BY = "platform"
_PLATFORM = ("-platform", "-cluster")
_NEVER = "1970-01-01T00:00:00Z"
_SECONDS = 120
# Nothing found, and something.
_JUDGED = (0, 1)


class Violation(NamedTuple):
    """What violates a constraint, and why."""

    constraint: str
    kind: str
    namespace: str
    name: str
    message: str

    def __str__(self) -> str:
        """Return it for a reader."""
        return f"{self.constraint}: {self.kind} {self.namespace}/{self.name}: {self.message}"


def there_are(api: Api, constraints: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what the cluster has of each constraint; a kind is asked for once.

    Raises:
        NotYet: one is not there.
    """
    known: dict[str, dict[str, dict[str, Any]]] = {}
    for constraint in constraints:
        kind, name = constraint["kind"], constraint["metadata"]["name"]
        if kind not in known:
            items = api.get(f"/apis/{_CONSTRAINTS}/{kind.lower()}")["items"]
            known[kind] = {
                item["metadata"]["name"]: {**item, "apiVersion": _CONSTRAINTS, "kind": kind} for item in items
            }
        if name not in known[kind]:
            raise NotYet(f"there is no constraint {name}; deploy the component again")
        yield known[kind][name]


def kept(api: Api, constraints: Iterable[Mapping[str, Any]], late: float, gator: str) -> None:
    """See that the platform and the cluster violate nothing, by each constraint as it is now.

    Where no audit can have been there since a constraint changed, gator judges everything instead.

    Args:
        late: seconds after which an audit is old, and a missing one a fault.
        gator: where that program is.

    Raises:
        NotYet: something is violated, or an audit is missing.
    """
    there, is_young = list(there_are(api, constraints)), False
    for constraint in there:
        audited = from_moment(constraint.get("status", {}).get("auditTimestamp") or _NEVER)
        fields = constraint["metadata"]["managedFields"]
        applied = max(from_moment(entry["time"]) for entry in fields if entry["manager"] == _APPLIED_BY)
        if audited < applied and time.time() - applied <= late:
            is_young = True
        elif audited < applied or time.time() - audited > late:
            name = constraint["metadata"]["name"]
            raise NotYet(f"{name} was not audited; look at the logs of deploy/gatekeeper-audit")
    found = review(api, there, gator) if is_young else audited_violations(there)
    if theirs := [str(violation) for violation in found if violation.constraint.endswith(_PLATFORM)]:
        cure = "Change them, or exempt them by name and with a reason: see roles/gatekeeper/README.md."
        raise NotYet("\n".join([f"The platform violates its own policies. {cure}", *theirs]))


def audited_violations(constraints: Iterable[Mapping[str, Any]]) -> list[Violation]:
    """Return what the last audit found, as it is written into constraints."""
    return [
        Violation(
            constraint["metadata"]["name"], entry["kind"], entry.get("namespace", ""), entry["name"], entry["message"]
        )
        for constraint in constraints
        for entry in constraint.get("status", {}).get("violations", [])
    ]


def review(api: Api, constraints: Sequence[Mapping[str, Any]], gator: str) -> list[Violation]:
    """Return what gator finds in everything that constraints are about, as a cluster has both.

    Raises:
        NotYet: it could not judge.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cluster.yaml"
        path.write_text("\n---\n".join(map(json.dumps, documents(api, constraints))))
        command = [gator, "test", "--output=json", f"--filename={path}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
            found = json.loads(done.stdout) or []
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotYet(f"gator does not judge what is there: {error}") from error
        except ValueError:
            raise NotYet(f"gator does not judge what is there: {done.stderr.strip()[-300:]}") from None
    if done.returncode not in _JUDGED or done.stderr:
        raise NotYet(f"gator does not judge what is there: {done.stderr.strip()[-300:]}")
    return [violation(entry) for entry in found]


def violation(entry: Mapping[str, Any]) -> Violation:
    """Return a violation as gator writes it."""
    constraint, item = entry["constraint"]["metadata"]["name"], entry["violatingObject"]
    metadata = item["metadata"]
    return Violation(constraint, item["kind"], metadata.get("namespace", ""), metadata["name"], entry["msg"])


def documents(api: Api, constraints: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield constraints, the other policies that a cluster has, and every object that they are about or know of.

    Raises:
        NotYet: the cluster does not tell.
    """
    known = Kinds(api)
    expansions, synced = (list(listed(api, known, *kind)) for kind in (_EXPANSIONS, _SYNCED))
    matches = [match for constraint in constraints for match in constraint["spec"]["match"]["kinds"]]
    wholes = [whole for expansion in expansions for whole in expansion["spec"]["applyTo"]]
    kinds = {
        _NAMESPACE,
        *((group, kind) for match in matches for group in match["apiGroups"] for kind in match["kinds"]),
        *((group, kind) for whole in wholes for group in whole["groups"] for kind in whole["kinds"]),
        *((entry["group"], entry["kind"]) for one in synced for entry in one["spec"]["gvks"]),
    }
    yield from constraints
    yield from listed(api, known, *_TEMPLATES)
    yield from expansions
    for group, kind in sorted(kinds):
        yield from listed(api, known, group, kind)


def listed(api: Api, known: Kinds, group: str, kind: str) -> Iterator[dict[str, Any]]:
    """Yield every object of a kind, in the version that the cluster prefers.

    Raises:
        NotYet: the cluster does not know the kind.
    """
    version = api.get(f"/apis/{group}")["preferredVersion"]["groupVersion"] if group else "v1"
    place = known.find(version, kind)
    for item in api.get(f"{place.root}/{place.plural}")["items"]:
        yield {**item, "apiVersion": version, "kind": kind}
