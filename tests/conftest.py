"""What all tests share: a test's folder below `tests/` is its marker."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time ask for everything."""
    parser.addoption("--whole", action="store_true", help="a site lives with every component, not a cluster's alone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder, so that `-m unit` needs no mark in a file."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            item.add_marker(item.path.relative_to(TESTS).parts[0])


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's root."""
    return TESTS.parent
