"""Asks the admin host of a site, by a playbook that changes no component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer.adapters.ansible_reads import AnsibleReader
from installer.cli.wiring import PROJECT, Site
from installer.engine.redaction import redaction
from installer.errors import ComponentFailed


def ask_admin_host(
    site: Site, playbook: str, variables: Mapping[str, Any], seconds: int, *, whom: str, hint: str
) -> Mapping[str, Any]:
    """Return what a playbook's module said.

    Args:
        playbook: its name below `playbooks/`.
        seconds: how long it may take.
        whom: who cannot tell or do it, where it goes wrong; `{host}` is the admin host.
        hint: what an operator does about that.

    Raises:
        ComponentFailed: nobody answers, or it went wrong.
    """
    reader = AnsibleReader(PROJECT, site.inventory_path, site.ansible_environment, redaction())
    host = site.inventory.members("admin")[0]
    answer = reader.ask(playbook, variables, "", seconds).get(host)
    if answer is None or answer.problem:
        problem = answer.problem if answer is not None else f"no answer within {seconds} s."
        raise ComponentFailed(f"{whom.format(host=host)} cannot tell or do it: {problem}", hint=hint)
    return answer.said
