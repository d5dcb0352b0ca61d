"""What the policies find in what a cluster has: by Gatekeeper's last audit or, until there was one, by gator."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.cluster_api import Api, NotYet
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


def there_are(api: Api, constraints: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each constraint's name, and what the cluster has of it; a kind is asked for once.

    Raises:
        NotYet: one is not there.
    """
    known: dict[str, dict[str, dict[str, Any]]] = {}
    for constraint in constraints:
        kind, name = constraint["kind"], constraint["metadata"]["name"]
        if kind not in known:
            items = api.get(f"/apis/{_CONSTRAINTS}/{kind.lower()}")["items"]
            known[kind] = {item["metadata"]["name"]: {**item, "kind": kind} for item in items}
        if name not in known[kind]:
            raise NotYet(f"there is no constraint {name}; deploy the component again")
        yield name, known[kind][name]


def kept(api: Api, constraints: Sequence[Mapping[str, Any]], late: float, gator: str) -> None:
    """See that the platform and the cluster violate nothing, by each constraint as it is now.

    Where no audit can have been there since a constraint changed, gator judges everything instead.

    Args:
        late: seconds after which an audit is old, and a missing one a fault.
        gator: where that program is.

    Raises:
        NotYet: something is violated, or an audit is missing.
    """
    found, is_young = [], False
    for name, there in there_are(api, constraints):
        audited = from_moment(there.get("status", {}).get("auditTimestamp") or _NEVER)
        fields = there["metadata"]["managedFields"]
        applied = max(from_moment(entry["time"]) for entry in fields if entry["manager"] == _APPLIED_BY)
        if audited < applied and time.time() - applied <= late:
            is_young = True
        elif audited < applied or time.time() - audited > late:
            raise NotYet(f"{name} was not audited; look at the logs of deploy/gatekeeper-audit")
        found += [told(name, entry, entry["message"]) for entry in there.get("status", {}).get("violations", [])]
    if is_young:
        found = review(api, constraints, gator)
    if found := [line for line in found if line.partition(":")[0].endswith(_PLATFORM)]:
        cure = "Change them, or exempt them by name and with a reason: see roles/gatekeeper/README.md."
        raise NotYet("\n".join([f"The platform violates its own policies. {cure}", *found]))


def review(api: Api, constraints: Sequence[Mapping[str, Any]], gator: str) -> list[str]:
    """Return what gator finds in everything that constraints are about, a line each.

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
    violating = [(entry["violatingObject"], entry["constraint"]["metadata"]["name"], entry["msg"]) for entry in found]
    return [told(name, {**item["metadata"], "kind": item["kind"]}, message) for item, name, message in violating]


def told(constraint: str, item: Mapping[str, Any], message: str) -> str:
    """Return a violation for a reader."""
    return f"{constraint}: {item['kind']} {item.get('namespace', '')}/{item['name']}: {message}"


def documents(api: Api, constraints: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the policies that a cluster has, and every object that they are about or know of.

    Raises:
        NotYet: the cluster does not tell.
    """
    kinds, expansions = {_NAMESPACE}, list(listed(api, *_EXPANSIONS))
    for _, there in there_are(api, constraints):
        yield {**there, "apiVersion": _CONSTRAINTS}
        for match in there["spec"]["match"]["kinds"]:
            kinds |= {(group, kind) for group in match["apiGroups"] for kind in match["kinds"]}
    for expansion in expansions:
        for whole in expansion["spec"]["applyTo"]:
            kinds |= {(group, kind) for group in whole["groups"] for kind in whole["kinds"]}
    for known in listed(api, *_SYNCED):
        kinds |= {(entry["group"], entry["kind"]) for entry in known["spec"]["gvks"]}
    yield from listed(api, *_TEMPLATES)
    yield from expansions
    for group, kind in sorted(kinds):
        yield from listed(api, group, kind)


def listed(api: Api, group: str, kind: str) -> Iterator[dict[str, Any]]:
    """Yield every object of a kind, in the version that the cluster prefers.

    Raises:
        NotYet: the cluster does not know the kind.
    """
    version = api.get(f"/apis/{group}")["preferredVersion"]["groupVersion"] if group else "v1"
    root = f"/apis/{version}" if group else "/api/v1"
    plurals = [entry["name"] for entry in api.get(root)["resources"] if entry["kind"] == kind]
    if not plurals:
        raise NotYet(f"the cluster knows no {kind} of {version}")
    # What is below an object, such as its scale, has a longer name.
    for item in api.get(f"{root}/{min(plurals, key=len)}")["items"]:
        yield {**item, "apiVersion": version, "kind": kind}
