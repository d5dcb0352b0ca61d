"""Flags turn a model off, put another behind its name and split callers, while the gateway runs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inference_gateway.errors import SettingsInvalid
from inference_gateway.flags import FileFlags

from tests.conftest import Start
from tests.processes import GatewayProcess, wait_until
from tests.stub_engine import StubEngine


def flag(default: str, variants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"state": "ENABLED", "variants": variants, "defaultVariant": default, **more}


def write(path: Path, **flags: dict[str, Any]) -> None:
    # In one step, as a mounted ConfigMap changes.
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"flags": flags}))
    new.replace(path)


@pytest.fixture
def gateway(start: Start, tmp_path: Path, stub: StubEngine) -> GatewayProcess:
    write(tmp_path / "flags.json")
    models = {name: {"url": stub.url, "version": version} for name, version in (("stub", "1"), ("next", "2"))}
    return start(models=models, files={"flags": str(tmp_path / "flags.json")})


def test_a_model_is_turned_off_and_on_again(gateway: GatewayProcess, tmp_path: Path) -> None:
    assert gateway.chat().status == 200

    write(tmp_path / "flags.json", **{"model.stub.enabled": flag("off", {"on": True, "off": False})})
    wait_until(lambda: gateway.chat().status == 503)
    refused, other = gateway.chat(), gateway.chat(model="next")
    write(tmp_path / "flags.json")

    assert refused.json["error"]["message"] == "The model 'stub' is switched off."
    assert "retry-after" in refused.headers
    assert other.status == 200
    wait_until(lambda: gateway.chat().status == 200)


def test_another_model_answers_at_once(gateway: GatewayProcess, tmp_path: Path, stub: StubEngine) -> None:
    assert gateway.chat().headers["x-aip-model"] == "stub"

    write(tmp_path / "flags.json", **{"model.stub.target": flag("next", {"next": "next"})})

    wait_until(lambda: gateway.chat().headers["x-aip-model"] == "next")
    assert gateway.chat().headers["x-aip-version"] == "2"
    assert stub.bodies[-1]["model"] == "next"


def test_a_flag_that_names_no_model_changes_nothing(gateway: GatewayProcess, tmp_path: Path) -> None:
    write(tmp_path / "flags.json", **{"model.stub.target": flag("lost", {"lost": "lost"})})

    wait_until(lambda: bool(gateway.chat().status == 200 and "names a model that is not there" in gateway.log()))
    assert gateway.chat().headers["x-aip-model"] == "stub"


def test_a_damaged_file_leaves_the_flags_as_they_were(gateway: GatewayProcess, tmp_path: Path) -> None:
    write(tmp_path / "flags.json", **{"model.stub.target": flag("next", {"next": "next"})})
    wait_until(lambda: gateway.chat().headers["x-aip-model"] == "next")

    (tmp_path / "flags.json").write_text("{")
    wait_until(lambda: gateway.get("/health/ready").status == 503)

    assert gateway.get("/health/ready").json["missing"] == ["flags"]
    assert gateway.log().count("feature flags cannot be read") == 1
    assert gateway.chat().headers["x-aip-model"] == "next"
    write(tmp_path / "flags.json")
    wait_until(lambda: gateway.get("/health/ready").status == 200)


def test_a_split_is_of_its_size_and_sticks(tmp_path: Path) -> None:
    split = {"fractional": [{"cat": [{"var": "targetingKey"}, "model.stub"]}, ["a", 95], ["b", 5]]}
    write(tmp_path / "flags.json", **{"model.stub.variant": flag("a", {"a": "a", "b": "b"}, targeting=split)})
    flags = FileFlags(tmp_path / "flags.json")
    try:
        first = [flags.route("stub", "clinic", f"key{number}").variant for number in range(2000)]
        again = [flags.route("stub", "clinic", f"key{number}").variant for number in range(2000)]
    finally:
        flags.close()

    assert again == first
    assert 60 < Counter(first)["b"] < 140


def test_the_variant_is_told_to_the_router(gateway: GatewayProcess, tmp_path: Path, stub: StubEngine) -> None:
    write(tmp_path / "flags.json", **{"model.stub.variant": flag("b", {"b": "b"})})

    wait_until(lambda: gateway.chat().status == 200 and stub.headers[-1].get("x-aip-variant") == "b")


def test_a_file_that_holds_no_flags_is_told_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "flags.json").write_text('{"flags":')

    with pytest.raises(SettingsInvalid, match="holds no feature flags"):
        FileFlags(tmp_path / "flags.json")


def test_a_missing_file_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"flags\.json is missing"):
        FileFlags(tmp_path / "flags.json")
