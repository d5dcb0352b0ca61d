"""What a program on a host needs of the collection is all there, and it runs without Ansible."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.platform.base.plugins.lookup.own_modules import LookupModule
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog

from tests.repository import role_folder


def put(folder: Path) -> Path:
    """Put the timer's program below a folder, as the role does, and return it."""
    for entry in LookupModule(DataLoader()).run(["release_timetable"], folder=str(folder / "modules")):
        path = Path(entry["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(entry["content"])
    return Path(shutil.copy(role_folder("argo_rollouts") / "files/scheduled-releases", folder))


def test_the_timers_program_runs_by_itself_and_says_what_was_missed(tmp_path: Path) -> None:
    program = put(tmp_path)
    log = AuditLog(str(tmp_path / "audit" / "models.jsonl"))
    about = {"engine": "llamacpp", "model": "tiny", "who": "anna@desk", "reason": "tried", "alone": "", "once": "yes"}
    times = {"begins": "2026-01-31T02:00:00Z", "ends": "2026-01-31T02:05:00Z"}
    with log.to_oneself():
        log.append({**about, **times, "command": "schedule", "from": "1.0.0", "to": "1.1.0"})

    # -S: of the packages that are installed here, none is in reach.
    done = subprocess.run(
        [
            sys.executable, "-I", "-S", str(program), "--kubeconfig=/nowhere", f"--audit-log={log.path}",
            f"--engines={json.dumps({'llamacpp': 'llamacpp'})}", "--two-people",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<5>llamacpp/tiny: schedule missed: Nobody looked from 2026-01-31T02:00:00Z")
    assert log.read()[0][-1]["command"] == "schedule missed"
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_module_that_is_not_there_is_told_of() -> None:
    with pytest.raises(AnsibleError, match="no module nothing"):
        LookupModule(DataLoader()).run(["nothing"], folder="/anywhere")
