"""Say by which queries the copies of a model follow its load."""

from __future__ import annotations

from typing import Any

from ansible_collections.platform.base.plugins.module_utils.model_scaling import counts_of, scaling_triggers

DOCUMENTATION = r"""
name: scaling_triggers
short_description: The triggers by which the copies of a model follow its load
options:
  _input: {description: "The model, with all that holds for it.", type: dict, required: true}
  name: {description: What it is called., type: str, required: true}
  namespace: {description: Where it is., type: str, required: true}
  measures: {description: "The engine's names of what is C(waiting) and C(running).", type: dict, required: true}
  prometheus: {description: Where to ask., type: str, required: true}
"""


def most_wanted(model: dict[str, Any]) -> int:
    """Return how many copies a model may have while nothing is released."""
    return counts_of(model)[-1]


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"most_wanted": most_wanted, "scaling_triggers": scaling_triggers}
