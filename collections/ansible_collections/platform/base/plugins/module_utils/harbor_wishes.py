"""What a site wants of its Harbor, as Harbor's API takes it. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Tags of versions: a number with a dot in it, or with a v before.
VERSIONS = "{v[0-9]*.*,[0-9]*.*}"
_EVERYTHING = "**"
_GIB = 1 << 30
_NO_LIMIT = -1
_TEAM = {"public": False, "scan": True, "block": "critical", "signed": False, "immutable": True}
_KEEP_PUSHED = 30
_LDAP_SUBTREE = 2
# Harbor's kinds of trigger.
_BY_TIME, _AT_EACH_PUSH = "scheduled", "event_based"
MAY = {
    "pull": [("repository", "pull"), ("repository", "list"), ("artifact", "read"), ("tag", "list")],
    "push": [("repository", "push"), ("artifact", "create"), ("tag", "create")],
    "delete": [("repository", "delete"), ("artifact", "delete"), ("tag", "delete")],
}


def _said(value: bool) -> str:
    return "true" if value else "false"


def project(given: Mapping[str, Any], upstream: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return everything that is wanted of a project: C(metadata), C(quota), C(immutable) and C(retention) rules.

    Args:
        given: what the site says of it.
        upstream: what holds for those that the bundle fills, if it is one.
    """
    known = {**_TEAM, **(upstream or {}), **given}
    metadata = {
        "public": _said(known["public"]),
        "auto_scan": _said(known["scan"]),
        "prevent_vul": _said(bool(known["block"])),
        "severity": known["block"] or "none",
        "enable_content_trust_cosign": _said(known["signed"]),
    }
    quota = known["quota_gib"] * _GIB if known.get("quota_gib") else _NO_LIMIT
    # What the bundle brings is kept as long as bundles name it: nothing of it is cleaned away by age.
    rules = [] if upstream is not None and not {"keep_pushed", "keep_days"} & set(known) else [_retained(known)]
    return {
        "metadata": metadata, "quota": quota, "immutable": [_immutable()] if known["immutable"] else [],
        "retention": rules,
    }  # fmt: skip


def _scope() -> dict[str, Any]:
    return {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": _EVERYTHING}]}


def _immutable() -> dict[str, Any]:
    return {
        "disabled": False, "action": "immutable", "template": "immutable_template", "scope_selectors": _scope(),
        "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": VERSIONS}],
    }  # fmt: skip


def _retained(known: Mapping[str, Any]) -> dict[str, Any]:
    template, count = (
        ("nDaysSinceLastPull", known["keep_days"])
        if known.get("keep_days")
        else ("latestPushedK", known.get("keep_pushed", _KEEP_PUSHED))
    )
    return {
        "disabled": False, "action": "retain", "template": template, "params": {template: count},
        "scope_selectors": _scope(),
        "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": _EVERYTHING}],
    }  # fmt: skip


def retention(rules: list[dict[str, Any]], project_id: int, cron: str) -> dict[str, Any]:
    """Return the policy that keeps what rules say, and drops the rest, of a project."""
    return {
        "algorithm": "or", "rules": rules, "scope": {"level": "project", "ref": project_id},
        "trigger": {"kind": "Schedule", "settings": {"cron": cron}, "references": {}},
    }  # fmt: skip


def configuration(login: Mapping[str, Any], audit_server: str) -> dict[str, Any]:
    """Return the settings of the whole Harbor."""
    common = {
        "self_registration": False, "project_creation_restriction": "adminonly", "robot_name_prefix": "robot$",
        "audit_log_forward_endpoint": audit_server,
        # Beside the server, not instead of it.
        "skip_audit_log_database": False,
    }  # fmt: skip
    if not login:
        return {**common, "auth_mode": "db_auth"}
    return {**common, **(_oidc(login) if login["kind"] == "oidc" else _ldap(login))}


def _oidc(login: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "auth_mode": "oidc_auth",
        "oidc_name": login.get("name", "OpenID"),
        "oidc_endpoint": login["endpoint"],
        "oidc_client_id": login["client_id"],
        "oidc_scope": login.get("scope", "openid,profile,email,groups,offline_access"),
        "oidc_user_claim": login.get("user_claim", "preferred_username"),
        "oidc_groups_claim": login.get("groups_claim", "groups"),
        "oidc_admin_group": login.get("admin_group", ""),
        "oidc_verify_cert": True,
        "oidc_auto_onboard": True,
    }


def _ldap(login: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "auth_mode": "ldap_auth",
        "ldap_url": login["url"],
        "ldap_base_dn": login["base_dn"],
        "ldap_search_dn": login.get("search_dn", ""),
        "ldap_uid": login.get("uid", "uid"),
        "ldap_filter": login.get("filter", ""),
        "ldap_scope": _LDAP_SUBTREE,
        "ldap_group_base_dn": login.get("group_base_dn", ""),
        "ldap_group_search_filter": login.get("group_filter", ""),
        "ldap_group_admin_dn": login.get("admin_group", ""),
        "ldap_verify_cert": True,
    }


def login_secret(login: Mapping[str, Any], password: str) -> dict[str, str]:
    """Return the setting that Harbor takes a login's password by, which it never tells again."""
    if not password:
        return {}
    return {"oidc_client_secret" if login["kind"] == "oidc" else "ldap_search_password": password}


def schedules(garbage: str, scan: str, audit_days: int) -> dict[str, dict[str, Any]]:
    """Return what is done by the clock, by its path."""

    def at(cron: str, **parameters: Any) -> dict[str, Any]:
        return {
            "schedule": {"type": "Custom", "cron": cron}, **({"parameters": parameters} if parameters else {})
        }  # fmt: skip

    events = ",".join(f"{verb}_artifact" for verb in ("create", "delete", "pull"))
    return {
        "/system/gc/schedule": at(garbage, delete_untagged=True, dry_run=False, workers=1),
        "/system/scanAll/schedule": at(scan),
        "/system/purgeaudit/schedule": at(
            "0 30 1 * * *", audit_retention_hour=audit_days * 24, include_event_types=events, dry_run=False
        ),
    }


def second_site(given: Mapping[str, Any], password: str) -> dict[str, Any]:
    """Return the registry that gets what is pushed here, and the policies that say what, if there is one."""
    if not given:
        return {}
    schedule = given.get("schedule")
    trigger = (
        {"type": _BY_TIME, "trigger_settings": {"cron": schedule}} if schedule
        else {"type": _AT_EACH_PUSH, "trigger_settings": {"cron": ""}}
    )  # fmt: skip
    registry = {
        "name": "second-site", "type": "harbor", "url": given["url"], "insecure": False,
        "credential": {"type": "basic", "access_key": given["user"], "access_secret": password},
    }  # fmt: skip
    policies = [
        {
            "name": f"second-site-{number}", "filters": [{"type": "name", "value": pattern}], "trigger": trigger,
            "enabled": True, "override": True, "replicate_deletion": False, "dest_namespace": "",
        }
        for number, pattern in enumerate(given["projects"], 1)
    ]  # fmt: skip
    return {"registry": registry, "policies": policies}


def robot(name: str, given: Mapping[str, Any], days: int) -> dict[str, Any]:
    """Return an account of a program."""
    access = [
        {"resource": resource, "action": action}
        for what in given.get("may", ["pull"])
        for resource, action in MAY[what]
    ]
    return {
        "name": name, "level": "system", "disable": False, "duration": given.get("days", days),
        "description": "Made by the platform.",
        "permissions": [
            {"kind": "project", "namespace": project_name, "access": access} for project_name in given["projects"]
        ],
    }  # fmt: skip
