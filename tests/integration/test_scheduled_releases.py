"""The role puts the timer's program on an admin host as it runs, in units that systemd can read."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.test_model_commands import HOSTS, VARIABLES
from tests.playbooks import play
from tests.repository import PROJECT

# All that the role would write, in a folder of the test's.
WRITE = {
    "name": "Write what the role would",
    "ansible.builtin.copy": {"content": "{{ item.content }}", "dest": "{{ into }}/{{ item.path | basename }}"},
    "loop": "{{ __argo_rollouts_timer_files | rejectattr('path', 'search', '__init__') | list }}",
    "loop_control": {"label": "{{ item.path }}"},
}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return the folder with what the role would write."""
    site, into = tmp_path / "site", tmp_path / "written"
    (site / "group_vars" / "all").mkdir(parents=True)
    into.mkdir()
    (site / "hosts.yml").write_text(HOSTS)
    (site / "group_vars" / "all" / "site.yml").write_text(VARIABLES.format(folder=tmp_path))
    role = tmp_path / "roles" / "writes"
    for part in ("vars", "files", "templates"):
        shutil.copytree(PROJECT / "roles/argo_rollouts" / part, role / part)
    (role / "tasks").mkdir()
    (role / "tasks" / "main.yml").write_text(json.dumps([WRITE]))
    play(
        tmp_path,
        {"hosts": "admin1", "gather_facts": False, "roles": ["writes"], "vars": {"into": str(into)}},
        site,
    )
    return into


def test_units_can_be_read_and_ask_for_what_the_site_has(written: Path) -> None:
    service = (written / "platform-scheduled-releases.service").read_text()

    (line,) = [line for line in service.splitlines() if line.startswith("ExecStart=")]
    program, *options = shlex.split(line)[2:]
    told = dict(option.partition("=")[::2] for option in options)
    assert program == "/usr/local/lib/platform/scheduled-releases/scheduled-releases"
    assert json.loads(told.pop("--engines"))["llamacpp"] == "llamacpp"
    assert set(told) == {"--kubeconfig", "--audit-log", "--two-people"}
    assert (written / "release_timetable.py").exists()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_finds_no_fault_with_the_units(written: Path) -> None:
    names = [f"platform-scheduled-releases.{kind}" for kind in ("service", "timer")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(written / name) for name in names)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert [line for line in done.stderr.splitlines() if "platform-scheduled" in line] == []
