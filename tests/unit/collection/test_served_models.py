"""Models of an inventory, filled in, and refused where they cannot be served."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.platform.base.plugins.filter.served import served_models
from ansible_collections.platform.base.plugins.module_utils.served_models import mistakes

DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGES = {"platform.internal/models/letters": {"version": "v1.2.0", "digest": DIGEST}}
TERMS: dict[str, Any] = {
    "variable": "engine_models",
    "defaults": {"replicas": 2, "version": "", "golden": {"prompt": "Are you there?", "answer": ""}},
    "needs": [["tiny"], ["image", "file"]],
}
LETTERS = {"image": f"registry.example.com/models/letters@{DIGEST}", "file": "letters.gguf"}


def served(**models: Any) -> dict[str, dict[str, Any]]:
    return served_models(models, TERMS, IMAGES)


def refused(**models: Any) -> str:
    with pytest.raises(AnsibleFilterError) as refusal:
        served(**models)
    return str(refusal.value)


def test_a_model_has_what_it_does_not_say_from_its_engine() -> None:
    found = served(tiny={"tiny": 1, "version": "2"})["tiny"]

    assert found == {**TERMS["defaults"], "tiny": 1, "version": "2"}


def test_a_golden_prompt_has_what_it_does_not_say_from_its_engine() -> None:
    found = served(tiny={"tiny": 1, "golden": {"answer": "Yes."}})["tiny"]

    assert found["golden"] == {"prompt": "Are you there?", "answer": "Yes."}


def test_an_image_with_a_digest_stays_as_it_is_written() -> None:
    assert served(letters=LETTERS)["letters"]["image"] == LETTERS["image"]


def test_an_image_of_the_bundle_has_the_bundles_digest() -> None:
    found = served(letters={**LETTERS, "image": "platform.internal/models/letters"})

    assert found["letters"]["image"] == f"platform.internal/models/letters:v1.2.0@{DIGEST}"


@pytest.mark.parametrize(
    "image",
    [
        "registry.example.com/models/letters:v1.2.0",
        "platform.internal/models/letters:v1.2.0",
        "platform.internal/models/numbers",
        "registry.example.com/models/letters@sha256:0123",
        "registry.example.com:5000/models/letters",
    ],
)
def test_an_image_with_neither_is_refused_by_the_models_name_and_with_a_cure(image: str) -> None:
    message = refused(letters={**LETTERS, "image": image})

    assert message.startswith(f"letters of engine_models cannot be served: its image {image} has no digest")
    assert message.endswith("Name it by digest (NAME@sha256:DIGEST), or name one of the bundle without a version.")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"tiny": 1, "replica": 3}, "it says replica, which means nothing. It may say tiny, image, file, replicas"),
        ({"image": LETTERS["image"]}, "it does not say what it is. Say tiny, or image and file."),
        (None, "it does not say what it is"),
        ("letters.gguf", "it does not say what it is"),
        ({"tiny": 1, "replicas": 0}, "it has 0 for `replicas`"),
        ({"tiny": 1, "replicas": "3"}, "it has '3' for `replicas`"),
    ],
    ids=["a misspelt word", "half of what it is", "nothing", "no mapping", "no copies", "a text for a number"],
)
def test_a_model_that_cannot_be_is_refused(model: Any, said: str) -> None:
    assert said in refused(letters=model)


@pytest.mark.parametrize("name", ["Letters", "llama-3.1", "7b", "letters-", "l" * 51])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    assert f"{name} of engine_models cannot be served: its name" in refused(**{name: {"tiny": 1}})


def test_every_mistake_is_told_at_once() -> None:
    assert len(refused(Letters={"tiny": 1, "replica": 3}, numbers={}).splitlines()) == 3


def test_where_no_bundle_is_known_yet_its_images_are_taken_for_granted() -> None:
    models = {
        "letters": {**LETTERS, "image": "platform.internal/models/numbers"},
        "tagged": {**LETTERS, "image": "platform.internal/models/numbers:v1"},
    }

    assert [entry.model for entry in mistakes(models, TERMS, None)] == ["tagged"]
