"""Which versions of models the cluster serves, and of which images they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.model_stages import Candidate
from ansible_collections.platform.base.plugins.module_utils.model_states import Model

# Where every engine has its model, by the contract of engines.
_VOLUME = "model"


def served_versions(models: Sequence[Model], known: Mapping[str, Mapping[str, str]]) -> Iterator[Candidate]:
    """Yield the versions that are served, and those of releases that are under way.

    Args:
        known: what else is known of images, by digest.
    """
    for model in models:
        tracks = [(model.stable, "")]
        if model.release and not model.taken_back:
            tracks.append((model.release, model.version(model.stable) if model.stable else ""))
        for pods, replaces in tracks:
            if pods not in model.replica_sets:
                continue
            image = model_image(model.replica_sets[pods]["spec"]["template"].get("spec", {}))
            more = known.get(image.partition("@")[2], {})
            tags = {**more, "engine": model.engine, "replaces": replaces}
            yield Candidate(model.name, model.version(pods), image, True, tags)


def model_image(pod: Mapping[str, Any]) -> str:
    """Return the image that a pod has its model from: one that is mounted, or one that writes it; empty without."""
    for volume in pod.get("volumes", ()):
        if volume["name"] == _VOLUME and "image" in volume:
            return str(volume["image"].get("reference", ""))
    for container in pod.get("initContainers", ()):
        if any(mount["name"] == _VOLUME for mount in container.get("volumeMounts", ())):
            return str(container["image"])
    return ""


def carried_versions(carried: Sequence[Mapping[str, str]]) -> Iterator[Candidate]:
    """Yield the versions of models that a bundle carries.

    Args:
        carried: of each C(name), C(version), C(image), and whatever else is known, by the names of tags.
    """
    for told in carried:
        tags = {name: value for name, value in told.items() if name not in ("name", "version", "image")}
        yield Candidate(told["name"], told["version"], told["image"], False, tags)
