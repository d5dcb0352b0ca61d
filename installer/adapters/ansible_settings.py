"""How Ansible is run from here, whatever the operator's own settings are."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

# Seconds until a run notices that it is to end; it costs one look at a clock each.
STOP_SECONDS = 1


def ansible_environment(project: Path, own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run.

    Args:
        own: variables of the site, beside this process's.
    """
    collections = Path(sys.prefix) / "collections"
    return {
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{project / 'collections'}:{collections}",
        "ANSIBLE_ROLES_PATH": str(project / "roles"),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        **own,
    }


def forget_environment(folder: Path) -> None:
    """Delete the record of a run's command, for it holds the whole environment of whoever ran it."""
    for path in folder.glob("artifacts/*/command"):
        path.unlink(missing_ok=True)
