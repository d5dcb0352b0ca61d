"""What deploying llama.cpp gives a cluster is what sites have already: anything else would begin a release at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from installer.adapters.catalog_files import load_catalog
from tests.deploying import deployed
from tests.repository import PROJECT

# One object or question a line, as it was when sites got it. A line is changed on purpose alone: changing what pods are
# made of is a release of every model.
KEPT = Path(__file__).with_name("llamacpp_objects.jsonl")
LETTERS = {
    "image": f"registry.example.com/models/letters@sha256:{'0123456789abcdef' * 4}",
    "file": "letters-q4.gguf",
    "version": "1.2.0",
    "replicas": 3,
    "context_tokens": 16384,
    "threads": 8,
    "load_seconds": 900,
    "resources": {"requests": {"cpu": "8", "memory": "12Gi"}, "limits": {"memory": "12Gi"}},
    "golden": {"prompt": "Is water wet?", "answer": 'She said "yes".'},
}
# What scales models is asked for what it scales no more, and is no part of what a model is.
UNSCALED = {"platform_without": {"keda": "every model has as many copies as it says"}}
SITES: dict[str, dict[str, Any]] = {
    "the example": UNSCALED,
    "two models, nothing measures": {
        "llamacpp_models": {"letters": LETTERS, "one": {"tiny": 7, "replicas": 1, "version": 2}},
        "llamacpp_drain_seconds": 90,
        "llamacpp_priority": 5,
        "platform_without": {"monitoring": "the site has its own"},
    },
    "no models": {"llamacpp_models": {}, **UNSCALED},
}


def lines(site: str, folder: Path) -> list[str]:
    """Return what a site's cluster is asked, one a line, without the versions of the engine's images."""
    asked = deployed("llamacpp", folder, **SITES[site])
    text = "\n".join(json.dumps([site, entry], sort_keys=True) for entry in [*asked.objects, *asked.questions])
    for image in load_catalog(PROJECT / "roles")["llamacpp"].description.artifacts.images:
        text = text.replace(f"{image.name}:{image.version}@", f"{image.name}:VERSION@")
    return text.splitlines()


@pytest.mark.parametrize("site", SITES)
def test_a_site_is_given_what_it_has(site: str, tmp_path: Path) -> None:
    kept = [line for line in KEPT.read_text().splitlines() if json.loads(line)[0] == site]

    assert lines(site, tmp_path) == kept
