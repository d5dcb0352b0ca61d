"""What a Harbor lacks of what a site wants, each with what mends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.harbor_api import Harbor
from ansible_collections.platform.base.plugins.module_utils.harbor_wishes import retention

Change = tuple[str, Callable[[], Any]]


def lacks(found: Any, wanted: Any) -> bool:
    """Return whether something lacks what is wanted of it, or says it differently; more may be there."""
    if isinstance(wanted, Mapping):
        there = found if isinstance(found, Mapping) else {}
        return any(lacks(there.get(name), entry) for name, entry in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(found, list) and len(found) == len(wanted)
        return not same or any(lacks(left, right) for left, right in zip(found, wanted, strict=True))
    # What is empty is often not told.
    return bool((found or wanted) and found != wanted)


def of_configuration(
    harbor: Harbor, wanted: Mapping[str, Any], secrets: Mapping[str, str], told: Mapping[str, str]
) -> Iterator[Change]:
    """Yield the settings that are different.

    Args:
        secrets: settings that Harbor never tells again.
        told: those it was told before.
    """
    found = {name: entry.get("value") for name, entry in (harbor.get("/configurations") or {}).items()}
    changed = {name: value for name, value in wanted.items() if lacks(found.get(name), value)}
    changed |= {name: value for name, value in secrets.items() if told.get(name) != value}
    if changed:
        # A new way to log in is taken whole or not at all.
        whole = {**wanted, **secrets} if "auth_mode" in changed else changed
        yield f"settings {', '.join(sorted(changed))}", partial(harbor.put, "/configurations", whole)


def of_projects(harbor: Harbor, wanted: Mapping[str, Mapping[str, Any]], cron: str) -> Iterator[Change]:
    """Yield what projects lack; those that nobody names are left alone."""
    there = {entry["name"]: entry for entry in harbor.items("/projects")}
    quotas = {entry["ref"]["id"]: entry for entry in harbor.items("/quotas", reference="project")}
    for name, project in sorted(wanted.items()):
        if name not in there:
            body = {"project_name": name, "metadata": project["metadata"], "storage_limit": project["quota"]}
            yield f"project {name}", partial(harbor.post, "/projects", body)
        elif lacks(there[name].get("metadata"), project["metadata"]):
            path = f"/projects/{there[name]['project_id']}"
            yield f"project {name}", partial(harbor.put, path, {"metadata": project["metadata"]})
        found = harbor.project(name)
        if not found:
            # In check mode it is not there yet, and has nothing.
            continue
        quota = quotas.get(found["project_id"])
        if quota and lacks(quota.get("hard"), {"storage": project["quota"]}):
            body = {"hard": {"storage": project["quota"]}}
            yield f"quota of {name}", partial(harbor.put, f"/quotas/{quota['id']}", body)
        yield from _of_immutable(harbor, found, project["immutable"])
        yield from _of_retention(harbor, found, project["retention"], cron)


def _of_immutable(harbor: Harbor, project: Mapping[str, Any], wanted: list[dict[str, Any]]) -> Iterator[Change]:
    name, path = project["name"], f"/projects/{project['project_id']}/immutabletagrules"
    there = list(harbor.items(path))
    if not lacks(there, wanted):
        return
    for rule in there:
        yield f"rule {rule['id']} of {name} that goes", partial(harbor.delete, f"{path}/{rule['id']}")
    for rule in wanted:
        yield f"immutable tags of {name}", partial(harbor.post, path, rule)


def _of_retention(
    harbor: Harbor, project: Mapping[str, Any], rules: list[dict[str, Any]], cron: str
) -> Iterator[Change]:
    number = project.get("metadata", {}).get("retention_id")
    wanted = retention(rules, project["project_id"], cron)
    if not number:
        if rules:
            yield f"retention of {project['name']}", partial(harbor.post, "/retentions", wanted)
    elif lacks(harbor.get(f"/retentions/{number}"), wanted):
        body = {**wanted, "id": int(number)}
        yield f"retention of {project['name']}", partial(harbor.put, f"/retentions/{number}", body)


def of_schedules(harbor: Harbor, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[Change]:
    """Yield what is not done by the clock as it should be."""
    for path, schedule in wanted.items():
        found = harbor.get(path) or {}
        at = found.get("schedule") or {}
        parameters = json.loads(found.get("job_parameters") or "{}")
        if not at.get("cron"):
            yield f"schedule {path}", partial(harbor.post, path, schedule)
        elif lacks(at, schedule["schedule"]) or lacks(parameters, schedule.get("parameters", {})):
            yield f"schedule {path}", partial(harbor.put, path, schedule)


def of_second_site(harbor: Harbor, wanted: Mapping[str, Any], told: Mapping[str, str]) -> Iterator[Change]:
    """Yield what replication lacks."""
    if not wanted:
        return
    registry = wanted["registry"]
    there = next(harbor.items("/registries", q=f"name={registry['name']}"), None)
    secret = registry["credential"]["access_secret"]
    known = {name: registry[name] for name in ("url", "insecure")}
    known["credential"] = {"access_key": registry["credential"]["access_key"]}
    if there is None:
        yield "the second site", partial(harbor.post, "/registries", registry)
    elif lacks(there, known) or told.get("second_site") != secret:
        body = {
            "url": registry["url"], "insecure": registry["insecure"], "credential_type": "basic",
            "access_key": registry["credential"]["access_key"], "access_secret": secret,
        }  # fmt: skip
        yield "the second site", partial(harbor.put, f"/registries/{there['id']}", body)
    there = next(harbor.items("/registries", q=f"name={registry['name']}"), None)
    if there is None:
        return
    policies = {entry["name"]: entry for entry in harbor.items("/replication/policies")}
    for policy in wanted["policies"]:
        body = {**policy, "dest_registry": {"id": there["id"]}}
        found = policies.get(policy["name"])
        if found is None:
            yield f"replication {policy['name']}", partial(harbor.post, "/replication/policies", body)
        elif lacks(found, body):
            path = f"/replication/policies/{found['id']}"
            yield f"replication {policy['name']}", partial(harbor.put, path, {**body, "id": found["id"]})
