"""Models whose copies follow their load: filled in, refused where that cannot be, and asked for by one element."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.model_scaling import (
    counts_of,
    load_query,
    scaling_triggers,
)
from ansible_collections.platform.base.plugins.module_utils.served_models import (
    copies_of,
    filled,
    gpus_asked_for,
    mistakes,
    most_copies,
)

from tests.promtool import values_of

DEFAULTS = {
    "waiting": 4, "running": 0, "grow_after_seconds": 30, "shrink_after_seconds": 900, "shrink_every_seconds": 300,
}  # fmt: skip
TERMS: dict[str, Any] = {
    "variable": "engine_models",
    "defaults": {"replicas": 2, "parallel": 3},
    "needs": [["tiny"]],
    "autoscaling": DEFAULTS,
    "side_by_side": "parallel",
}
ON_GPUS = {**TERMS, "defaults": {"replicas": 2, "gpus": 2, "gpu_resource": "nvidia.com/gpu"}, "side_by_side": ""}
BOUNDS = {"minimum": 1, "maximum": 3}
MEASURES = {"waiting": "engine:waiting", "running": "engine:running"}


def model(terms: dict[str, Any] = TERMS, **words: Any) -> dict[str, Any]:
    return filled({"letters": {"tiny": 1, **words}}, terms)["letters"]


def found(**words: Any) -> list[str]:
    return [f"{entry.what}. {entry.cure}" for entry in mistakes({"letters": {"tiny": 1, **words}}, TERMS, {})]


def test_a_model_that_is_scaled_has_its_least_copies_at_first_and_its_engines_rules() -> None:
    full = model(autoscaling={**BOUNDS, "waiting": 2})

    assert full["replicas"] == 1
    assert full["autoscaling"] == {**DEFAULTS, **BOUNDS, "waiting": 2, "running": 3}
    assert list(counts_of(full)) == [1, 2, 3]


def test_a_model_that_is_not_scaled_is_as_it_was() -> None:
    assert model() == {"replicas": 2, "parallel": 3, "tiny": 1}
    assert list(counts_of(model())) == [2]


def test_a_model_that_is_scaled_rightly_has_no_mistake() -> None:
    assert found(autoscaling=BOUNDS) == []
    assert found(autoscaling={**BOUNDS, "waiting": 0.5, "running": 8, "shrink_after_seconds": 0}) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"autoscaling": 3}, "it has 3 for `autoscaling`. Write minimum and maximum"),
        ({"autoscaling": {**BOUNDS, "max": 3}}, "its `autoscaling` says max, which means nothing. It may say minimum"),
        ({"autoscaling": BOUNDS, "replicas": 2}, "it has `replicas` beside `autoscaling`. Leave it out"),
        ({"autoscaling": {"maximum": 3}}, "its `autoscaling` has None for `minimum`"),
        ({"autoscaling": {**BOUNDS, "minimum": 0}}, "its `autoscaling` has 0 for `minimum`. Write how many"),
        ({"autoscaling": {"minimum": 1}}, "its `autoscaling` has None for `maximum`"),
        ({"autoscaling": {**BOUNDS, "maximum": "3"}}, "its `autoscaling` has '3' for `maximum`"),
        ({"autoscaling": {"minimum": 2, "maximum": 2}}, "has 2 copies at least and 2 at most. Write a `maximum` above"),
        ({"autoscaling": {**BOUNDS, "waiting": 0}}, "its `autoscaling` has 0 for `waiting`"),
        ({"autoscaling": {**BOUNDS, "waiting": True}}, "its `autoscaling` has True for `waiting`"),
        ({"autoscaling": {**BOUNDS, "running": -1}}, "its `autoscaling` has -1 for `running`"),
        ({"autoscaling": {**BOUNDS, "grow_after_seconds": "30"}}, "has '30' for `grow_after_seconds`. Write seconds"),
        (
            {"autoscaling": {**BOUNDS, "shrink_after_seconds": 7200}},
            "has 7200 for `shrink_after_seconds`. Write seconds, 3600",
        ),
        (
            {"autoscaling": {**BOUNDS, "shrink_every_seconds": 3600}},
            "has 3600 for `shrink_every_seconds`. Write seconds, 1800",
        ),
    ],
)
def test_what_cannot_be_scaled_by_is_refused_with_a_cure(words: dict[str, Any], said: str) -> None:
    (mistake,) = found(**words)

    assert said in mistake


def test_an_engine_that_scales_nothing_knows_no_scaling() -> None:
    without = {key: value for key, value in TERMS.items() if key != "autoscaling"}

    (mistake,) = mistakes({"letters": {"tiny": 1, "autoscaling": BOUNDS}}, without, {})

    assert "it says autoscaling, which means nothing" in mistake.what


def test_gpus_are_reckoned_with_for_all_copies_that_there_may_be() -> None:
    models = filled({"letters": {"tiny": 1, "autoscaling": {"minimum": 1, "maximum": 4}}}, ON_GPUS)

    assert len(copies_of(models)) == 4
    assert gpus_asked_for(models, [5, 25, 50]) == {"nvidia.com/gpu": 2 * 5}


@pytest.mark.parametrize("copies", [1, 2, 3, 4, 5, 6])
def test_steps_for_all_copies_take_no_more_where_there_are_fewer(copies: int) -> None:
    assert most_copies([5, 25, 50], copies, 6) <= most_copies([5, 25, 50], 6)


def test_there_is_a_trigger_for_what_waits_and_one_for_what_runs() -> None:
    triggers = scaling_triggers(model(autoscaling=BOUNDS), "letters", "engine", MEASURES, "https://prometheus")

    asked = [(entry["name"], entry["metadata"]["threshold"], MEASURES[entry["name"]]) for entry in triggers]
    assert asked == [("waiting", "4", "engine:waiting"), ("running", "3", "engine:running")]
    assert all(measure in entry["metadata"]["query"] for entry, (_, _, measure) in zip(triggers, asked, strict=True))
    assert {entry["metadata"]["ignoreNullValues"] for entry in triggers} == {"false"}


def test_what_runs_is_not_looked_at_where_nobody_knows_how_much_is_much() -> None:
    full = model(ON_GPUS, autoscaling=BOUNDS)

    triggers = scaling_triggers(full, "letters", "engine", MEASURES, "https://prometheus")

    assert [entry["name"] for entry in triggers] == ["waiting"]


# ---- the query, put to Prometheus' own reckoning
OWN = 'exported_namespace="engine",name="letters"'
WAITING = {
    f'engine:waiting{{namespace="engine",model_name="letters",pod="{pod}"}}': value
    for pod, value in (("a", 5), ("b", 2))
}


def rollout(phase: str, desired: int, updated: int, available: int, unavailable: int = 0) -> dict[str, int]:
    """Return what the controller of releases tells of a model."""
    return {
        f'rollout_info{{{OWN},phase="{phase}"}}': 1,
        f"rollout_info_replicas_desired{{{OWN}}}": desired,
        f"rollout_info_replicas_updated{{{OWN}}}": updated,
        f"rollout_info_replicas_available{{{OWN}}}": available,
        f"rollout_info_replicas_unavailable{{{OWN}}}": unavailable,
    }


CALM = rollout("Completed", 2, 2, 2)
OTHERS = {
    'engine:waiting{namespace="router",model_name="letters",pod="r"}': 100,
    'engine:waiting{namespace="engine",model_name="numbers",pod="n"}': 100,
    'rollout_info{exported_namespace="engine",name="numbers",phase="Paused"}': 1,
}


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ({**WAITING, **CALM}, 7),
        ({**WAITING, **CALM, **OTHERS}, 7),
        ({**WAITING, **rollout("Progressing", 3, 3, 2, 1)}, 7),
        ({**WAITING, **rollout("Progressing", 2, 0, 2)}, 8),
        ({**WAITING, **rollout("Paused", 2, 1, 3)}, 8),
        ({**WAITING, **rollout("Abort", 2, 1, 3)}, 7),
        (rollout("Paused", 2, 1, 3), 8),
        (CALM, None),
        (WAITING, None),
        ({}, None),
    ],
    ids=[
        "two copies", "others tell of the same", "a copy comes by scaling", "a release begins", "a release waits",
        "a release was taken back", "a release whose copies say nothing", "no copy tells", "nobody knows of releases",
        "nothing is measured",
    ],
)  # fmt: skip
def test_a_query_has_one_element_or_none(series: dict[str, int], value: int | None, tmp_path: Path) -> None:
    kept = {name: f"{amount}x20" for name, amount in series.items()}

    done = values_of(
        load_query("engine:waiting", "letters", "engine", 4), kept, "3m", [] if value is None else [value], tmp_path
    )

    assert done.returncode == 0, done.stdout + done.stderr
