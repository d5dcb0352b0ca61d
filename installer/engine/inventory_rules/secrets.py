"""Secrets: none stands in an inventory where everybody can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from installer.engine.inventory_rules.subject import Subject, is_opaque, is_secret, spell
from installer.errors import Problem
from installer.model.inventory import Way

# Inside charts' values, `secret` names a Secret and holds none.
_INNER = re.compile(r"(password|passwd|passphrase|token)$", re.IGNORECASE)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def clear_secrets(subject: Subject) -> Iterator[Problem]:
    """Find secrets that are not encrypted. Their values are never shown."""
    for setting in subject.settings:
        for way in _clear(setting.name, setting.value, ()):
            message = f"{spell(setting.name, way)} is a secret that everybody can read here."
            yield Problem(setting.where(way), message, "Change it, and encrypt it with `ansible-vault encrypt_string`.")


def _clear(name: str, value: Any, way: Way) -> Iterator[Way]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _clear(str(key), entry, (*way, str(key)))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _clear(name, entry, (*way, index))
    elif isinstance(value, str | int) and not isinstance(value, bool) and value and not is_opaque(value):
        named = _INNER.search(name) is not None if way else is_secret(name)
        if named or _KEY.search(str(value)):
            yield way


RULES = (clear_secrets,)
