"""How Ansible is run from here, whatever the operator's own settings are."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from installer.engine.redaction import Redaction

# Seconds until a run notices that it is to end; it costs one look at a clock each.
STOP_SECONDS = 1
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# From the error to the result that is censored, within one task.
_SILENCED = re.compile(r"^\[ERROR\]:(?:(?!^TASK \[|^fatal: )[\s\S])*(?=^fatal: [^\n]*\"censored\")", re.MULTILINE)


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


def hide_secrets(folder: Path, redact: Redaction) -> None:
    """Keep of a run what may be kept: its output without secrets.

    The record of its command holds the whole environment of whoever ran it. And Ansible prints the
    error of a task that was told to say nothing, with the lines of the playbook around it.
    """
    for path in folder.glob("artifacts/*/command"):
        path.unlink(missing_ok=True)
    for path in folder.glob("artifacts/*/std*"):
        text = _COLOUR.sub("", path.read_text(errors="replace"))
        path.write_text(redact(_SILENCED.sub("(an error of a task that says nothing)\n", text)))
