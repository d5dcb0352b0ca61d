"""The catalogue from `roles/*/component.yml`."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from installer.adapters.yaml_files import YamlFile, read_yaml
from installer.errors import InvalidConfiguration, Problem
from installer.model.catalog import Catalog
from installer.model.component import Component, Description

# Task files that a verb of the component may include, and that are no verbs themselves, say so
# with a leading underscore or lie below a folder.
_DOOR = "main"

_description = TypeAdapter(Description)


def load_catalog(roles: Path) -> Catalog:
    """Read every component.

    Args:
        roles: the folder of all roles.

    Raises:
        InvalidConfiguration: with every mistake of every file.
    """
    problems: list[Problem] = []
    components = {}
    for path in sorted(roles.glob("*/component.yml")):
        document = read_yaml(path)
        try:
            description = _description.validate_python(document.data)
        except ValidationError as error:
            problems.extend(_problems(document, error))
            continue
        name = path.parent.name
        components[name] = Component(name, description, _verbs(path.parent / "tasks"))
    if problems:
        raise InvalidConfiguration(problems, "the catalogue")
    return Catalog(components)


def _verbs(tasks: Path) -> frozenset[str]:
    names = (path.stem for path in tasks.glob("*.yml"))
    return frozenset(name for name in names if name != _DOOR and not name.startswith("_"))


def _problems(document: YamlFile, error: ValidationError) -> list[Problem]:
    return [
        Problem(document.where(tuple(entry["loc"])), f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}.")
        for entry in error.errors(include_url=False)
    ]
