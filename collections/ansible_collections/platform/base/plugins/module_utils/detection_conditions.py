"""Conditions of Falco's rules: read, and decided for one event.

Falco's own parser is C++ and comes with Falco alone: no package registry has another, and the copy of its libraries
that Debian packages is years older than the fields that rules name.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

ORDERS = ("<=", "<", ">=", ">")
TEXTS = ("=", "==", "!=", "contains", "icontains", "startswith", "endswith", "glob", "regex")
LISTS = ("in", "intersects", "pmatch")
EXISTS = "exists"
OPERATORS = (*ORDERS, *TEXTS, *LISTS, EXISTS)
_CHANGES: Mapping[str, Callable[[str], str]] = {
    "tolower": str.lower,
    "toupper": str.upper,
    "basename": lambda text: PurePosixPath(text).name,
    "len": lambda text: str(len(text)),
}
_TOKEN = re.compile(r"""\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(<=|>=|!=|==|[=<>(),])|([^\s(),="'<>!]+))""")
_FIELD = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)(?:\[([^\]]+)\])?")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


class WrongCondition(Exception):
    """A condition cannot be read, or names a macro that there is not."""


@dataclass(frozen=True)
class Value:
    """What a field is compared with; a word without quotes may be a list's name."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Check:
    """A field, held against values."""

    field: str
    argument: str
    changes: tuple[str, ...]
    operator: str
    values: tuple[Value, ...]

    @property
    def way(self) -> str:
        """Return the field with its argument, as events hold it."""
        return f"{self.field}[{self.argument}]" if self.argument else self.field


@dataclass(frozen=True)
class Macro:
    """The name of another condition."""

    name: str


@dataclass(frozen=True)
class Not:
    """What must not hold."""

    inner: Node


@dataclass(frozen=True)
class Group:
    """Parts that hold all, or of which one does."""

    word: str
    parts: tuple[Node, ...]


Node = Check | Macro | Not | Group


def read(text: str) -> Node:
    """Return a condition's parts.

    Raises:
        WrongCondition: it cannot be read.
    """
    reader = _Reader(text)
    node = reader.either()
    if reader.next is not None:
        raise WrongCondition(f"`{reader.next.text}` was not expected {reader.place}")
    return node


def parts(node: Node) -> Iterator[Check | Macro]:
    """Yield every check, and every macro that is named."""
    if isinstance(node, Not):
        yield from parts(node.inner)
    elif isinstance(node, Group):
        for part in node.parts:
            yield from parts(part)
    else:
        yield node


class _Reader:
    """Reads a condition word by word."""

    def __init__(self, text: str) -> None:
        self._words = list(_words(text))
        self._at = 0

    @property
    def next(self) -> Value | None:
        """Return the next word, or None at the end."""
        return self._words[self._at] if self._at < len(self._words) else None

    @property
    def place(self) -> str:
        """Return where the reader is, for whoever looks for a mistake."""
        before = " ".join(word.text for word in self._words[max(0, self._at - 4) : self._at])
        return f"after `{before}`" if before else "at the beginning"

    def either(self) -> Node:
        """Read parts of which one holds."""
        return self._group("or", self._all)

    def _all(self) -> Node:
        return self._group("and", self._one)

    def _group(self, word: str, inner: Callable[[], Node]) -> Node:
        found = [inner()]
        while self._took(word):
            found.append(inner())
        return found[0] if len(found) == 1 else Group(word, tuple(found))

    def _one(self) -> Node:
        if self._took("not"):
            return Not(self._one())
        if self._took("("):
            node = self.either()
            self._must(")")
            return node
        return self._check()

    def _check(self) -> Node:
        word = self._take("a field or a macro")
        changes = []
        while word in _CHANGES and self._took("("):
            changes.append(word)
            word = self._take("a field")
        match = _FIELD.fullmatch(word)
        for _ in changes:
            self._must(")")
        if not match:
            if changes or not _NAME.fullmatch(word) or word in OPERATORS:
                raise WrongCondition(f"`{word}` is neither a field nor a macro, {self.place}")
            return Macro(word)
        operator = self._take("an operator")
        if operator not in OPERATORS:
            raise WrongCondition(f"there is no operator `{operator}`, {self.place}")
        return Check(match[1], match[2] or "", tuple(changes), operator, self._values(operator))

    def _values(self, operator: str) -> tuple[Value, ...]:
        if operator == EXISTS:
            return ()
        if operator not in LISTS:
            return (self._value(),)
        if not self._took("("):
            return (self._value(),)
        found: list[Value] = []
        while not self._took(")"):
            if found:
                self._must(",")
            found.append(self._value())
        return tuple(found)

    def _value(self) -> Value:
        word = self.next
        if word is None or (not word.quoted and word.text in ("(", ")", ",", *ORDERS, "=", "==", "!=")):
            raise WrongCondition(f"a value is missing {self.place}")
        self._at += 1
        return word

    def _take(self, what: str) -> str:
        word = self.next
        if word is None or word.quoted:
            raise WrongCondition(f"{what} is missing {self.place}")
        self._at += 1
        return word.text

    def _took(self, text: str) -> bool:
        if self.next != Value(text, quoted=False):
            return False
        self._at += 1
        return True

    def _must(self, text: str) -> None:
        if not self._took(text):
            raise WrongCondition(f"`{text}` is missing {self.place}")


def _words(text: str) -> Iterator[Value]:
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise WrongCondition(f"`{text[at:].strip()[:20]}` cannot be read")
        yield Value(match[1][1:-1], True) if match[1] is not None else Value(match[2] or match[3], False)
        at = match.end()


@dataclass(frozen=True)
class Names:
    """What conditions may name: other conditions, and lists."""

    macros: Mapping[str, Node]
    lists: Mapping[str, Sequence[str]]

    def macro(self, name: str) -> Node:
        """Return a condition by its name.

        Raises:
            WrongCondition: there is none.
        """
        if name not in self.macros:
            raise WrongCondition(f"there is no macro `{name}`")
        return self.macros[name]

    def texts(self, values: Sequence[Value]) -> list[str]:
        """Return values, with what lists hold in place of their names."""
        return [
            text
            for value in values
            for text in (self.lists[value.text] if not value.quoted and value.text in self.lists else [value.text])
        ]


def holds(node: Node, event: Mapping[str, Any], names: Names) -> bool:
    """Return whether a condition holds for an event, given as values by field.

    What an event has no value for is as Falco has it: no comparison with it holds, not even that it differs.

    Raises:
        WrongCondition: a macro is named that there is not.
    """
    if isinstance(node, Not):
        return not holds(node.inner, event, names)
    if isinstance(node, Group):
        return (all if node.word == "and" else any)(holds(part, event, names) for part in node.parts)
    if isinstance(node, Macro):
        return holds(names.macro(node.name), event, names)
    found = event.get(node.way)
    if found is None or node.operator == EXISTS:
        return found is not None
    have = [_changed(_text(item), node.changes) for item in (found if isinstance(found, list) else [found])]
    wanted = names.texts(node.values)
    return any(_compares(node.operator, item, wanted) for item in have)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _changed(text: str, changes: Sequence[str]) -> str:
    for change in reversed(changes):
        text = _CHANGES[change](text)
    return text


def _compares(operator: str, have: str, wanted: Sequence[str]) -> bool:
    if operator in LISTS:
        return any(_is_below(have, text) if operator == "pmatch" else have == text for text in wanted)
    return _COMPARISONS[operator](have, wanted[0])


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda have, text: have == text,
    "==": lambda have, text: have == text,
    "!=": lambda have, text: have != text,
    "<": lambda have, text: float(have) < float(text),
    "<=": lambda have, text: float(have) <= float(text),
    ">": lambda have, text: float(have) > float(text),
    ">=": lambda have, text: float(have) >= float(text),
    "contains": lambda have, text: text in have,
    "icontains": lambda have, text: text.lower() in have.lower(),
    "startswith": lambda have, text: have.startswith(text),
    "endswith": lambda have, text: have.endswith(text),
    "glob": fnmatch.fnmatchcase,
    "regex": lambda have, text: re.fullmatch(text, have) is not None,
}
