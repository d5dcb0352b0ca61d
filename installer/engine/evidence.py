"""Where to look for what explains a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from installer.model.catalog import Catalog
from installer.model.evidence import Look
from installer.model.plan import StepResult, TaskFailure

_UNIT = re.compile(r"\b[\w@:.-]+\.(?:service|socket|timer|path|mount)\b")
_JOURNAL = re.compile(r"journalctl (?:-u|--unit)[ =]([\w@:.-]*[\w@])")
_NAMESPACE = re.compile(r"(?:kubectl|helm)\b[^`\n]* (?:-n|--namespace)[ =]([a-z0-9-]+)")
_MOST_UNITS = 3
_MOST_LOOKS = 3
_LOCAL = "localhost"


def where_to_look(results: Mapping[str, StepResult], catalog: Catalog) -> tuple[tuple[str, int, Look], ...]:
    """Return step, place among its failures, and where to look, for the failures worth it.

    The first failures come first, and a few are enough: what fails later often fails for the same reason.
    A failure that brought its own explanation, and a host that does not answer or has nothing, are left alone.
    """
    found = []
    for name, result in results.items():
        component = name.rpartition(" ")[0]
        namespace = catalog[component].description.namespace if component in catalog else None
        for index, failure in enumerate(result.failures):
            if failure.evidence or not failure.reached or failure.bare or failure.host == _LOCAL:
                continue
            found.append((name, index, look_for(failure, namespace or "")))
    return tuple(found[:_MOST_LOOKS])


def look_for(failure: TaskFailure, namespace: str) -> Look:
    """Return where one failure can be explained: units it names, and the namespace of its pods.

    Args:
        namespace: the component's; one that the failure names itself goes before.
    """
    text = f"{failure.task}\n{failure.message}"
    units = [*_UNIT.findall(text), *(_whole(name) for name in _JOURNAL.findall(text))]
    named = _NAMESPACE.search(text)
    return Look(failure.host, tuple(dict.fromkeys(units))[:_MOST_UNITS], named.group(1) if named else namespace)


def _whole(unit: str) -> str:
    return unit if _UNIT.fullmatch(unit) else f"{unit}.service"
