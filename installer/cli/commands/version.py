"""What this tool is, and what it installs."""

from __future__ import annotations

import typer

from installer import __version__
from installer.cli.commands.common import answer, site
from installer.cli.console import table
from installer.cli.options import InventoryOption, OutputOption
from installer.engine.versions import parts_of, version_of

_KUBERNETES = "kubernetes"


def run(context: typer.Context, inventory: InventoryOption = None, output: OutputOption = None) -> None:
    """Show the versions of this tool, of Kubernetes and of every component; with an inventory, of its lock."""
    here = site(context, inventory=inventory, output=output)
    named = here.options.inventory is not None
    lock = here.lock_if_any if named else None
    components = sorted(
        here.catalog if named else here.whole_catalog, key=lambda component: (component.layer.rank, component.name)
    )
    versions = {component.name: version_of(component, lock) for component in components}
    kubernetes = versions.get(_KUBERNETES, "").rpartition(" ")[2]
    document = {
        "tool": __version__,
        "kubernetes": kubernetes,
        "components": {
            component.name: {
                "version": versions[component.name],
                "parts": [
                    {"kind": kind, "name": name, "version": version} for kind, name, version in parts_of(component)
                ],
            }
            for component in components
        },
    }
    rows = [(name, version or "-") for name, version in versions.items()]
    answer(
        here,
        document,
        f"platform-install {__version__}, Kubernetes {kubernetes}\n\n{table(('component', 'version'), rows)}",
    )
