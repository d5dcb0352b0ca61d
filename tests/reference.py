"""Reference data of others' charts, where a machine has it: beside the repository, in a folder `shared`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repository import PROJECT


def reference(*parts: str) -> Path:
    """Return a file or folder of the reference data; the test is skipped on a machine without it."""
    for folder in PROJECT.parents:
        found = folder.joinpath("shared", "reference", *parts)
        if found.exists():
            return found
    pytest.skip("reference data not here")


def read_reference(*parts: str) -> Any:
    """Return the content of a YAML file of the reference data."""
    return yaml.safe_load(reference(*parts).read_text())
