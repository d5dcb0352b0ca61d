"""What an inventory's templates read, and those that nobody can fill in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from installer.adapters.yaml_files import Marked
from installer.model.inventory import Setting, Template, Way

_MARKS = ("{{", "{%")


class _Every(dict[str, Any]):
    """Filters or tests by name: Ansible has more than Jinja, and finds them where it runs."""

    def get(self, _name: str, _default: Any = None) -> Any:
        """Return something that may be called."""
        return str


def read_templates(settings: Iterable[Setting]) -> tuple[Template, ...]:
    """Return every template among the values of settings."""
    found = [(setting, way, text) for setting in settings for way, text in _texts(setting.value, ())]
    if not found:
        return ()
    import jinja2.meta  # an inventory without templates does not wait for it

    environment = jinja2.Environment(autoescape=True)
    environment.filters, environment.tests = _Every(), _Every()
    templates = []
    for setting, way, text in found:
        reads, fault = frozenset[str](), ""
        try:
            reads = frozenset(jinja2.meta.find_undeclared_variables(environment.parse(text)))
        except jinja2.TemplateSyntaxError as error:
            fault = str(error.message)
        templates.append(Template(setting.name, way, setting.where(way), reads, fault))
    return tuple(templates)


def _texts(value: Any, way: Way) -> Iterator[tuple[Way, str]]:
    """Yield the texts in a value that Ansible fills in, each with its way."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _texts(entry, (*way, str(key)))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, (*way, index))
    elif isinstance(value, str) and not isinstance(value, Marked) and any(mark in value for mark in _MARKS):
        yield way, value
