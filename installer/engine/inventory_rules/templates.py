"""Templates: such that can be filled in, and that read what there is."""

from __future__ import annotations

from collections.abc import Iterator

from installer.engine.inventory_rules.names import CONNECTION
from installer.engine.inventory_rules.subject import Subject, did_you_mean, spell
from installer.errors import Problem

# What Ansible and Jinja bring themselves, as far as an inventory has a use for it.
_BROUGHT = frozenset(
    """
    ansible_check_mode ansible_facts ansible_play_hosts ansible_version dict group_names groups hostvars inventory_dir
    inventory_file inventory_hostname inventory_hostname_short lookup namespace now omit play_hosts playbook_dir query
    range role_path undef vars
    """.split()
)
_VERY_NEAR = 0.85


def templates_that_are_none(subject: Subject) -> Iterator[Problem]:
    """Find templates with a mistake in how they are written, which stop a run where it first needs them."""
    for template in subject.inventory.templates:
        if template.fault:
            message = f"{spell(template.name, template.way)} cannot be filled in: {template.fault.rstrip('.')}."
            yield Problem(template.where, message, "Look at its braces, quotes and commas.")


def misspelt_names(subject: Subject) -> Iterator[Problem]:
    """Find names in templates that nothing sets, and that are nearly those of something.

    Others may be known on a host alone; and any may be of an encrypted file.
    """
    if subject.inventory.sealed:
        return
    known = {*subject.interface.variables, *CONNECTION, *_BROUGHT, *(setting.name for setting in subject.settings)}
    for template in subject.inventory.templates:
        for name in sorted(template.reads - known):
            if near := did_you_mean(name, known, nearness=_VERY_NEAR):
                yield Problem(
                    template.where, f"{spell(template.name, template.way)} reads `{name}`, which nothing sets.", near
                )


RULES = (templates_that_are_none, misspelt_names)
