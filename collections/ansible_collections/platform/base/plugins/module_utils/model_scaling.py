"""What an inventory says of models whose copies follow their load: filled in, what of it cannot be, what is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Model = Mapping[str, Any]
Terms = Mapping[str, Any]

WORD = "autoscaling"
_LEAST, _MOST = "minimum", "maximum"
_SECONDS = ("grow_after_seconds", "shrink_after_seconds", "shrink_every_seconds")
# What Kubernetes takes for a window, and for a period, at most.
_LONGEST = {"shrink_every_seconds": 1800}
_LONGEST_WINDOW = 3600


def with_scaling(model: Model, given: Model, terms: Terms) -> dict[str, Any]:
    """Return a model with all that holds for its scaling; one that is scaled has its least copies for `replicas`.

    Args:
        model: all that holds for it.
        given: what is written of it.
        terms: what its engine says; `autoscaling` are the defaults, and `side_by_side` the word that says how many
            requests a copy answers at once, where there is one.
    """
    said = given.get(WORD)
    if not isinstance(said, Mapping):
        return dict(model)
    scaling = {**terms.get(WORD, {}), **said}
    # As long as all that runs has a place in fewer copies, fewer suffice.
    scaling["running"] = scaling.get("running") or model.get(terms.get("side_by_side", ""), 0)
    least = scaling.get(_LEAST)
    return {**model, WORD: scaling, **({"replicas": least} if _is_whole(least, 1) else {})}


def counts_of(model: Model) -> range:
    """Return how many copies a model may have while nothing is released."""
    scaling = model.get(WORD)
    least: int = model["replicas"]
    return range(least, (scaling[_MOST] if scaling else least) + 1)


def scaled(models: Mapping[str, Model]) -> list[str]:
    """Return the models whose copies follow their load."""
    return [str(name) for name, model in models.items() if isinstance(model, Mapping) and WORD in model]


def scaling_mistakes(model: Model, given: Model, terms: Terms) -> Iterator[tuple[str, str]]:
    """Yield why the copies of a model cannot follow its load as it is written, each with what to do.

    Args:
        model: all that holds for it.
        given: what is written of it.
    """
    if WORD not in given or WORD not in terms:
        return
    if not isinstance(given[WORD], Mapping):
        yield (
            f"it has {given[WORD]!r} for `{WORD}`",
            f"Write {_LEAST} and {_MOST}: the copies that it has at least, and at most.",
        )
        return
    scaling: Mapping[str, Any] = model[WORD]
    known = [_LEAST, _MOST, *terms[WORD]]
    if unknown := sorted(set(given[WORD]) - set(known)):
        yield (
            f"its `{WORD}` says {', '.join(map(str, unknown))}, which means nothing",
            f"It may say {', '.join(known)}.",
        )
    if "replicas" in given:
        yield f"it has `replicas` beside `{WORD}`", f"Leave it out: it has {_LEAST} copies and more."
    yield from _of_bounds(scaling)
    yield from _of_load(scaling)


def release_is_on(name: str, namespace: str) -> str:
    """Return the query that has one element while a release of a model is under way, and none otherwise.

    Copies that come by scaling alone are all of the version that is wanted: that is no release.
    """
    rollout = _rollout(name, namespace)
    under_way = f'max(rollout_info{{{rollout},phase=~"Progressing|Paused"}})'
    updated = f"max(rollout_info_replicas_updated{{{rollout}}})"
    there = f"max(rollout_info_replicas_available{{{rollout}}}) + max(rollout_info_replicas_unavailable{{{rollout}}})"
    return f"({under_way} and ({updated} != {there}))"


def load_query(measure: str, name: str, namespace: str, each: float) -> str:
    """Return the query of a measure of a model, which has exactly one element, or none.

    While a release is under way it says what the copies that are wanted would have to do, so that none come and none
    go: two who decide about copies would undo each other's work. Without who measures, or without who moves releases,
    there is no element, which is no verdict.

    Args:
        each: how much of it a copy may have before another comes.
    """
    rollout, release = _rollout(name, namespace), release_is_on(name, namespace)
    wanted = f"max(rollout_info_replicas_desired{{{rollout}}})"
    # Engines alone are asked: what stands before them may tell of the same by the same name.
    told = f'sum({measure}{{namespace="{namespace}",model_name="{name}"}})'
    return f"({wanted} * {each} and {release}) or (({told} and {wanted}) unless {release})"


def scaling_triggers(
    model: Model, name: str, namespace: str, measures: Mapping[str, str], prometheus: str
) -> list[dict[str, Any]]:
    """Return the triggers of a model's scaling: one for what waits, and one for what runs where that is looked at.

    Args:
        measures: the engine's names of what is `waiting` and `running`.
        prometheus: where to ask.
    """
    bounds = {word: model[WORD][word] for word in ("waiting", "running")}
    return [
        {
            "type": "prometheus", "name": word, "metricType": "AverageValue",
            "metadata": {
                "serverAddress": prometheus, "query": load_query(measures[word], name, namespace, each),
                "threshold": str(each),
                # Nothing measured is not the same as nothing to do.
                "ignoreNullValues": "false",
            },
        }
        for word, each in bounds.items()
        if each
    ]  # fmt: skip


def _of_bounds(scaling: Model) -> Iterator[tuple[str, str]]:
    least: Any = scaling.get(_LEAST)
    most: Any = scaling.get(_MOST)
    if not _is_whole(least, 1):
        yield f"its `{WORD}` has {least!r} for `{_LEAST}`", "Write how many copies it has at least, from 1."
    if not _is_whole(most, 1):
        yield f"its `{WORD}` has {most!r} for `{_MOST}`", "Write how many copies it has at most."
    elif _is_whole(least, 1) and most <= least:
        yield (
            f"its `{WORD}` has {least} copies at least and {most} at most",
            f"Write a `{_MOST}` above; for a number that stays, write `replicas` instead.",
        )


def _of_load(scaling: Model) -> Iterator[tuple[str, str]]:
    if not _is_amount(scaling.get("waiting")) or not scaling["waiting"]:
        yield (
            f"its `{WORD}` has {scaling.get('waiting')!r} for `waiting`",
            "Write above how many requests that wait, for each copy, another copy comes.",
        )
    if not _is_amount(scaling.get("running")):
        yield (
            f"its `{WORD}` has {scaling.get('running')!r} for `running`",
            "Write above how many requests that run, for each copy, another copy comes, or 0.",
        )
    for word in _SECONDS:
        longest = _LONGEST.get(word, _LONGEST_WINDOW)
        if not _is_whole(scaling.get(word), 0) or scaling[word] > longest:
            yield f"its `{WORD}` has {scaling.get(word)!r} for `{word}`", f"Write seconds, {longest} at most."


def _rollout(name: str, namespace: str) -> str:
    # What the controller says of others' objects is renamed where it would say where it runs itself.
    return f'exported_namespace="{namespace}",name="{name}"'


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
