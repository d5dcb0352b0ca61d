"""How a site fares, from what is known of it."""

from __future__ import annotations

from installer.engine.site_status import Record, cluster_answers, component_statuses, expiries_of, host_statuses
from installer.model.report import Expiry
from installer.model.status import Health, HostAnswer
from tests.fakes import catalog, component, inventory

CATALOG = catalog(component("base"), component("api", "base"))
HOSTS = inventory(cp1="control_plane", cp2="control_plane")
ROW = {"name": "base", "version": "base 1", "deployed": True, "verified": True, "since": "2026-01-01T10:00:00+00:00"}
VERIFIED = {"component": "base", "verb": "verify", "ended": "2026-01-01T10:05:00+00:00", "ok": 1, "results": {}}


def node(ready: bool = True, troubles: tuple[str, ...] = ()) -> dict[str, object]:
    return {"ready": ready, "version": "v1.36.4", "runtime": "containerd", "troubles": list(troubles)}


def health_of(row: dict[str, object], step: dict[str, object]) -> Health:
    return component_statuses(CATALOG, HOSTS, Record([row], [step]), {}, ["base"])[0].health


def test_a_component_is_good_since_its_last_verification() -> None:
    (found,) = component_statuses(CATALOG, HOSTS, Record([ROW], [VERIFIED]), {}, ["base"])

    assert (found.health, found.verified, found.version) == (Health.GOOD, VERIFIED["ended"], "base 1")


def test_a_component_whose_last_verification_failed_is_not_good() -> None:
    assert health_of({**ROW, "verified": False}, {**VERIFIED, "ok": 0}) is Health.FAILED


def test_a_component_that_was_begun_and_never_verified_is_unfinished() -> None:
    assert health_of({**ROW, "verified": False, "since": "2026-01-01T11:00:00+00:00"}, VERIFIED) is Health.UNFINISHED


def test_a_component_nobody_deployed_shows_the_version_there_would_be() -> None:
    (found,) = component_statuses(CATALOG, HOSTS, Record(), {"api": "api 2"}, ["api"])

    assert (found.health, found.version, found.hosts) == (Health.ABSENT, "api 2", ("cp1", "cp2"))


def test_what_the_inventory_no_longer_wants_is_still_shown() -> None:
    found = component_statuses(CATALOG, HOSTS, Record([{**ROW, "name": "gone"}]), {}, ["base"])

    assert [item.name for item in found] == ["base", "gone"]


def test_a_host_that_said_nothing_is_unreachable_and_says_why() -> None:
    answers = {"cp1": HostAnswer(problem="Connection timed out.")}

    found = host_statuses(HOSTS, ["cp1", "cp2"], answers)

    assert [(host.health, host.problem) for host in found] == [
        (Health.UNREACHABLE, "Connection timed out."),
        (Health.UNREACHABLE, "It did not answer in time."),
    ]


def test_a_host_is_not_good_with_a_failed_unit_or_a_node_that_is_not_ready() -> None:
    said = {
        "failed_units": ["chrony.service"],
        "cluster": {"answers": True, "nodes": {"cp1": node(False, ("DiskPressure",))}},
    }

    (found,) = host_statuses(HOSTS, ["cp1"], {"cp1": HostAnswer(said)})

    assert found.health is Health.FAILED
    assert found.problem == "chrony.service failed. The node is not ready. The node says DiskPressure."


def test_nobody_is_called_unreachable_who_was_not_asked() -> None:
    assert host_statuses(HOSTS, ["cp1"], None)[0].health is Health.UNKNOWN


def test_the_cluster_is_unknown_until_a_host_could_ask_it() -> None:
    silent = {"cp1": HostAnswer({"cluster": {"answers": False, "nodes": {}}})}

    assert cluster_answers({}) is None
    assert cluster_answers(silent) is False
    assert (
        cluster_answers({**silent, "cp2": HostAnswer({"cluster": {"answers": True, "nodes": {"cp1": node()}}})}) is True
    )


def test_of_a_certificate_on_many_hosts_the_first_to_end_is_told() -> None:
    answers = {
        "cp1": HostAnswer({"certificates": {"/etc/a.crt": "2027-05-01T00:00:00Z"}}),
        "cp2": HostAnswer(
            {"certificates": {"/etc/a.crt": "2027-02-01T00:00:00Z", "/etc/b.crt": "2036-01-01T00:00:00Z"}}
        ),
    }

    assert expiries_of(Record(), answers, {"the bundle": "2027-03-01"}) == (
        Expiry("/etc/a.crt on cp2", "2027-02-01"),
        Expiry("the bundle", "2027-03-01"),
        Expiry("/etc/b.crt on cp2", "2036-01-01"),
    )


def test_without_hosts_the_ends_that_verifications_reported_are_told() -> None:
    results = {
        "cp1": {"api_certificate_expires": "Nov 21 10:20:30 2027 GMT"},
        "cp2": {"api_certificate_expires": "Jan  2 10:20:30 2028 GMT"},
    }

    found = expiries_of(Record(steps=[{"component": "kubernetes", "results": results}]), {}, {})

    assert found == (Expiry("api certificate (kubernetes)", "2027-11-21"),)
