"""Find what components want of hosts: `vars/preflight.yml` of their roles, filled in for one host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible_collections.platform.base.plugins.filter.components import runs_on_group
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import Wanted

AllWanted = Mapping[str, Wanted]


class Wishes:
    """What components want of one host, with the host's variables and each role's own."""

    def __init__(self, templar: Any, loader: Any, variables: Mapping[str, Any]) -> None:
        """Fill templates in by `templar`, from `variables`."""
        self._templar = templar
        self._loader = loader
        self._variables = variables

    def of_all(self, components: Sequence[str]) -> AllWanted:
        """Return the checks of each component that looks at the host, by their names, with their parameters."""
        groups = self._variables["group_names"]
        return {name: self._of(name) for name in components if self.looks_at(name, groups)}

    def looks_at(self, component: str, groups: Sequence[str]) -> bool:
        """Return whether a component looks at a host of these groups."""
        entry = self._variables["platform_components"][component]
        return runs_on_group(entry.get("preflight_on") or entry["runs_on"], groups)

    def _of(self, component: str) -> Wanted:
        folder = self._folder(component)
        defaults, own = self._read(folder / "defaults" / "main.yml"), self._read(folder / "vars" / "main.yml")
        wanted = self._read(folder / "vars" / "preflight.yml")
        templar = self._templar.copy_with_new_env(
            available_variables={**defaults, **self._variables, **own, **wanted},
        )
        checks: Wanted = templar.template(wanted[f"__{component}_checks"])
        return checks

    def _folder(self, component: str) -> Path:
        for folder in constants.DEFAULT_ROLES_PATH:
            if (found := Path(folder) / component).is_dir():
                return found
        raise AnsibleActionFail(f"There is no role {component} in {', '.join(constants.DEFAULT_ROLES_PATH)}.")

    def _read(self, path: Path) -> dict[str, Any]:
        if not path.exists():
            return {}
        content: dict[str, Any] = self._loader.load_from_file(str(path), trusted_as_template=True) or {}
        return content
