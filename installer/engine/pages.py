"""Files that follow from the catalogue and the roles' interfaces, so that nobody keeps them by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from installer.engine.graph import deployment_order, steps_for
from installer.model.artifact import Artifacts
from installer.model.catalog import Catalog
from installer.model.component import Component
from installer.model.inventory import Interface, VariableSpec
from installer.model.plan import Step

SITE = "playbooks/site.yml"
COMPONENTS = "docs/components.md"
VARIABLES = "docs/variables.md"

_LONGEST_DEFAULT = 60


def pages(catalog: Catalog, interface: Interface) -> dict[str, str]:
    """Return the text of each file, by its path below the project."""
    return {
        SITE: site_playbook(catalog),
        COMPONENTS: components_page(catalog),
        VARIABLES: variables_page(interface),
    }


# ---------------------------------------------------------------- the playbook of a whole site


def site_playbook(catalog: Catalog) -> str:
    """Return a playbook that deploys and verifies every component in order."""
    order = deployment_order(catalog, catalog.names)
    steps = one_by_one(steps_for(order, {}, catalog.names, catalog.names))
    return _SITE_HEAD + "".join(_play(step, catalog[step.component]) for step in steps)


_SITE_HEAD = """\
# Rendered by `platform-install render` out of roles/*/component.yml: every component, each after what it
# needs. It is for those who run Ansible without the command, from the project's folder:
#
#   .venv/bin/ansible-playbook playbooks/site.yml -i inventories/lab --check
#
# PLATFORM_STATE_FOLDER names the site's state directory, where the authority's passphrase lies. With
# --check nothing is verified: what would be deployed is not there to be used.
"""


def one_by_one(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return steps in an order in which one after another may be taken; none waits longer than it must."""
    waiting = list(steps)
    taken: dict[str, Step] = {}
    reached: set[str] = set()
    while waiting:
        ready = next(step for step in waiting if reached >= set(step.after))
        waiting.remove(ready)
        taken[ready.name] = ready
        # One after another, a milestone is reached when the deployment has ended.
        reached |= {ready.name, ready.milestone}
    return tuple(taken.values())


def _play(step: Step, component: Component) -> str:
    conditions = ["not ansible_check_mode"] if step.verb == "verify" else []
    if component.description.optional:
        conditions.append(f"platform_without.{component.name} is not defined")
    variables = f"component: {step.component}, component_hosts: {json.dumps(step.hosts)}, platform_verb: {step.verb}"
    lines = [
        "",
        f"- name: {step.verb.capitalize()} {step.component}",
        "  ansible.builtin.import_playbook: component.yml",
        f"  vars: {{{variables}}}",
        *([f"  when: {' and '.join(conditions)}"] if conditions else []),
    ]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- tables for readers


_COMPONENTS_HEAD = """\
# Components

Rendered by `platform-install render` out of `roles/*/component.yml`, in the order of deployment.

"""


def components_page(catalog: Catalog) -> str:
    """Return a page that says of every component what it is and what it brings."""
    order = deployment_order(catalog, catalog.names)
    rows = [
        (
            f"[{component.name}](#{component.name})",
            component.layer.value,
            ", ".join(component.needs) or "-",
            component.description.runs_on,
            component.description.summary,
        )
        for component in order
    ]
    table = _table(("component", "layer", "needs", "runs on", "what it is"), rows)
    return _COMPONENTS_HEAD + table + "".join(_component_section(component) for component in order)


def _component_section(component: Component) -> str:
    name, description = component.name, component.description
    text = f"\n## {name}\n\n{description.summary}: [`roles/{name}`](../roles/{name}/README.md).\n"
    if description.optional:
        text += "A site may leave it out.\n"
    if description.metrics:
        text += f"Monitoring reads {', '.join(f'`{entry.job}`' for entry in description.metrics)}.\n"
    rows = list(_brought(description.artifacts))
    return text + ("\n" + _table(("kind", "name", "version", "licence"), rows) if rows else "")


def _brought(artifacts: Artifacts) -> Iterator[tuple[str, ...]]:
    for kind, entries in (("chart", artifacts.charts), ("image", artifacts.images), ("file", artifacts.files)):
        for entry in entries:
            yield kind, f"`{entry.name}`", entry.version, entry.licence
    for wheel in artifacts.wheels:
        name, _, version = wheel.partition("==")
        yield "Python", f"`{name}`", version, ""
    for release, packages in artifacts.packages.items():
        whose = "the host's release" if release == "default" else release
        yield "Debian", ", ".join(f"`{name}`" for name in packages), whose, ""
    for chosen, releases in artifacts.package_sets.items():
        for release, packages in releases.items():
            yield f"Debian, {chosen}", ", ".join(f"`{name}`" for name in packages), release, ""


def variables_page(interface: Interface) -> str:
    """Return a page of everything an inventory may set."""
    owners: dict[str, list[VariableSpec]] = {}
    for spec in interface.variables.values():
        owners.setdefault(spec.owner, []).append(spec)
    text = (
        "# Variables\n\nEverything an inventory may set; rendered by `platform-install render` out of"
        " `inventories/variables.yml` and the roles' interfaces.\n"
    )
    for owner in sorted(owners):
        source = f"roles/{owner}/defaults/main.yml" if owner else "inventories/variables.yml"
        rows = [_variable_row(spec, interface.defaults, source) for spec in owners[owner]]
        text += f"\n## {owner or 'The whole platform'}\n\n" + _table(("variable", "type", "default", "meaning"), rows)
    return text


def _variable_row(spec: VariableSpec, defaults: Mapping[str, Any], source: str) -> tuple[str, ...]:
    kind = f"{spec.type} of {spec.elements}" if spec.elements else spec.type
    meaning = spec.description
    if spec.choices:
        meaning += f" One of {', '.join(f'`{choice}`' for choice in spec.choices)}."
    if spec.options:
        meaning += f" Holds {', '.join(f'`{name}`' for name in spec.options)}."
    if spec.entries:
        meaning += f" Each holds {', '.join(f'`{name}`' for name in spec.entries)}."
    return f"`{spec.name}`", kind, "to be set" if spec.required else _default(defaults.get(spec.name), source), meaning


def _default(value: Any, source: str) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT else f"see [{source}](../{source})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
