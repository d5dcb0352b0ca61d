"""Run a site's playbook by Ansible alone, as who does not have the command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.repository import PROJECT, read
from tests.system.site import LabSite


@contextmanager
def playbook_of(site: LabSite) -> Iterator[str]:
    """Yield the site's playbook, or one beside it with those plays of it that are of the site's components."""
    whole = PROJECT / "playbooks" / "site.yml"
    if not site.components:
        yield str(whole)
        return
    plays = [play for play in read(whole) if play["vars"]["component"] in site.components]
    chosen = whole.with_name(".of-a-test.yml")
    chosen.write_text(json.dumps(plays))
    try:
        yield str(chosen)
    finally:
        chosen.unlink()


def checked_by_plain_ansible(site: LabSite) -> list[str]:
    """Run the site's playbook in check mode, without the command line, and return its recap.

    Each line is a host's, and ends with what would be changed there.
    """
    with playbook_of(site) as playbook:
        done = subprocess.run(
            [str(PROJECT / ".venv/bin/ansible-playbook"), playbook, "-i", "inventories/lab", "--check"],
            cwd=PROJECT, env={**site.environment, "PATH": f"{PROJECT / '.venv/bin'}:{os.environ['PATH']}"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    tasks, _, recap = done.stdout.partition("PLAY RECAP")
    changed, task = [], ""
    for line in tasks.splitlines():
        task = line if line.startswith("TASK [") else task
        if line.startswith("changed: ["):
            changed.append(f"{line} by {task.strip(' *')}")
    lines = [line for line in recap.splitlines() if "changed=" in line]
    return [f"{line} {[entry for entry in changed if f'[{line.split()[0]}' in entry]}" for line in lines]
