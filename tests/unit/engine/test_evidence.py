"""Where to look for what explains a failure."""

from __future__ import annotations

import pytest

from installer.engine.evidence import look_for, where_to_look
from installer.model.evidence import Look
from installer.model.plan import TaskFailure
from tests.fakes import GOOD, catalog, component, failed

CATALOG = catalog(component("runtime"), component("metrics", namespace="kube-system"))


@pytest.mark.parametrize(
    ("message", "units"),
    [
        ("kubelet runs: kubelet.service is failed. Look at `journalctl -u kubelet`.", ("kubelet.service",)),
        ("it is not ready. Look at `journalctl --unit=containerd`.", ("containerd.service",)),
        ("Unit a.socket failed; b.service, c.timer and d.service too.", ("a.socket", "b.service", "c.timer")),
        ("nothing like it.", ()),
    ],
)
def test_units_that_a_failure_names_are_looked_at(message: str, units: tuple[str, ...]) -> None:
    assert look_for(TaskFailure("cp1", "verify | It runs", message), "") == Look("cp1", units)


def test_the_namespace_a_failure_names_goes_before_the_components() -> None:
    failure = TaskFailure("admin1", "verify", "Look at `kubectl -n storage logs deploy/provisioner`.")

    assert look_for(failure, "kube-system").namespace == "storage"


def test_a_components_namespace_is_looked_at() -> None:
    results = {"runtime deploy": GOOD, "metrics deploy": failed("context deadline exceeded", host="admin1")}

    assert where_to_look(results, CATALOG) == (("metrics deploy", 0, Look("admin1", (), "kube-system")),)


@pytest.mark.parametrize(
    "given", [{"evidence": ("it explained itself",)}, {"reached": False}, {"host": "localhost"}], ids=str
)
def test_nobody_looks_where_it_would_be_in_vain(given: dict[str, object]) -> None:
    assert where_to_look({"runtime deploy": failed(**given)}, CATALOG) == ()  # type: ignore[arg-type]


def test_a_few_failures_are_looked_into_and_the_first_ones_first() -> None:
    results = {f"runtime{number} deploy": failed(host=f"cp{number}") for number in range(9)}

    assert [look.host for _, _, look in where_to_look(results, CATALOG)] == ["cp0", "cp1", "cp2"]
