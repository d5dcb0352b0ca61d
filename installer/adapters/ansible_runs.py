"""One `ansible-runner` run a job; its events go to the reporter as they come."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from installer.adapters.ansible_plays import plays_of, skipped_tags, together_of
from installer.adapters.ansible_settings import STOP_SECONDS, ansible_environment, hide_secrets
from installer.adapters.ansible_watch import RunWatch
from installer.adapters.process import descendants, kill_all
from installer.engine.redaction import Redaction
from installer.model.plan import Job, Step
from installer.ports import Reporter, StepEnded

# A child that is killed is gone at once; its host's connection may linger.
_END_SECONDS = 15.0
_LOOK_SECONDS = 0.2


class AnsibleRunner:
    """Runs the steps of a job as plays of `playbooks/component.yml`, in one process."""

    def __init__(
        self,
        project: Path,
        inventory: Path,
        runs: Path,
        environment: Mapping[str, str],
        limit: str = "",
        redact: Redaction = str,
    ) -> None:
        """Keep what each run leaves behind below `runs`.

        Args:
            environment: variables for Ansible, beside this process's own.
            limit: hosts to keep to; all when empty.
            redact: hides secrets in what modules said.
        """
        self._project = project
        self._inventory = inventory
        self._runs = runs
        self._environment = environment
        self._limit = limit
        self._redact = redact
        self._stopping = threading.Event()
        self._idle = threading.Condition()
        self._at_work = 0

    def stop(self) -> None:
        """End what runs, and return when it has ended.

        Ansible's workers have sessions of their own, so they outlive the process that is killed:
        they are remembered while they still can be found as its children.
        """
        known = descendants(os.getpid())
        self._stopping.set()
        end = time.monotonic() + _END_SECONDS
        with self._idle:
            while self._at_work and time.monotonic() < end:
                self._idle.wait(_LOOK_SECONDS)
                known.update(descendants(os.getpid()))
        kill_all(known)

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        """Run the job's steps in order; a failure is a result, not an error."""
        untold = self._run(job, together_of(job), variables, ended, reporter)
        if untold and not self._stopping.is_set():
            # Some host gave no answer for all of them at once: asked for each, it is known which ones it concerns.
            self._run(Job(untold), (), variables, ended, reporter)

    def _run(
        self,
        job: Job,
        together: tuple[Step, ...],
        variables: Mapping[str, Any],
        ended: StepEnded,
        reporter: Reporter,
    ) -> tuple[Step, ...]:
        """Run a job in one process, and return the steps of which nothing could be told."""
        import ansible_runner  # a second of imports that only runs need

        from installer.adapters.ansible_child import hear_children_out

        hear_children_out()
        folder = self._runs / job.name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        playbook = folder / "job.yml"
        playbook.write_text(json.dumps(plays_of(job, together, self._project / "playbooks")))
        watch = RunWatch(job, together, ended, reporter, self._redact)
        with self._working():
            outcome = ansible_runner.run(
                private_data_dir=str(folder),
                project_dir=str(self._project),
                playbook=str(playbook),
                inventory=str(self._inventory),
                limit=self._limit or None,
                extravars=dict(variables) or None,
                skip_tags=skipped_tags(job) or None,
                envvars=ansible_environment(self._project, self._environment),
                event_handler=watch.event,
                cancel_callback=self._stopping.is_set,
                settings={"pexpect_timeout": STOP_SECONDS},
                quiet=True,
            )
            hide_secrets(folder, self._redact)
        if self._stopping.is_set():
            # What was cut off is neither good nor failed: the journal has its beginning, the next run goes on.
            return ()
        return watch.close("" if outcome.status == "successful" else _last_words(folder))

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        with self._idle:
            self._at_work += 1
        try:
            yield
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()


def _last_words(folder: Path) -> str:
    for path in sorted(folder.glob("artifacts/*/stdout")):
        lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        return "\n".join(lines[-15:])
    for path in sorted(folder.glob("artifacts/*/status")):
        return json.dumps(path.read_text())
    return "Ansible said nothing."
