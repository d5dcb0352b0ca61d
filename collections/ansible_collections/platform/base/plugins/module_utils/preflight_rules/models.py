"""Rules on the models that a site serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    AllFacts,
    Check,
    HostFinding,
)
from ansible_collections.platform.base.plugins.module_utils.served_models import (
    Models,
    Terms,
    mistakes,
)


def models_can_be_served(
    hosts: AllFacts, models: Models, terms: Terms, images: Mapping[str, Any]
) -> Iterator[HostFinding]:
    """A model without an image that is pinned, or with words that mean nothing, is no model that can be served.

    `terms` are what an engine says of its models; `images` are the bundle's, and none where there is no bundle yet.
    """
    for entry in mistakes(models, terms, images or None):
        yield _told(hosts, f"would not serve {entry.model} of {terms['variable']}: {entry.what}.", entry.cure)


def _told(hosts: AllFacts, message: str, cure: str) -> HostFinding:
    """Return what the inventory says wrongly, once for all hosts."""
    return HostFinding(next(iter(hosts)), message, cure)


CHECKS = (Check(models_can_be_served),)
