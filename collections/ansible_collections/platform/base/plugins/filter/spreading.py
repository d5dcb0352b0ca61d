"""Say on which hosts copies of one service may be together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: kept_apart
short_description: The constraints by which copies are on hosts of their own, while there are as many
options:
  _input: {description: "The labels of the copies' pods.", type: dict, required: true}
  revision:
    description: The label of pods of one revision, each of which is spread by itself.
    type: str
    default: pod-template-hash
"""


def kept_apart(labels: Mapping[str, str], revision: str = "pod-template-hash") -> list[dict[str, Any]]:
    """Return the topology spread constraints of a pod.

    Hosts that come back are empty, and nobody moves what ran meanwhile: two copies on one host would go with it. So a
    preference is not enough; hosts that are lost do not count, or a copy would wait for one.
    """
    return [
        {
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
            "nodeTaintsPolicy": "Honor", "matchLabelKeys": [revision], "labelSelector": {"matchLabels": dict(labels)},
        }
    ]  # fmt: skip


class FilterModule:
    """Filters over pods."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"kept_apart": kept_apart}
