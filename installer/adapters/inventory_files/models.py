"""`models.yml` beside an inventory: the models that its bundle carries, and where their files are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.licenses import canonicalize_license_expression

from installer.adapters.yaml_files import Location, YamlFile, read_yaml
from installer.engine.inventory_rules.subject import did_you_mean, listed, show
from installer.errors import Problem
from installer.model.models import ModelEntry

REQUIRED = ("name", "version", "directory", "licence")
FIELDS = (*REQUIRED, "base_model", "quantisation")

# What a registry takes as part of an image's name.
_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_MOST_NAME = 63
_NUMBER = r"(0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
_MOST_VERSION = 100
_CURES = {
    "name": "Write small letters and digits, with dots or hyphens between, 63 at most: letters-7b.",
    "version": "Write three numbers, as in 1.0.0, and what sets a trial apart behind a hyphen: 1.0.0-rc.1.",
    "directory": "Write the folder of the model's files, as seen from this file or from the root.",
    "licence": "Write its SPDX identifier, such as Apache-2.0, or LicenseRef-NAME for one of its maker's own.",
}


@dataclass(frozen=True)
class ModelList:
    """What a site's list says; `mistakes` are those of its lines."""

    entries: tuple[ModelEntry, ...] = ()
    mistakes: tuple[Problem, ...] = ()


def read_model_list(path: Path) -> ModelList:
    """Return what a list says; of one that is not there, that there are no models.

    Raises:
        InvalidConfiguration: it is no YAML.
    """
    if not path.exists():
        return ModelList()
    reading = _Reading(read_yaml(path))
    entries = tuple(reading.entries())
    return ModelList(entries, tuple(reading.mistakes))


def fault_of(name: str, value: Any) -> str:
    """Return what is wrong with a field of an entry, as the rest of a sentence; nothing when it is right."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return f"{name} is {show(value)}, which is no text."
    fits = {
        "name": lambda: len(value) <= _MOST_NAME and _NAME.fullmatch(value),
        "version": lambda: len(value) <= _MOST_VERSION and _VERSION.fullmatch(value),
        "licence": lambda: canonical_licence(value),
    }.get(name, lambda: True)
    return "" if fits() else f"{name} cannot be {show(value)}."


def cure_of(name: str) -> str:
    """Return what to write into a field of an entry."""
    return _CURES.get(name, "Write it on one line, in quotes.")


def canonical_licence(text: str) -> str:
    """Return an SPDX expression as it is written properly; empty when it is none."""
    try:
        return canonicalize_license_expression(text)
    except ValueError:
        return ""


@dataclass
class _Reading:
    """What was found so far."""

    document: YamlFile
    mistakes: list[Problem] = field(default_factory=list)

    def entries(self) -> Iterator[ModelEntry]:
        """Yield the entries without a mistake, each model in each version once."""
        for location, line in self.document.duplicates:
            message = f"{location[-1]} is written twice; the last one counts."
            self.mistakes.append(Problem(f"{self.document.path}:{line}", message, "Keep one of the two."))
        known: dict[tuple[str, str], ModelEntry] = {}
        for index, written in enumerate(self._written()):
            entry = self._entry(written, ("models", index))
            if entry is None:
                continue
            first = known.setdefault((entry.name, entry.version), entry)
            if first is entry:
                yield entry
            else:
                message = f"names {entry} again, which {first.where} has."
                self._refuse(("models", index), message, "Keep one of the two, or give one another version.")

    def _written(self) -> list[Any]:
        data = self.document.data
        found = data.get("models") if isinstance(data, dict) else data
        for key in data if isinstance(data, dict) else ():
            if key != "models":
                cure = did_you_mean(str(key), ["models"], "It may have `models` alone.")
                self._refuse((key,), f"cannot have `{key}`.", cure)
        if found is not None and (not isinstance(found, list) or not isinstance(data, dict)):
            self._refuse(("models",), "names no list of models.", "Write `models:`, and below it `- name: …`.")
        return found if isinstance(found, list) and isinstance(data, dict) else []

    def _entry(self, written: Any, way: Location) -> ModelEntry | None:
        before = len(self.mistakes)
        if not isinstance(written, Mapping):
            self._refuse(way, f"has {show(written)} for a model.", f"Write {listed(REQUIRED)} of it, one a line.")
            return None
        for key, value in written.items():
            if key not in FIELDS:
                cure = did_you_mean(str(key), FIELDS, f"It may have {listed(FIELDS)}.")
                self._refuse((*way, key), f"a model cannot have `{key}`.", cure)
            elif fault := fault_of(key, value):
                self._refuse((*way, key), fault, cure_of(key))
        for key in REQUIRED:
            if key not in written:
                self._refuse(way, f"the model lacks `{key}`.", cure_of(key))
        if len(self.mistakes) > before:
            return None
        return ModelEntry(
            name=written["name"],
            version=written["version"],
            directory=(self.document.path.parent / Path(written["directory"]).expanduser()).resolve(),
            licence=canonical_licence(written["licence"]),
            base_model=written.get("base_model", ""),
            quantisation=written.get("quantisation", ""),
            where=self.document.where(way),
        )

    def _refuse(self, way: Location, message: str, cure: str) -> None:
        self.mistakes.append(Problem(self.document.where(way), message, cure))
