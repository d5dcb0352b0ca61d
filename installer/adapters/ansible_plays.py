"""The playbook of one job: a play a step, and one for all steps that hosts can be asked for together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from installer.model.plan import HOSTS, Job, Step

TOGETHER = "Checks of several components"
_FORGET = "Go on after what failed"
# The tag of the task that holds a role's arguments against its specification. What stands was deployed
# with them: whoever only verifies it need not ask again, on every host.
_DEPLOYED = "always"
# The tag of roles that are there for their variables: their own tasks are not for this play.
_VARIABLES = "platform_variables"


def together_of(job: Job) -> tuple[Step, ...]:
    """Return the verifications of a job that one question to each host answers."""
    steps = tuple(step for step in job.steps if step.checks_only)
    return steps if only_verifies(job) and len(steps) > 1 else ()


def only_verifies(job: Job) -> bool:
    """Return whether a job changes nothing."""
    return all(step.verb == "verify" for step in job.steps)


def skipped_tags(job: Job) -> str:
    """Return the tags whose tasks a job leaves out."""
    return f"{_DEPLOYED},{_VARIABLES}" if only_verifies(job) else ""


def plays_of(job: Job, together: Sequence[Step], playbooks: Path) -> list[dict[str, Any]]:
    """Return a job's playbook; a failed verification does not hide the next.

    Args:
        together: steps of the job that hosts are asked for at once.
        playbooks: the folder of `component.yml` and `preflight.yml`.
    """
    parts = [_question(together)] if together else []
    parts += [_play(step, playbooks) for step in job.steps if step not in together]
    plays = parts[:1]
    for part in parts[1:]:
        if only_verifies(job):
            forget = {"name": _FORGET, "ansible.builtin.meta": "clear_host_errors"}
            plays.append(
                {"name": _FORGET, "hosts": "all", "gather_facts": False, "any_errors_fatal": False, "tasks": [forget]}
            )
        plays.append(part)
    return plays


def _play(step: Step, playbooks: Path) -> dict[str, Any]:
    variables = {"component": step.component, "component_hosts": step.hosts, "platform_verb": step.verb}
    playbook = "preflight.yml" if step.component == HOSTS else "component.yml"
    return {"ansible.builtin.import_playbook": str(playbooks / playbook), "vars": variables}


def _question(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the play that asks every host once, for the checks of all components that run on it."""
    checks = " + ".join(
        f"((__{step.component}_checks | map('combine', {{'component': '{step.component}'}}) | list)"
        f" if inventory_hostname in query('ansible.builtin.inventory_hostnames', '{step.hosts}') else [])"
        for step in steps
    )
    task = {
        "name": "verify | All that must hold on the host",
        "platform.base.host_checks": {"checks": f"{{{{ {checks} }}}}", "foundation": "{{ platform_ca_certificate }}"},
    }
    return {
        "name": TOGETHER,
        "hosts": ":".join(dict.fromkeys(step.hosts for step in steps)),
        "gather_facts": False,
        "become": True,
        "vars": {"platform_verb": "verify"},
        "roles": [{"role": step.component, "tags": [_VARIABLES]} for step in steps],
        "tasks": [task],
    }
