"""Programs and modules of roles, for tests that call their functions."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType


def loaded(path: Path) -> ModuleType:
    """Return a program of a role as a module, whatever its name ends in."""
    loader = importlib.machinery.SourceFileLoader(path.stem.replace("-", "_"), str(path))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    loader.exec_module(module)
    return module
