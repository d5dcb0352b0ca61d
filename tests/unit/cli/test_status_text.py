"""How a site's status reads."""

from __future__ import annotations

from installer.cli.commands.status import show_status
from installer.model.report import Expiry
from installer.model.status import ComponentStatus, Health, HostStatus, SiteStatus

HOST = HostStatus(
    "cp1", "192.0.2.11", ("control_plane",), Health.GOOD, system="Debian 13", uptime_seconds=90, node="v1.36.4"
)
COMPONENT = ComponentStatus(
    "kubernetes", "kubeadm v1.36.4", Health.GOOD, ("cp1",), verified="2026-01-01T10:00:00+00:00"
)
RUN = {
    "command": "install",
    "began": "2026-01-01T09:00:00+00:00",
    "ended": "2026-01-01T10:00:00+00:00",
    "outcome": "good",
    "bundle": "b-1",
}


def site(**changed: object) -> SiteStatus:
    values = {
        "site": "lab",
        "installed": True,
        "busy": "",
        "last_run": RUN,
        "cluster": True,
        "asked": True,
        "hosts": (HOST,),
        "components": (COMPONENT,),
        "expiries": (Expiry("the bundle", "2027-01-01"),),
    }
    return SiteStatus(**{**values, **changed})  # type: ignore[arg-type]


def test_a_good_site_reads_good_with_its_run_versions_and_ends() -> None:
    text = show_status(site(), "install it")

    assert text.splitlines()[0] == "lab: good"
    for part in ("last run: install", "bundle b-1", "kubeadm v1.36.4", "1 min 30 s", "2027-01-01", "API: answers"):
        assert part in text


def test_a_host_that_cannot_be_reached_is_named_with_its_reason() -> None:
    host = HostStatus("cp1", "192.0.2.11", (), Health.UNREACHABLE, "Connection timed out.")

    text = show_status(site(hosts=(host,), cluster=None), "")

    assert "NOT GOOD: cp1" in text
    assert "  cp1: Connection timed out." in text


def test_an_api_that_does_not_answer_is_not_good() -> None:
    assert "NOT GOOD: the API does not answer" in show_status(site(cluster=False), "")


def test_a_run_that_has_not_ended_is_told_with_who_is_at_work() -> None:
    text = show_status(site(busy="process 7 of ada", last_run={**RUN, "ended": None, "outcome": None}), "")

    assert "at work: process 7 of ada" in text
    assert "not ended" in text


def test_a_site_that_was_never_installed_says_how_to_install_it() -> None:
    text = show_status(site(installed=False, last_run=None), "platform-install --inventory lab")

    assert text.splitlines()[0].endswith("Install with: platform-install --inventory lab")


def test_what_is_only_written_down_is_told_as_such() -> None:
    host = HostStatus("cp1", "192.0.2.11", (), Health.UNKNOWN)

    assert "no host was asked" in show_status(site(hosts=(host,), asked=False, cluster=None), "")


def test_what_ends_on_one_day_shares_a_line_and_certificates_of_hosts_come_last() -> None:
    paths = [Expiry(f"/etc/kubernetes/pki/{number}.crt on cp1", "2027-01-01") for number in range(9)]

    text = show_status(
        site(expiries=(*paths, Expiry("the bundle", "2027-01-01"), Expiry("the authority", "2036-01-01"))), ""
    )

    assert (
        "2027-01-01  the bundle, /etc/kubernetes/pki/0.crt on cp1, /etc/kubernetes/pki/1.crt on cp1, and 7 more" in text
    )
    assert "2036-01-01  the authority" in text
