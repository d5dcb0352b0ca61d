"""Read the settings: a YAML file, and the environment over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from inference_gateway.errors import SettingsInvalid
from inference_gateway.settings import Settings

CONFIG_VARIABLE = "INFERENCE_GATEWAY_CONFIG"
PREFIX = "INFERENCE_GATEWAY__"


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of the file that the environment names, with its single values over them.

    `INFERENCE_GATEWAY__VALKEY__URL` is `valkey.url` of the file.

    Raises:
        SettingsInvalid: with every mistake.
    """
    path = environment.get(CONFIG_VARIABLE, "")
    values = _read(Path(path)) if path else {}
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX):
            _put(values, variable.removeprefix(PREFIX).lower().split("__"), variable, text)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsInvalid(_described(error, path)) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read ({error}). Mount it, or correct {CONFIG_VARIABLE}.") from error
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{path} is no YAML: {error}") from error
    if not isinstance(values, dict):
        raise SettingsInvalid(f"{path} holds a {type(values).__name__}; it must hold a mapping of settings.")
    return values


def _put(values: dict[str, Any], place: list[str], variable: str, text: str) -> None:
    target = values
    for part in place[:-1]:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise SettingsInvalid(f"{variable}: {part!r} is a value, and has no settings within.")
    try:
        target[place[-1]] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{variable} is no YAML: {error}") from error


def _described(error: ValidationError, path: str) -> str:
    lines = [
        f"{'.'.join(str(part) for part in mistake['loc']) or 'settings'}: {mistake['msg']}"
        + ("" if isinstance(mistake["input"], (dict, list)) else f" (is {mistake['input']!r})")
        for mistake in error.errors(include_url=False, include_context=False)
    ]
    return "\n".join([f"The settings hold mistakes ({path or 'environment'}):", *lines])
