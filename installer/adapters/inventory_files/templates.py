"""What an inventory's templates read, and those that nobody can fill in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from installer.adapters.yaml_files import Marked
from installer.engine.inventory_rules.subject import is_opaque
from installer.model.inventory import Setting, Template, texts_of


class _Every(dict[str, Any]):
    """Filters or tests by name: Ansible has more than Jinja, and finds them where it runs."""

    def get(self, _name: str, _default: Any = None) -> Any:
        """Return something that may be called."""
        return str


def read_templates(settings: Iterable[Setting]) -> tuple[Template, ...]:
    """Return every template among the values of settings."""
    found = [
        (setting, way, text)
        for setting in settings
        for way, text in texts_of(setting.value)
        if is_opaque(text) and not isinstance(text, Marked)
    ]
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
