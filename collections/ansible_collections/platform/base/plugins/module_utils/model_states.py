"""How each model and its release are, by what the cluster has of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.damaged_models import damage
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl
from ansible_collections.platform.base.plugins.module_utils.release_verdicts import (
    asks_a_prompt,
    how_far,
    waits_for_quiet,
    why_bad,
    why_open,
)

ROLLOUTS = "rollouts.argoproj.io"
_KINDS = f"{ROLLOUTS},replicasets.apps,analysisruns.argoproj.io,pods"
_MODEL, _VERSION = "platform.internal/model", "platform.internal/model-version"
_HASH, _STEP = "rollouts-pod-template-hash", "step-index"
_ALL = 100

# What a release waits for.
PERSON, VERDICT, MEASUREMENT, COPIES, BY_HAND = "person", "verdict", "measurement", "copies", "hand"
HEALTHY, PROGRESSING, PAUSED, DEGRADED = "Healthy", "Progressing", "Paused", "Degraded"
_OPEN, _BY_STEP = "InconclusiveAnalysisRun", "CanaryPauseStep"
_FAILED = ("Failed", "Error")


@dataclass(frozen=True)
class Model:
    """What a cluster has of one model.

    Attributes:
        engine: the component that serves it.
        rollout: its rollout.
        replica_sets: those of the rollout, by the hash of their pods' template.
        runs: the rollout's analyses, the oldest first.
        damage: what is wrong with a file of it, where a copy cannot have it.
    """

    engine: str
    rollout: Mapping[str, Any]
    replica_sets: Mapping[str, Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]
    damage: str = ""

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.rollout["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Return where it is."""
        return str(self.rollout["metadata"]["namespace"])

    @property
    def status(self) -> Mapping[str, Any]:
        """Return what the controller says of it."""
        found: Mapping[str, Any] = self.rollout.get("status") or {}
        return found

    @property
    def seen(self) -> bool:
        """Return whether the controller has seen what is wanted."""
        return is_seen(self.rollout)

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """Return the steps by which a release takes over."""
        found: Sequence[Mapping[str, Any]] = self.rollout["spec"].get("strategy", {}).get("canary", {}).get("steps", ())
        return found

    @property
    def step(self) -> int:
        """Return the number of the step that a release is at, from 0."""
        return int(self.status.get("currentStepIndex") or 0)

    @property
    def stable(self) -> str:
        """Return the hash of the version that everybody gets; empty when there is none yet."""
        return str(self.status.get("stableRS", ""))

    @property
    def release(self) -> str:
        """Return the hash of a release that has not taken over, also one that was taken back; empty without one."""
        current = str(self.status.get("currentPodHash", ""))
        return current if current != self.stable else ""

    @property
    def taken_back(self) -> bool:
        """Return whether the release was taken back."""
        return bool(self.release and self.status.get("abort"))

    @property
    def wanted_version(self) -> str:
        """Return the version that is wanted."""
        return _version_of(self.rollout["spec"]["template"])

    def version(self, pods: str) -> str:
        """Return the version of a replica set, by its hash; empty when none was told."""
        found = self.replica_sets.get(pods)
        if found is None:
            return self.wanted_version if pods == self.status.get("currentPodHash") else ""
        return _version_of(found["spec"]["template"])

    def ready(self, pods: str) -> int:
        """Return how many copies of a replica set are ready, by its hash."""
        return int(self.replica_sets.get(pods, {}).get("status", {}).get("readyReplicas", 0))

    def run(self) -> Mapping[str, Any]:
        """Return the analysis that judges the release now, or that judged it last; empty without one."""
        named = (self.status.get("canary", {}).get("currentStepAnalysisRunStatus") or {}).get("name")
        own = [run for run in self.runs if run["metadata"].get("labels", {}).get(_HASH) == self.release]
        return next((run for run in own if run["metadata"]["name"] == named), own[-1] if own else {})

    def share_at(self, step: int) -> int:
        """Return the share that a release has at a step, in percent."""
        weights = [int(entry["setWeight"]) for entry in self.steps[:step] if "setWeight" in entry]
        return weights[-1] if weights else 0

    def share_after(self, step: int) -> int:
        """Return the share that a release has next after a step, in percent."""
        return next((int(entry["setWeight"]) for entry in self.steps[step:] if "setWeight" in entry), _ALL)


def models_in(cluster: Kubectl, engines: Mapping[str, str]) -> list[Model]:
    """Return all models of engines, by engine and name.

    Args:
        engines: the namespace of each engine.

    Raises:
        KubectlFailed: the cluster does not tell.
    """
    found: list[Model] = []
    for engine, namespace in sorted(engines.items()):
        items = cluster.items(_KINDS, f"--selector={_MODEL}", f"--namespace={namespace}")
        found += sorted(_models(engine, items), key=lambda model: model.name)
    return found


def _models(engine: str, items: Sequence[Mapping[str, Any]]) -> Iterable[Model]:
    for rollout in items:
        if rollout["kind"] != "Rollout":
            continue
        owned = [item for item in items if _is_of(item, rollout["metadata"]["uid"])]
        sets = {item["metadata"]["labels"].get(_HASH, ""): item for item in owned if item["kind"] == "ReplicaSet"}
        runs = [item for item in owned if item["kind"] == "AnalysisRun"]
        runs.sort(key=lambda run: str(run["metadata"]["creationTimestamp"]))
        name = rollout["metadata"]["name"]
        pods = [item for item in items if item["kind"] == "Pod" and item["metadata"]["labels"][_MODEL] == name]
        yield Model(engine, rollout, sets, runs, damage(pods))


def state(model: Model) -> dict[str, Any]:
    """Return how a model is, as plain data."""
    phase, waits_for, words = _told(model)
    since = next((str(entry["startTime"]) for entry in model.status.get("pauseConditions") or ()), "")
    return {
        "model": model.name, "engine": model.engine, "namespace": model.namespace, "phase": phase,
        "stable": _described(model, model.stable), "release": _coming(model) or _described(model, model.release),
        "share": _share(model), "taken_back": model.taken_back, "waits_for": waits_for,
        "since": since if waits_for in (PERSON, VERDICT) else "",
        "words": "; ".join(filter(None, (words, model.damage))),
        "ready": int(model.status.get("readyReplicas", 0)), "wanted": int(model.rollout["spec"].get("replicas", 1)),
    }  # fmt: skip


def is_seen(rollout: Mapping[str, Any]) -> bool:
    """Return whether the controller has seen what is wanted; until then it tells of what was wanted before."""
    wanted = str(rollout["metadata"].get("generation", ""))
    return str((rollout.get("status") or {}).get("observedGeneration", "")) == wanted


def refusal(rollout: Mapping[str, Any]) -> str:
    """Return why the controller does nothing about a rollout, which tells of what was before; empty where it does."""
    conditions = rollout.get("status", {}).get("conditions") or ()
    return next((str(c["message"]) for c in conditions if c["type"] == "InvalidSpec" and c["status"] == "True"), "")


def seen(states: Sequence[Mapping[str, Any]]) -> str:
    """Return what tells whether anything is other than it was."""
    return hashlib.sha256(json.dumps(states, sort_keys=True).encode()).hexdigest()[:16]


def _told(model: Model) -> tuple[str, str, str]:
    """Return a model's phase, what it waits for, and that in words."""
    status, phase = model.status, str(model.status.get("phase") or PROGRESSING)
    if not model.seen:
        return PROGRESSING, COPIES, "what moves releases has not seen the change yet"
    if refused := refusal(model.rollout):
        return DEGRADED, "", f"what moves releases refuses it: {refused}"
    if model.taken_back:
        return phase, "", _why_taken_back(model)
    if model.rollout["spec"].get("paused"):
        return PAUSED, BY_HAND, "somebody stopped it by hand, by `spec.paused`"
    pauses = [entry["reason"] for entry in status.get("pauseConditions") or ()]
    if not pauses and status.get("controllerPause"):
        return PROGRESSING, COPIES, "it was let on a moment ago"
    if not model.release:
        return phase, "", "" if phase == HEALTHY else str(status.get("message") or "its copies are not all ready")
    at = f"at {_share(model)} %"
    if _OPEN in pauses:
        return phase, VERDICT, f"there is no verdict {at}: {why_open(model.run())}"
    if _BY_STEP in pauses:
        rest = "everything" if model.share_after(model.step) == _ALL else "more"
        return phase, PERSON, f"somebody has to agree {at} before it gets {rest}"
    return (phase, *_progress(model, at))


def _progress(model: Model, at: str) -> tuple[str, str]:
    """Return what a release that goes on waits for, and that in words."""
    if model.step < len(model.steps) and "analysis" in model.steps[model.step]:
        run = model.run()
        if asks_a_prompt(run):
            return COPIES, f"its golden prompt is asked: {how_far(run)}"
        if waits_for_quiet(run):
            return MEASUREMENT, f"what is measured may be of the release before: {how_far(run)}"
        return MEASUREMENT, f"it is judged {at}: {how_far(run)}"
    wanted = int(model.replica_sets.get(model.release, {}).get("spec", {}).get("replicas", 0))
    copies = f"{model.ready(model.release)} of {wanted} copies are ready"
    return COPIES, copies if model.step < len(model.steps) else f"it gets all requests: {copies}"


def _why_taken_back(model: Model) -> str:
    run = model.run()
    if run and run.get("status", {}).get("phase") in _FAILED:
        share = model.share_at(int(run["metadata"].get("labels", {}).get(_STEP, 0)))
        when = f"at {share} %" if share else "before it had any requests"
        return f"taken back {when}: {why_bad(run)}"
    # `RolloutAborted: Rollout aborted update to revision 3: ReplicaSet "…" has timed out progressing.`
    reason = str(model.status.get("message", "")).partition("revision ")[2].partition(": ")[2].strip()
    if "timed out" in reason:
        return f"taken back: its copies were not ready in time: {reason}"
    return f"taken back: {reason}" if reason else "taken back by hand"


def _share(model: Model) -> int:
    """Return the share of requests that the release gets, in percent."""
    if model.release and not model.stable:
        return _ALL
    weights = model.status.get("canary", {}).get("weights") or {}
    return int(weights.get("canary", {}).get("weight", 0))


def _described(model: Model, pods: str) -> dict[str, Any] | None:
    return {"version": model.version(pods), "hash": pods, "ready": model.ready(pods)} if pods else None


def _coming(model: Model) -> dict[str, Any] | None:
    """Return the release that is wanted and that nobody has seen yet."""
    if model.seen or (model.stable and model.wanted_version == model.version(model.stable)):
        return None
    return {"version": model.wanted_version, "hash": "", "ready": 0}


def _version_of(template: Mapping[str, Any]) -> str:
    return str((template.get("metadata", {}).get("annotations") or {}).get(_VERSION, ""))


def _is_of(item: Mapping[str, Any], owner: str) -> bool:
    return any(entry["uid"] == owner for entry in item["metadata"].get("ownerReferences", ()))
