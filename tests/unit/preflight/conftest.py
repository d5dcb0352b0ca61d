"""What the tests of preflight share."""

from __future__ import annotations

import pytest

from tests.unit.preflight.sites import Site


@pytest.fixture
def site() -> Site:
    """Return a site on which every check passes."""
    return Site()
