"""What pip's log says of an index, and what a target's Python needs."""

from __future__ import annotations

import pytest

from installer.adapters.sources.pypi import unanswered

_SKIPPED = "2026-01-01T00:00:00,000 Could not fetch URL https://pypi.example.com/simple/web/: {} - skipping"


@pytest.mark.parametrize(
    "reason",
    [
        "connection error: [Errno 111] Connection refused",
        "There was a problem confirming the ssl certificate: certificate verify failed",
        "503 Server Error: Service Unavailable for url: https://pypi.example.com/simple/web/",
        "401 Client Error: Unauthorized for url: https://pypi.example.com/simple/web/",
    ],
)
def test_an_index_that_does_not_answer_is_told_from_its_log(reason: str) -> None:
    log = f"Looking in indexes\n{_SKIPPED.format(reason)}\nNo matching distribution found for web==1.0\n"

    assert unanswered(log) == [f"https://pypi.example.com/simple/web/: {reason}"]


@pytest.mark.parametrize("status", ["404 Client Error: Not Found", "410 Client Error: Gone"])
def test_an_index_that_lacks_a_package_has_answered(status: str) -> None:
    assert unanswered(_SKIPPED.format(f"{status} for url: https://pypi.example.com/simple/web/")) == []


def test_a_log_without_failures_tells_of_none() -> None:
    assert unanswered("Looking in indexes: https://pypi.example.com/simple\n") == []
