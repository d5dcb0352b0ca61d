"""Models on GPUs: what of them cannot be, what their releases take, and where their copies find a place."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter.releases import release_steps
from ansible_collections.platform.base.plugins.module_utils.served_models import (
    Copy,
    gpus_asked_for,
    mistakes,
    most_copies,
    release_weights,
    without_a_place,
)

IMAGE = f"registry.example.com/models/letters@sha256:{'0123456789abcdef' * 4}"
TERMS = {
    "variable": "engine_models",
    "needs": [["image"]],
    "defaults": {
        "replicas": 1, "release": "canary", "gpus": 1, "gpu_resource": "nvidia.com/gpu", "gpu_memory": 0.9,
        "tensor_parallel": 0, "arguments": [],
    },
    "arguments": {"--port": "the role", "--tensor-parallel-size": "tensor_parallel"},
}  # fmt: skip
SHARES = [5, 25, 50]
WHOLE = "nvidia.com/gpu"


def found(**model: Any) -> list[str]:
    return [f"{entry.what}. {entry.cure}" for entry in mistakes({"letters": {"image": IMAGE, **model}}, TERMS, {})]


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"gpus": 4, "tensor_parallel": 2},
        {"gpu_resource": "nvidia.com/mig-1g.18gb"},
        {"gpu_resource": "nvidia.com/mig-1g.10gb.me"},
        {"gpu_resource": "nvidia.com/gpu.shared", "gpu_memory": 0.2},
        {"arguments": ["--max-num-seqs=64", "--enable-prefix-caching"]},
    ],
)
def test_a_model_that_can_be_served_has_no_mistake(model: dict[str, Any]) -> None:
    assert found(**model) == []


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"gpus": 0}, "it has 0 for `gpus`. Write how many"),
        ({"release": "blue-green"}, "it has 'blue-green' for `release`. Write canary or blue_green."),
        ({"gpus": "4"}, "it has '4' for `gpus`"),
        ({"gpu_resource": "amd.com/gpu"}, "as amd.com/gpu, which no host gives out. Write nvidia.com/gpu"),
        ({"gpus": 2, "gpu_resource": "nvidia.com/mig-1g.18gb"}, "it asks for 2 of nvidia.com/mig-1g.18gb"),
        ({"gpus": 2, "gpu_resource": "nvidia.com/gpu.shared", "gpu_memory": 0.2}, "parts of GPUs do not work together"),
        ({"gpus": 4, "tensor_parallel": 3}, "it has 3 for `tensor_parallel`, and 4 GPUs"),
        ({"gpu_memory": 90}, "it has 90 for `gpu_memory`. Write a part"),
        (
            {"gpu_resource": "nvidia.com/gpu.shared"},
            "does not say what part of its memory that is. Set its `gpu_memory`",
        ),
        (
            {"arguments": ["--port=1"]},
            "its `arguments` have --port=1, which the platform gives. Leave it out; the role",
        ),
        ({"arguments": ["-tp", "4"]}, "have -tp, which the platform gives. Leave it out; tensor_parallel says it."),
        ({"arguments": ["--tensor_parallel_size=4"]}, "have --tensor_parallel_size=4"),
    ],
)
def test_a_model_that_cannot_be_served_is_told_with_its_cure(model: dict[str, Any], said: str) -> None:
    (mistake,) = found(**model)

    assert said in mistake


def copies_while_released(steps: Sequence[dict[str, Any]], copies: int) -> int:
    """Return the most copies there are, as Argo Rollouts counts them with `dynamicStableScale`."""
    explicit, weight, most = 0, 0, copies
    for step in [*steps, {"setWeight": 100}]:
        scale = step.get("setCanaryScale", {})
        explicit = scale.get("replicas", 0 if "matchTrafficWeight" in scale else explicit)
        after = step.get("setWeight", weight)
        new = explicit if explicit and after < 100 else ceil(copies * after / 100)
        # The old version's copies go when requests are led away from them, which is after the new one's are there.
        old = copies if explicit and after < 100 else ceil(copies * (100 - weight) / 100)
        most, weight = max(most, new + old), after
    return most


@pytest.mark.parametrize("copies", range(1, 13))
@pytest.mark.parametrize("shares", [[5, 25, 50], [10], [50, 90], [1, 2, 3]])
@pytest.mark.parametrize("measured", [True, False])
def test_a_release_never_has_more_copies_than_there_is_a_quota_for(
    copies: int, shares: list[int], measured: bool
) -> None:
    steps = release_steps(shares, "letters", measured, approved=False, copies=copies)

    assert copies_while_released(steps, copies) <= most_copies(shares, copies)


@pytest.mark.parametrize("copies", [1, 2, 4, 5, 10])
def test_a_release_takes_one_copy_more_where_shares_can_be_whole_copies(copies: int) -> None:
    assert most_copies(SHARES, copies) == copies + 1


@pytest.mark.parametrize("copies", [3, 6, 7])
def test_a_release_takes_two_copies_more_at_most(copies: int) -> None:
    assert most_copies(SHARES, copies) <= copies + 2


def test_between_shares_that_are_judged_a_release_takes_over_copy_by_copy() -> None:
    assert release_weights(SHARES, 4) == [5, 25, 50, 75]
    assert release_weights(SHARES, 1) == SHARES


def test_shares_that_are_added_are_not_judged_and_agreement_is_asked_for_before_them() -> None:
    steps = release_steps(SHARES, "letters", measured=True, approved=True, copies=4)

    kinds = [f"{next(iter(step))} {step.get('setWeight', '')}".strip() for step in steps]
    assert kinds[-4:] == ["setWeight 50", "analysis", "pause", "setWeight 75"]


def test_a_namespace_is_asked_for_what_models_and_a_release_of_each_take() -> None:
    models: dict[str, dict[str, Any]] = {
        "large": {"gpus": 4, "gpu_resource": WHOLE, "replicas": 1},
        "small": {"gpus": 1, "gpu_resource": WHOLE, "replicas": 2},
        "tiny": {"replicas": 2},
    }

    assert gpus_asked_for(models, SHARES) == {WHOLE: 8 + 3}


def test_a_release_at_once_takes_as_much_again() -> None:
    model = {"gpus": 2, "gpu_resource": WHOLE, "replicas": 3, "release": "blue_green"}

    assert gpus_asked_for({"letters": model}, SHARES) == {WHOLE: 12}
    assert gpus_asked_for({"letters": {**model, "autoscaling": {"maximum": 5}}}, SHARES) == {WHOLE: 20}


@pytest.mark.parametrize(
    ("copies", "offered", "left"),
    [
        ([4, 4], {"gpu1": 8}, []),
        ([4, 4], {"gpu1": 4, "gpu2": 4}, []),
        ([8], {"gpu1": 4, "gpu2": 4}, [8]),
        ([1, 1, 4], {"gpu1": 4, "gpu2": 2}, []),
        ([2, 1], {}, [2, 1]),
    ],
    ids=["one host", "two hosts", "no host has all", "the largest first", "no hosts"],
)
def test_a_copy_finds_its_gpus_on_one_host(copies: list[int], offered: dict[str, int], left: list[int]) -> None:
    wanted = [Copy("letters", WHOLE, count) for count in copies]

    found = without_a_place(wanted, {host: {WHOLE: count} for host, count in offered.items()})

    assert [copy.gpus for copy in found] == left


def test_gpus_of_one_kind_are_no_place_for_another() -> None:
    copy = Copy("letters", "nvidia.com/mig-1g.18gb", 1)

    assert without_a_place([copy], {"gpu1": {WHOLE: 8}}) == [copy]
