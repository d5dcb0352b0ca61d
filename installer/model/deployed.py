"""What a component was, or would be, deployed with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

PARTS = {
    "role": "the role itself",
    "variables": "the inventory's variables",
    "artifacts": "what the bundle brings for it",
    "hosts": "the hosts it runs on",
    "needs": "something it needs",
}


@dataclass(frozen=True)
class Ingredients:
    """The parts of a fingerprint, each a digest, so that a plan can say which one changed.

    Attributes:
        version: for people; it is no part of the fingerprint.
    """

    role: str
    variables: str
    artifacts: str
    hosts: str
    needs: str
    version: str = ""

    @property
    def fingerprint(self) -> str:
        """Return the digest of all parts."""
        return hashlib.sha256(
            json.dumps({name: getattr(self, name) for name in PARTS}, sort_keys=True).encode()
        ).hexdigest()

    def changed_since(self, before: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of parts that differ from an earlier deployment's."""
        return tuple(name for name in PARTS if before.get(name) != getattr(self, name))


@dataclass(frozen=True)
class Deployed:
    """What the journal knows of a component.

    Attributes:
        good: its last deployment and verification ended well.
        parts: the ingredients of the last deployment that was begun.
    """

    good: bool
    parts: Mapping[str, str]
