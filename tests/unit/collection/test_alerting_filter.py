"""Who is told of which alerts, and who never is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter.alerting import alertmanager_settings

KEEPER = {"url": "https://keeper.example.com/alerts", "authority": "/keeper.crt"}
FILES = {"secrets": "/secrets", "authority": "/receivers.crt"}
ON_CALL = {"name": "on-call", "webhook": {"secret": "on-call-url"}}
TICKETS = {"name": "tickets", "webhook": {"url": "https://tickets.example.com/"}}
MAIL = {
    "name": "mail",
    "email": {"to": "a@example.com", "from": "b@example.com", "server": "mail.example.com:587",
              "user": "b", "secret": "m"},
}  # fmt: skip
TOLD = {"warning": ["tickets"], "critical": ["mail"], "page": ["on-call"]}


def settings(*receivers: dict[str, Any], told: dict[str, list[str]] | None = None) -> dict[str, Any]:
    return alertmanager_settings(receivers, told or {}, KEEPER, FILES)


def hearing(found: dict[str, Any], severity: str) -> list[str]:
    """Return who hears of a severity, as Alertmanager walks its routes."""
    told = []
    for route in found["route"]["routes"]:
        matched = all(
            re.fullmatch(matcher.partition('"')[2].rstrip('"'), severity) for matcher in route.get("matchers", [])
        )
        if matched:
            told.append(route["receiver"])
            if not route.get("continue"):
                break
    return told


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        ("warning", ["keeper", "tickets"]),
        ("critical", ["keeper", "tickets", "mail"]),
        ("page", ["keeper", "tickets", "mail", "on-call"]),
    ],
)
def test_who_hears_of_warnings_hears_of_what_is_worse(severity: str, told: list[str]) -> None:
    assert hearing(settings(ON_CALL, TICKETS, MAIL, told=TOLD), severity) == told


def test_nobody_outside_hears_of_a_trial() -> None:
    assert hearing(settings(ON_CALL, TICKETS, MAIL, told=TOLD), "trial") == ["keeper"]


def test_without_receivers_alerts_stay_in_the_cluster() -> None:
    found = settings()

    assert [receiver["name"] for receiver in found["receivers"]] == ["keeper"]
    assert hearing(found, "page") == ["keeper"]


def test_secrets_are_named_and_not_told() -> None:
    receivers = {entry["name"]: entry for entry in settings(ON_CALL, MAIL)["receivers"]}

    assert receivers["on-call"]["webhook_configs"][0]["url_file"] == "/secrets/on-call-url"
    assert receivers["mail"]["email_configs"][0]["auth_password_file"] == "/secrets/m"
    assert receivers["mail"]["email_configs"][0]["require_tls"] is True


def test_a_warning_is_not_told_beside_what_is_worse_of_the_same_thing() -> None:
    page = next(rule for rule in settings()["inhibit_rules"] if rule["source_matchers"] == ['severity="page"'])

    assert page["target_matchers"] == ['severity=~"warning|critical"']
    assert {"component", "node", "mountpoint", "slo"} <= set(page["equal"])


def test_what_is_on_a_host_that_is_gone_is_not_told_apart() -> None:
    gone = next(rule for rule in settings()["inhibit_rules"] if rule["source_matchers"] == ['alertname="NodeDown"'])

    assert gone["equal"] == ["node"]
    assert 'node!=""' in gone["target_matchers"]


@pytest.mark.parametrize(
    ("receivers", "told", "said"),
    [
        ([TICKETS], {"bad": ["tickets"]}, "No alert has the severity bad"),
        ([TICKETS], {"page": ["nobody"]}, "No receiver is called nobody"),
        ([{"name": "x"}], {}, "The receiver x is told by"),
        ([{"name": "x", "webhook": {"url": "https://a.example.com", "secret": "b"}}], {}, "The webhook of the"),
        ([{**TICKETS, "name": "keeper"}], {}, "none is called keeper"),
        ([TICKETS, TICKETS], {}, "names of their own"),
    ],
    ids=["severity", "receiver", "no way", "two urls", "ours", "twice"],
)  # fmt: skip
def test_mistakes_are_refused(receivers: list[dict[str, Any]], told: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings(*receivers, told=told)
