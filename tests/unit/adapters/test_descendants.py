"""Processes that must not outlive a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from installer.adapters.journal import only_one
from installer.adapters.process import descendants, kill_all

# A child that has a child in a session of its own, as Ansible's workers are.
_PARENT = """
import subprocess, sys
wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]
child = subprocess.Popen(wait, stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_grandchild_in_a_session_of_its_own_is_found_and_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    grandchild = int(parent.stdout.readline())

    found = descendants(os.getpid())
    kill_all(found)

    assert {parent.pid, grandchild} <= set(found)
    # Both ends of its output are closed only when both have ended.
    assert parent.communicate()[0] == ""
    assert parent.returncode < 0


def test_a_process_that_took_a_dead_ones_number_is_left_alone() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    kill_all({other.pid: "the time somebody else started"})

    assert other.poll() is None
    other.communicate()
    assert other.returncode == 0


def waiting(*arguments: str) -> subprocess.Popen[bytes]:
    """Return a program that waits until it is ended, begun with arguments that say nothing to it."""
    program = "import sys; sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read()"
    begun = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert begun.stdout is not None and begun.stdout.read(1) == b"."
    return begun


def test_workers_that_a_killed_run_left_are_ended_before_the_next(tmp_path: Path) -> None:
    mine, others = tmp_path / "mine", tmp_path / "others"
    mine.mkdir()
    left = waiting("/usr/bin/ansible-playbook", "-i", "hosts", str(mine / "runs/vault-deploy/job.yml"))
    let_be = [
        waiting("/usr/bin/ansible-playbook", str(others / "runs/vault-deploy/job.yml")),
        waiting("tail", "-f", str(mine / "runs/vault-deploy/job.yml")),
    ]

    with only_one(mine):
        left.communicate()
        assert left.returncode == -9
        assert [process.poll() for process in let_be] == [None, None]

    for process in let_be:
        process.communicate()
        assert process.returncode == 0
