"""Ansible, run on this machine with copies of roles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.repository import PROJECT


def play(folder: Path, playbook: Mapping[str, Any], inventory: Path, *arguments: str, **environment: str) -> None:
    """Run one play to its good end.

    Args:
        folder: where to work; roles are those below its `roles/`.
        arguments: further ones of `ansible-playbook`.
        environment: further variables.
    """
    (folder / "play.yml").write_text(json.dumps([playbook]))
    known = {
        **os.environ,
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_ROLES_PATH": str(folder / "roles"),
        "ANSIBLE_COLLECTIONS_PATH": f"{PROJECT / 'collections'}:{Path(sys.prefix) / 'collections'}",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        **environment,
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(folder / "play.yml")]
    command += ["--inventory", str(inventory), *arguments]
    done = subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
