"""Ask hosts something at once; a host that does not answer costs a few seconds, never the whole answer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from installer.adapters.ansible_settings import STOP_SECONDS, ansible_environment
from installer.engine.redaction import Redaction, redact_all
from installer.model.evidence import Look
from installer.model.status import HostAnswer

_CONNECT_SECONDS = 5
# A connection of its own: one that is shared with earlier runs takes half a minute to notice that its host is gone.
_SSH = "-o ControlMaster=no -o ControlPath=none -o ServerAliveInterval=3 -o ServerAliveCountMax=2"
_STATUS_SECONDS = 45
_EVIDENCE_SECONDS = 40
_MOST_LINES = 80
_MOST_WIDTH = 400
_MOST_REASON = 300


class AnsibleReader:
    """Runs plays that answer within seconds."""

    def __init__(self, project: Path, inventory: Path, environment: Mapping[str, str], redact: Redaction = str) -> None:
        """Ask the hosts of an inventory, and leave nothing behind.

        Args:
            project: the project's root.
            inventory: the inventory's folder or file.
            environment: variables for Ansible, beside this process's own.
            redact: hides secrets in what hosts said.
        """
        self._project = project
        self._inventory = inventory
        self._environment = {
            **environment,
            "ANSIBLE_TIMEOUT": str(_CONNECT_SECONDS),
            "ANSIBLE_SSH_ARGS": _SSH,
            "ANSIBLE_ANY_ERRORS_FATAL": "False",
        }
        self._redact = redact

    def status(self, limit: str) -> Mapping[str, HostAnswer]:
        """Return what each host says of itself; one that is missing did not answer in time."""
        return self.ask("status.yml", {}, limit, _STATUS_SECONDS)

    def gather(self, look: Look) -> tuple[str, ...]:
        """Return the lines that explain a failure on a host."""
        variables = {"evidence_units": list(look.units), "evidence_namespace": look.namespace}
        answer = self.ask("evidence.yml", variables, look.host, _EVIDENCE_SECONDS).get(look.host)
        if answer is None or answer.problem:
            reason = answer.problem if answer is not None else f"no answer within {_EVIDENCE_SECONDS} s"
            return (f"(nothing could be looked up on {look.host}: {reason})",)
        lines = [str(line)[:_MOST_WIDTH] for line in answer.said.get("lines", ())]
        return tuple(lines[-_MOST_LINES:])

    def ask(self, playbook: str, variables: Mapping[str, Any], limit: str, seconds: int) -> dict[str, HostAnswer]:
        """Return what each host says in a playbook; one that is missing did not answer in time.

        Args:
            playbook: a file of the project's playbooks, whose tasks answer by `said`.
            limit: hosts to keep to; all that it names when empty.
            seconds: how long they may take.
        """
        import ansible_runner  # a second of imports that only runs need

        folder = Path(tempfile.mkdtemp(prefix="platform-install-"))
        answers: dict[str, HostAnswer] = {}
        try:
            ansible_runner.run(
                private_data_dir=str(folder),
                project_dir=str(self._project),
                playbook=str(self._project / "playbooks" / playbook),
                inventory=str(self._inventory),
                limit=limit or None,
                extravars=dict(variables) or None,
                envvars=ansible_environment(self._project, self._environment),
                event_handler=lambda event: self._take(event, answers),
                timeout=seconds,
                settings={"pexpect_timeout": STOP_SECONDS},
                quiet=True,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return answers

    def _take(self, event: Mapping[str, Any], answers: dict[str, HostAnswer]) -> bool:
        data, kind = event.get("event_data") or {}, event.get("event")
        if kind in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
            host, result = str(data.get("host")), data.get("res") or {}
            said = result.get("said")
            if kind == "runner_on_ok" and isinstance(said, Mapping):
                answers[host] = HostAnswer(said=redact_all(dict(said), self._redact))
            elif kind != "runner_on_ok":
                reason = " ".join(str(result.get("msg") or "it did not say why").split())
                answers[host] = HostAnswer(problem=self._redact(reason)[:_MOST_REASON])
        return False
