"""Fill in what an inventory says of the models that an engine serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.platform.base.plugins.module_utils.served_models import (
    Models,
    Terms,
    filled,
    gpus_asked_for,
    image_reference,
    mistakes,
)

DOCUMENTATION = r"""
name: served_models
short_description: Models with all that holds for each, and their images by digest
options:
  _input: {description: "The models of an inventory, by name.", type: dict, required: true}
  terms: {description: "What the engine says: C(variable), C(defaults) and C(needs).", type: dict, required: true}
  images: {description: "The bundle's images, as C(platform_artifacts.images) has them.", type: dict, required: true}
"""


def served_models(models: Models, terms: Terms, images: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each model with all that holds for it; one that names an image of the bundle has its digest.

    Raises:
        AnsibleFilterError: a model cannot be served as it is written.
    """
    if found := list(mistakes(models, terms, images)):
        told = (f"{entry.model} of {terms['variable']} cannot be served: {entry.what}. {entry.cure}" for entry in found)
        raise AnsibleFilterError("\n".join(told))
    return {
        name: {**model, "image": image_reference(str(model["image"]), images)} if "image" in model else model
        for name, model in filled(models, terms).items()
    }


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"gpus_asked_for": gpus_asked_for, "served_models": served_models}
