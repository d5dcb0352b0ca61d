"""Say who is told of alerts, as Alertmanager reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: alertmanager_settings
short_description: Alertmanager's settings; everything is kept in the cluster, and receivers are told by severity
options:
  _input: {description: The site's receivers., type: list, elements: dict, required: true}
  told: {description: "By severity, which of them are told.", type: dict, required: true}
  keeper: {description: "C(url) and C(authority) of what keeps alerts in the cluster.", type: dict, required: true}
  files: {description: "Where C(secrets) and the C(authority) of receivers are.", type: dict, required: true}
"""

# What gets worse, from left to right: who hears of one hears of those behind it.
SEVERITIES = ("warning", "critical", "page")
_WAIT = {"warning": "2m", "critical": "30s", "page": "10s"}
_AGAIN = {"warning": "24h", "critical": "4h", "page": "1h"}
_KEEPER = "keeper"
# Of the same thing: labels that both lack are alike.
_SAME = (
    "component",
    "node",
    "instance",
    "namespace",
    "name",
    "mountpoint",
    "device",
    "model",
    "UUID",
    "slo",
    "unanswered",
)


def alertmanager_settings(
    receivers: Sequence[Mapping[str, Any]],
    told: Mapping[str, Sequence[str]],
    keeper: Mapping[str, str],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Return Alertmanager's settings.

    Raises:
        ValueError: a severity or a receiver is not known, or a receiver is told in no way, or in two.
    """
    names = [entry["name"] for entry in receivers]
    _judge(receivers, names, told)
    everything = [{"receiver": _KEEPER, "continue": True, "group_wait": "5s", "group_interval": "1m"}]
    # The trial of verification: nobody waits for more of its kind, and nobody outside hears of it.
    trial = {
        "receiver": _KEEPER, "matchers": ['severity="trial"'], "group_by": ["alertname"],
        "group_wait": "0s", "group_interval": "1s",
    }  # fmt: skip
    outside = [
        {
            "receiver": name, "matchers": [f'severity=~"{"|".join(SEVERITIES[SEVERITIES.index(severity) :])}"'],
            "continue": True, "group_wait": _WAIT[severity], "repeat_interval": _AGAIN[severity],
        }
        for severity in SEVERITIES
        for name in told.get(severity, ())
    ]  # fmt: skip
    return {
        "route": {
            "receiver": _KEEPER, "group_by": ["alertname", "component", "node"], "group_wait": "30s",
            "group_interval": "5m", "repeat_interval": "12h", "routes": [trial, *everything, *outside],
        },
        "inhibit_rules": _inhibitions(),
        "receivers": [_kept(keeper), *(_receiver(entry, files) for entry in receivers)],
    }  # fmt: skip


def _judge(receivers: Sequence[Mapping[str, Any]], names: Sequence[str], told: Mapping[str, Sequence[str]]) -> None:
    if unknown := sorted(set(told) - set(SEVERITIES)):
        raise ValueError(f"No alert has the severity {', '.join(unknown)}; there are {', '.join(SEVERITIES)}.")
    if unknown := sorted({name for listed in told.values() for name in listed} - set(names)):
        raise ValueError(f"No receiver is called {', '.join(unknown)}; there are {', '.join(names) or 'none'}.")
    if _KEEPER in names or len(set(names)) < len(names):
        raise ValueError(f"Receivers have names of their own, and none is called {_KEEPER}.")
    for entry in receivers:
        ways = [way for way in ("webhook", "email") if entry.get(way)]
        if len(ways) != 1:
            raise ValueError(f"The receiver {entry['name']} is told by `webhook` or by `email`.")
        if entry.get("webhook") and bool(entry["webhook"].get("url")) == bool(entry["webhook"].get("secret")):
            raise ValueError(f"The webhook of the receiver {entry['name']} has a `url`, or a `secret` that is one.")


def _inhibitions() -> list[dict[str, Any]]:
    """Return what is not told while something worse of the same thing is, and while its whole host is gone."""
    worse = [
        {
            "source_matchers": [f'severity="{source}"'],
            "target_matchers": [f'severity=~"{"|".join(SEVERITIES[: SEVERITIES.index(source)])}"'],
            "equal": list(_SAME),
        }
        for source in SEVERITIES[1:]
    ]
    gone = {
        "source_matchers": ['alertname="NodeDown"'], "target_matchers": ['alertname!="NodeDown"', 'node!=""'],
        "equal": ["node"],
    }  # fmt: skip
    return [*worse, gone]


def _kept(keeper: Mapping[str, str]) -> dict[str, Any]:
    there = {
        "url": keeper["url"], "send_resolved": True, "http_config": {"tls_config": {"ca_file": keeper["authority"]}},
    }  # fmt: skip
    return {"name": _KEEPER, "webhook_configs": [there]}


def _receiver(entry: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    known = {"ca_file": files["authority"]}
    if webhook := entry.get("webhook"):
        where = (
            {"url": webhook["url"]} if webhook.get("url") else {"url_file": f"{files['secrets']}/{webhook['secret']}"}
        )
        there = {**where, "send_resolved": True, "http_config": {"tls_config": known}}
        return {"name": entry["name"], "webhook_configs": [there]}
    mail = entry["email"]
    there = {
        "to": mail["to"], "from": mail["from"], "smarthost": mail["server"], "send_resolved": True,
        "require_tls": True, "tls_config": known,
    }  # fmt: skip
    if mail.get("user"):
        there["auth_username"] = mail["user"]
    if mail.get("secret"):
        there["auth_password_file"] = f"{files['secrets']}/{mail['secret']}"
    return {"name": entry["name"], "email_configs": [there]}


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Any]:
        """Return it by name."""
        return {"alertmanager_settings": alertmanager_settings}
