"""Rollouts are read as an operator asks of them: which version, what share, what it waits for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter.releases import release_steps
from ansible_collections.platform.base.plugins.module_utils.model_states import Model, models_in, seen, state

from tests.unit.collection.rollouts import (
    JUDGED_AT_5,
    LAST_PAUSE,
    NEW,
    OLD,
    QUIET,
    SMOKE,
    STEPS,
    analysis,
    metrics_of_quiet,
    metrics_of_release,
    metrics_of_smoke,
    paused,
    releasing,
    replica_set,
    result,
    rollout,
    taken_back,
)
from tests.unit.roles.cluster import Cluster

OLD_COPIES, NEW_COPY = replica_set(OLD, "1.0.0"), replica_set(NEW, "1.1.0", ready=1, wanted=1)
HEALTHY = rollout(version="1.0.0")


def read(found: dict[str, Any], *beside: dict[str, Any]) -> Model:
    objects = {("rollouts.argoproj.io", "tiny"): found}
    objects |= {("replicasets.apps", f"set{number}"): item for number, item in enumerate(beside)}
    (model,) = models_in(Cluster(objects), {"llamacpp": "llamacpp"})
    return model


def told(found: dict[str, Any], *beside: dict[str, Any]) -> dict[str, Any]:
    return state(read(found, OLD_COPIES, NEW_COPY, *beside))


def words(found: dict[str, Any], *beside: dict[str, Any]) -> tuple[str, str]:
    known = told(found, *beside)
    return known["waits_for"], known["words"]


def test_a_model_without_a_release_has_one_version_and_waits_for_nothing() -> None:
    found = state(read(HEALTHY, OLD_COPIES))

    assert found == {
        "model": "tiny",
        "engine": "llamacpp",
        "namespace": "llamacpp",
        "phase": "Healthy",
        "stable": {"version": "1.0.0", "hash": OLD, "ready": 2},
        "release": None,
        "share": 0,
        "taken_back": False,
        "waits_for": "",
        "since": "",
        "words": "",
        "ready": 2,
        "wanted": 2,
    }


def test_both_versions_of_a_release_are_told_with_share_and_copies() -> None:
    found = told(releasing(JUDGED_AT_5), analysis(JUDGED_AT_5, "Running", metrics_of_release(), []))

    assert found["stable"] == {"version": "1.0.0", "hash": OLD, "ready": 2}
    assert found["release"] == {"version": "1.1.0", "hash": NEW, "ready": 1}
    assert (found["share"], found["ready"], found["wanted"]) == (5, 3, 2)


def test_the_first_version_of_a_model_has_no_other_and_gets_all_requests() -> None:
    first = rollout(stableRS=None, phase="Progressing", readyReplicas=1, canary={})

    found = state(read(first, replica_set(OLD, "1.1.0", ready=1)))

    assert (found["stable"], found["release"]["version"], found["share"]) == (None, "1.1.0", 100)


def test_a_release_that_starts_tells_its_copies() -> None:
    starting = replica_set(NEW, "1.1.0", ready=0, wanted=1)

    assert state(read(releasing(0, 0), OLD_COPIES, starting))["words"] == "0 of 1 copies are ready"


def test_a_golden_prompt_is_no_measurement_that_anybody_could_do_without() -> None:
    run = analysis(SMOKE, "Running", metrics_of_smoke(), [result("golden-prompt", "Running", "Yes.", successful=1)])

    assert words(releasing(SMOKE, 0), run) == ("copies", "its golden prompt is asked: 1 of 3 answers were good")


def test_a_judgement_under_way_tells_its_looks() -> None:
    run = analysis(JUDGED_AT_5, "Running", metrics_of_release(), [result("requests", "Running", "[120]")])

    assert words(releasing(JUDGED_AT_5), run) == (
        "measurement",
        "it is judged at 5 %: look 1 of 10 (requests 120, good is >= 300)",
    )


def test_a_release_waits_until_what_is_measured_is_its_own() -> None:
    run = analysis(QUIET, "Running", metrics_of_quiet(), [result("before", "Running", "[12]", looks="Inconclusive")])

    assert words(releasing(QUIET, 0), run) == (
        "measurement",
        "what is measured may be of the release before: before 12, good is < 0.5",
    )


def test_a_judgement_that_came_to_nothing_tells_what_lacks_and_since_when() -> None:
    run = analysis(JUDGED_AT_5, "Inconclusive", metrics_of_release(), [result("requests", "Inconclusive", "[12]")])
    named = {"currentStepAnalysisRunStatus": {"name": run["metadata"]["name"], "status": "Inconclusive"}}

    found = told(paused(JUDGED_AT_5, "InconclusiveAnalysisRun", canary=named), run)

    assert (found["waits_for"], found["since"]) == ("verdict", "2026-01-31T12:05:00Z")
    assert found["words"] == (
        "there is no verdict at 5 %: requests (requests within the window) was 12; good is >= 300"
    )


@pytest.mark.parametrize(("step", "gets"), [(LAST_PAUSE, "everything"), (2, "more")])
def test_a_release_that_waits_for_a_person_says_what_it_gets_then(step: int, gets: str) -> None:
    assert words(paused(step, "CanaryPauseStep", 50)) == (
        "person",
        f"somebody has to agree at 50 % before it gets {gets}",
    )


def test_a_release_at_once_gets_everything_when_somebody_agrees() -> None:
    found = paused(2, "CanaryPauseStep", 0)
    found["spec"]["strategy"]["canary"]["steps"] = release_steps([5], "tiny", True, True, how="blue_green")

    assert words(found) == ("person", "somebody has to agree at 0 % before it gets everything")


def test_a_release_that_was_let_on_a_moment_ago_does_not_wait_any_more() -> None:
    found = told(releasing(LAST_PAUSE, 50, "Paused", controllerPause=True))

    assert (found["phase"], found["words"]) == ("Progressing", "it was let on a moment ago")


def test_a_rollout_that_is_refused_says_so_and_not_what_was_before() -> None:
    invalid = {"type": "InvalidSpec", "status": "True", "message": "spec.strategy.canary.steps[2]: it has no end"}

    found = told(taken_back(conditions=[invalid]))

    assert (found["phase"], found["waits_for"]) == ("Degraded", "")
    assert found["words"] == "what moves releases refuses it: spec.strategy.canary.steps[2]: it has no end"


def test_a_change_that_nobody_has_seen_is_a_release_already() -> None:
    found = state(read(rollout(observedGeneration="3"), OLD_COPIES))

    assert (found["phase"], found["release"]) == ("Progressing", {"version": "1.1.0", "hash": "", "ready": 0})


def test_a_change_of_something_else_that_nobody_has_seen_is_no_release() -> None:
    assert state(read(rollout(version="1.0.0", observedGeneration="3"), OLD_COPIES))["release"] is None


def test_a_release_after_its_last_step_gets_all_requests() -> None:
    assert words(releasing(len(STEPS), 100)) == ("copies", "it gets all requests: 1 of 1 copies are ready")


def test_a_release_that_measurements_took_back_tells_share_metric_value_and_bound() -> None:
    run = analysis(JUDGED_AT_5, "Failed", metrics_of_release(), [result("errors", "Failed", "[0.0312]")])

    found = told(taken_back("RolloutAborted: Rollout aborted update to revision 2: Step-based analysis"), run)

    assert (found["phase"], found["taken_back"], found["share"]) == ("Degraded", True, 0)
    assert found["words"] == ("taken back at 5 %: errors (share of requests that failed) was 0.0312; bad is >= 0.01")


def test_a_release_that_its_golden_prompt_took_back_had_no_requests() -> None:
    run = analysis(SMOKE, "Failed", metrics_of_smoke(), [result("golden-prompt", "Failed", "No.")])

    assert told(taken_back(), run)["words"] == (
        'taken back before it had any requests: its golden prompt was answered "No."; right is == "Yes."'
    )


def test_of_several_analyses_the_last_of_this_release_tells() -> None:
    bad = [result("errors", "Failed", "[0.5]")]
    of_another = analysis(SMOKE, "Failed", metrics_of_release(), bad, pods="5f5c6b", created="2026-01-31T12:08:00Z")
    earlier = analysis(SMOKE, "Failed", metrics_of_release(), bad, name="a", created="2026-01-31T11:00:00Z")
    last = analysis(JUDGED_AT_5, "Successful", metrics_of_release(), [], created="2026-01-31T12:07:00Z")

    assert told(taken_back(), of_another, last, earlier)["words"] == "taken back by hand"


def test_a_release_whose_copies_were_not_ready_in_time_says_so() -> None:
    message = (
        f'RolloutAborted: Rollout aborted update to revision 2: ReplicaSet "tiny-{NEW}" has timed out progressing.'
    )

    assert told(taken_back(message))["words"] == (
        f'taken back: its copies were not ready in time: ReplicaSet "tiny-{NEW}" has timed out progressing.'
    )


def test_a_model_that_fares_badly_without_a_release_is_told_in_the_controllers_words() -> None:
    found = state(read(rollout(version="1.0.0", phase="Degraded", message="InvalidSpec: no such service"), OLD_COPIES))

    assert (found["phase"], found["words"]) == ("Degraded", "InvalidSpec: no such service")


def test_a_model_with_a_damaged_file_names_both_digests() -> None:
    found, expected = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    waiting = {"waiting": {"message": f"unexpected commit digest {found}, expected {expected}: failed precondition"}}
    pod = {
        "kind": "Pod", "metadata": {"name": "tiny-1", "labels": {"platform.internal/model": "tiny"}},
        "spec": {"nodeName": "cp2"}, "status": {"containerStatuses": [{"state": waiting}]},
    }  # fmt: skip
    degraded = rollout(version="1.0.0", phase="Degraded", message="ProgressDeadlineExceeded")
    objects = {("rollouts.argoproj.io", "tiny"): degraded, ("pods", "tiny-1"): pod}

    (model,) = models_in(Cluster(objects), {"llamacpp": "llamacpp"})

    assert f"expected {expected}, cp2 found {found}" in state(model)["words"]
    assert state(model)["words"].startswith("ProgressDeadlineExceeded; ")


def test_a_model_that_was_stopped_by_hand_says_by_what() -> None:
    stopped = releasing(JUDGED_AT_5)
    stopped["spec"]["paused"] = True

    assert words(stopped) == ("hand", "somebody stopped it by hand, by `spec.paused`")


def test_models_are_found_by_label_in_the_namespaces_of_all_engines() -> None:
    cluster = Cluster(
        {
            ("rollouts.argoproj.io", "tiny"): rollout(),
            ("rollouts.argoproj.io", "large"): rollout("large", namespace="vllm"),
            ("rollouts.argoproj.io", "shop"): {**rollout("shop"), "metadata": {"name": "shop", "labels": {}}},
        }
    )

    found = models_in(cluster, {"vllm": "vllm", "llamacpp": "llamacpp"})

    assert [(model.engine, model.name) for model in found] == [("llamacpp", "tiny"), ("vllm", "large")]


def test_what_is_seen_tells_when_anything_is_otherwise() -> None:
    one, other = told(releasing(JUDGED_AT_5)), told(releasing(JUDGED_AT_5, 25))

    assert seen([one]) == seen([dict(one)])
    assert seen([one]) != seen([other])
