"""One case a mistake, in `mistakes/`: an inventory without one, and what a case changes in it.

A case names the place by `# HERE` in the line, or by `where` when the problem has no line.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from installer.adapters.interface_files import load_interface
from installer.adapters.inventory_files import put_together
from installer.adapters.inventory_files.lines import expand, read_written
from installer.engine.inventory_rules import check_inventory, components, moments, networks, references
from installer.errors import InvalidConfiguration, Problem
from installer.model.artifact import Blob, Kind, Lock, LockedItem
from installer.model.catalog import Catalog
from installer.model.component import Component, Description
from installer.model.inventory import Interface, Inventory, Level, VariableSpec
from installer.workflows.check_inventory import require_valid

PROJECT = Path(__file__).parents[3]
CASES = Path(__file__).parent / "mistakes"
THEMES = (
    "names",
    "reading",
    "values",
    "networks",
    "addresses",
    "components",
    "kernels",
    "lock",
    "secrets",
    "references",
    "moments",
    "templates",
)
HERE = "# HERE"
DIGEST = "sha256:" + "0" * 64
WHOLE_LOCK = (
    ("chart", "addon", "1.2.0", ""),
    ("image", "images.example.com/api", "v1.36.4", "linux/amd64"),
    ("file", "kubelet", "v1.36.4", ""),
    ("wheel", "some-library", "1.0", "python3.13"),
    ("package", "conntrack", "1.4", "trixie"),
    ("package", "iproute2", "6.15", "trixie"),
    ("package", "driver-source", "1:550.163.01-2", "trixie"),
)

Case = Mapping[str, Any]


def cases(theme: str) -> list[Any]:
    found = yaml.safe_load((CASES / f"{theme}.yml").read_text())
    return [pytest.param(case, id=case["name"]) for case in found]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    description = TypeAdapter(Description)
    entries = yaml.safe_load((CASES / "catalog.yml").read_text()).items()
    return Catalog({name: Component(name, description.validate_python(entry), frozenset()) for name, entry in entries})


@pytest.fixture(scope="session")
def interface() -> Interface:
    real = load_interface(PROJECT)
    disk = VariableSpec("registry_disk", "path", "The disk it fills.", required=True, owner="registry")
    return dataclasses.replace(real, variables={**real.variables, "registry_disk": disk})


@pytest.mark.parametrize("case", [case for theme in THEMES for case in cases(theme)])
def test_each_mistake_is_told_once_with_its_place_and_a_cure(
    case: Case, tmp_path: Path, interface: Interface, catalog: Catalog
) -> None:
    files = write(tmp_path, case)

    found = check_inventory(read(tmp_path, interface), interface, catalog, lock_of(case))

    assert len(found) == 1, [str(problem) for problem in found]
    assert found[0].where == expected_place(tmp_path, files, case)
    for words in [case["says"]] if isinstance(case["says"], str) else case["says"]:
        assert words in found[0].message
    assert case["cure"] in found[0].cure


@pytest.mark.parametrize("case", cases("accepted"))
def test_what_is_right_has_no_problem(case: Case, tmp_path: Path, interface: Interface, catalog: Catalog) -> None:
    write(tmp_path, case)

    found = check_inventory(read(tmp_path, interface), interface, catalog, lock_of(case))

    assert [str(problem) for problem in found] == []


def test_all_mistakes_are_listed_at_once_in_the_order_of_files_and_lines(
    tmp_path: Path, interface: Interface, catalog: Catalog
) -> None:
    extra = "platform_nmae: one\n" + "# filling\n" * 9 + "platform_api_port: 0\nkubernetes_max_pods: many\n"
    write(tmp_path, {"files": {"group_vars/all/extra.yml": extra, "group_vars/all/api.yml": ""}})

    with pytest.raises(InvalidConfiguration) as caught:
        require_valid(read(tmp_path, interface), interface, catalog, None)

    places = [problem.where.removeprefix(str(tmp_path)) for problem in caught.value.problems]
    extra_file = "/group_vars/all/extra.yml"
    assert places == ["", f"{extra_file}:1", f"{extra_file}:11", f"{extra_file}:12"]
    assert caught.value.summary == "4 mistakes in the inventory; nothing was changed."


@pytest.mark.parametrize("case", [case for theme in THEMES for case in cases(theme)])
def test_messages_are_sentences_without_the_secret(
    case: Case, tmp_path: Path, interface: Interface, catalog: Catalog
) -> None:
    write(tmp_path, case)

    found = check_inventory(read(tmp_path, interface), interface, catalog, lock_of(case))

    for problem in found:
        assert problem.message.endswith(".")
        assert re.search(r"[.?]$", problem.cure)
        assert not re.search(r"hunter2|20251121", str(problem))


def test_the_lack_of_a_lock_is_a_mistake_where_one_is_needed(
    tmp_path: Path, interface: Interface, catalog: Catalog
) -> None:
    write(tmp_path, {})

    found = check_inventory(read(tmp_path, interface), interface, catalog, None, needs_lock=True)

    assert [(problem.where, problem.message) for problem in found] == [
        (f"{tmp_path}/bundle.lock.json", "there is no lock.")
    ]
    assert "bundle lock" in found[0].cure


def test_a_secret_of_the_wrong_type_is_not_shown(tmp_path: Path, interface: Interface, catalog: Catalog) -> None:
    spec = VariableSpec("registry_token", "int", "", required=False, owner="registry")
    taught = dataclasses.replace(interface, variables={**interface.variables, spec.name: spec})
    write(tmp_path, {"files": {"group_vars/all/extra.yml": "registry_token: hunter2\n"}})

    found = check_inventory(read(tmp_path, taught), taught, catalog, None)

    assert "registry_token must be a whole number." in [problem.message for problem in found]
    assert not any("hunter2" in str(problem) for problem in found)


def test_values_that_no_file_tells_are_judged_without_a_line(interface: Interface, catalog: Catalog) -> None:
    inventory = generated({"platform_api_address": "nowhere", "platform_host_networks": ["192.0.2.0/24"]})

    found = check_inventory(inventory, interface, without_registry(catalog), None)

    assert found == (
        Problem(
            "/site/hosts.ini",
            'platform_api_address must be an address, not "nowhere".',
            "Write an address, such as 192.0.2.10.",
        ),
    )


def test_variables_and_groups_of_a_program_are_let_be(interface: Interface, catalog: Catalog) -> None:
    good = {"platform_api_address": "192.0.2.10", "platform_host_networks": ["192.0.2.0/24"]}
    inventory = generated({**good, "instance_type": "large", "tags": {"a": "b"}}, groups=["region_north"])

    found = check_inventory(inventory, interface, without_registry(catalog), None)

    assert found == ()


def test_a_misspelt_variable_is_told_although_no_file_tells_its_line(interface: Interface, catalog: Catalog) -> None:
    good = {"platform_api_address": "192.0.2.10", "platform_host_networks": ["192.0.2.0/24"]}
    inventory = generated({**good, "kubernetes_lables": {}})

    found = check_inventory(inventory, interface, without_registry(catalog), None)

    assert [(problem.where, problem.cure) for problem in found] == [
        ("/site/hosts.ini", "Did you mean `kubernetes_labels`?")
    ]


def test_values_out_of_encrypted_files_are_not_judged(interface: Interface, catalog: Catalog) -> None:
    good = {"platform_api_address": "192.0.2.10", "platform_host_networks": ["192.0.2.0/24"]}
    inventory = dataclasses.replace(
        generated({**good, "ansible_become_password": "hunter2"}), sealed=("/site/group_vars/all/secret.vault.yml",)
    )

    found = check_inventory(inventory, interface, without_registry(catalog), None)

    assert found == ()


def test_the_rules_speak_of_variables_that_exist(interface: Interface) -> None:
    named = {demand.name for demand in components.DEMANDS} | {demand.needs for demand in components.DEMANDS}
    named |= set(components.RANGES) | set(networks.NAMES) | set(references.ENGINES.values())
    named |= set(moments.MOMENTS)
    named |= {name for reference in references.REFERENCES for name in (reference.name, reference.known)}

    assert named - set(interface.variables) == set()


# ---------------------------------------------------------------- how cases become inventories


def write(folder: Path, case: Case) -> dict[str, str]:
    files = {**yaml.safe_load((CASES / "base.yml").read_text()), **case.get("files", {})}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return files


def expected_place(folder: Path, files: Mapping[str, str], case: Case) -> str:
    if "where" in case:
        return str(folder / case["where"])
    places = [
        f"{folder / name}:{number}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if HERE in line
    ]
    assert len(places) == 1, "a case marks one line"
    return places[0]


def read(folder: Path, interface: Interface) -> Inventory:
    """Return the inventory as if Ansible had put it together: it takes half a second, and a case a hundredth."""
    written = read_written(folder)
    exported: dict[str, Any] = {"_meta": {"hostvars": {}}, "all": {"children": ["ungrouped"], "vars": {}}}
    add_group(exported, "all", yaml.safe_load((folder / "hosts.yml").read_text())["all"])
    in_groups = {host for name, entry in exported.items() if name not in ("_meta", "all") for host in entry["hosts"]}
    exported["ungrouped"] = {"hosts": [name for name in exported["all"].pop("hosts") if name not in in_groups]}
    platform = {spec.name for spec in interface.variables.values() if not spec.owner}
    exported["all"]["vars"] = {name: value for name, value in interface.defaults.items() if name in platform}
    for setting in written.settings:
        if setting.level is Level.HOST:
            exported["_meta"]["hostvars"].setdefault(setting.owner, {})[setting.name] = setting.value
        else:
            exported.setdefault(setting.owner, {}).setdefault("vars", {})[setting.name] = setting.value
    return put_together(folder, written, exported)


def add_group(exported: dict[str, Any], name: str, entry: Any) -> None:
    entry = entry if isinstance(entry, dict) else {}
    group = exported.setdefault(name, {})
    hosts = entry.get("hosts") if isinstance(entry.get("hosts"), dict) else {}
    group.setdefault("hosts", []).extend(host for pattern in hosts or {} for host in expand(pattern))
    for child, below in (entry.get("children") or {}).items():
        group.setdefault("children", []).append(child)
        add_group(exported, child, below)


def lock_of(case: Case) -> Lock | None:
    if "lock" not in case:
        return None
    without = {tuple(pair) for pair in case["lock"].get("without", ())}
    kept = [entry for entry in WHOLE_LOCK if entry[:2] not in without]
    kept += [
        (entry["kind"], entry["name"], entry["version"], entry.get("scope", ""))
        for entry in case["lock"].get("items", ())
    ]
    origins = {entry["name"]: {"type": entry["origin"]} for entry in case["lock"].get("items", ()) if "origin" in entry}
    items = [
        LockedItem(
            Kind(kind), name, version, DIGEST, (Blob(DIGEST, 1),), origins.get(name, {}), "Apache-2.0",
            ("kubernetes",), scope,
        )
        for kind, name, version, scope in kept
    ]  # fmt: skip
    return Lock("platform-lock/1", "upstream", ("linux/amd64",), tuple(items))


def generated(variables: Mapping[str, Any], groups: list[str] | None = None) -> Inventory:
    """Return an inventory of a file whose lines are not known, or of a program."""
    exported = {
        "_meta": {"hostvars": {"admin1": {"ansible_host": "192.0.2.5"}, "cp1": {"ansible_host": "192.0.2.11"}}},
        "all": {"children": ["admin", "control_plane", *(groups or [])], "vars": variables},
        "admin": {"hosts": ["admin1"]},
        "control_plane": {"hosts": ["cp1"]},
    }
    path = Path("/site/hosts.ini")
    return put_together(path, read_written(path.with_name("none")), exported)


def without_registry(catalog: Catalog) -> Catalog:
    return Catalog({component.name: component for component in catalog if component.name == "kubernetes"})
