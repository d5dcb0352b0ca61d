"""Jobs, plans and reports as values."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from installer.model.component import Layer
from installer.model.lab import Lab, LabHost
from installer.model.plan import Change, Job, Plan, PlannedComponent, Step, TaskFailure
from installer.model.report import RunReport
from tests.fakes import GOOD


def test_a_job_waits_for_what_its_steps_wait_for_but_not_for_itself() -> None:
    job = Job(
        (
            Step("a", "deploy", "all", after=("b deploy",)),
            Step("a", "verify", "all", after=("a deploy", "c deploy", "b deploy")),
        )
    )

    assert job.after == ("b deploy", "c deploy")


def test_only_what_changes_is_a_change() -> None:
    items = tuple(PlannedComponent(change.value, change, "", (), "") for change in Change)

    assert Change.UNCHANGED not in {item.change for item in Plan(items, ()).changes}
    assert len(Plan(items, ()).changes) == len(Change) - 1


def test_what_runs_on_some_hosts_is_found() -> None:
    items = tuple(
        PlannedComponent(name, Change.UNCHANGED, "", hosts, "") for name, hosts in (("a", ("h1", "h2")), ("b", ("h3",)))
    )

    assert Plan(items, ()).on(["h2", "h4"]) == ("a",)


def test_a_report_tells_which_hosts_were_set_up_anew() -> None:
    failures = (TaskFailure("h2", "t", "m", bare=True), TaskFailure("h1", "t", "m"))
    steps = {f"{name} verify": replace(GOOD, ok=False, failures=failures) for name in "ab"}

    assert RunReport("site", "b", False, "now", 1.0, Plan((), ()), steps=steps).bare_hosts == ("h2",)


def test_a_report_counts_changes_over_all_steps() -> None:
    steps = {"a deploy": replace(GOOD, changed=2), "b deploy": replace(GOOD, changed=3)}

    assert RunReport("site", "b", True, "now", 1.0, Plan((), ()), steps=steps).changed == 5


def test_layers_stand_on_each_other_in_the_order_they_are_declared() -> None:
    assert [layer.rank for layer in Layer] == list(range(len(Layer)))
    assert Layer.HOST.rank < Layer.NETWORK.rank < Layer.INFERENCE.rank


LAB = Lab("one", (LabHost("a", IPv4Address("192.0.2.9"), 1),), IPv4Network("192.0.2.0/24"), "trixie", ())


def test_the_bridge_has_a_labs_first_address() -> None:
    assert LAB.gateway == IPv4Address("192.0.2.1")


def test_a_lab_knows_its_hosts() -> None:
    assert LAB.host("a").address == IPv4Address("192.0.2.9")
    with pytest.raises(KeyError):
        LAB.host("b")
