"""A role's interface is its defaults and its argument specification, and the two say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.repository import PROJECT, ROLES, SHARED_ROLES, read, role_folder, tasks_in

EVERY_ROLE = (*ROLES, *SHARED_ROLES)
KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (int, float),
    "int": (int,),
    "list": (list,),
    "path": (str,),
    "str": (str,),
}
# Other programs' words, which these check themselves.
WORDS_OF_OTHERS = (
    "_values", "_settings", "labels", ".requests", ".limits", "_flags", "_kubelet", "_reserved", "_eviction_hard",
    "_sysctls", "_parameters",
)  # fmt: skip
# Names of a site's own, or of hosts' or programs', with one value or a list of them behind each.
PLAIN_VALUES = {
    "falco_exceptions.comparisons",
    "falco_exceptions.fields",
    "falco_rules",
    "gpu_operator_classes.mig",
    "gpu_operator_quotas",
    "host_baseline_disk_gib",
    "host_baseline_systems",
    "inference_gateway_limits.classes",
    "inference_gateway_tenants.limits",
    "kubernetes_disk_gib",
    "monitoring_rules",
    "monitoring_secret_files",
}
# By names of a site's own, of releases, registries, checks or hosts; and what no site sets.
PLAIN_VALUES_OF_THE_PLATFORM = {
    "platform_backup_access",
    "platform_directories",
    "platform_host_kernels",
    "platform_mirrors",
    "platform_preflight_accepted",
    "platform_vault_access",
    "platform_vault_urls",
    "platform_without",
}


def specifications(role: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return a role's options, and those of what stands by names of a site's own in one of them, by name."""
    found: dict[str, dict[str, Any]] = read(role_folder(role) / "meta/argument_specs.yml")["argument_specs"]
    return {name: specification.get("options", {}) for name, specification in found.items()}


def options(role: str) -> dict[str, dict[str, Any]]:
    """Return a role's options by name."""
    return specifications(role)["main"]


def defaults(role: str) -> dict[str, Any]:
    """Return a role's defaults by name."""
    values: dict[str, Any] = read(role_folder(role) / "defaults/main.yml") or {}
    return values


def nested(entries: dict[str, dict[str, Any]], way: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield options and those inside them, by their way."""
    for name, entry in entries.items():
        yield f"{way}{name}", entry
        yield from nested(entry.get("options", {}), f"{way}{name}.")


def fits(value: Any, kind: str) -> bool:
    """Return whether a value is of a kind; a template's value is known when it is filled in."""
    if isinstance(value, str) and "{{" in value:
        return True
    return isinstance(value, KINDS[kind]) and (kind == "bool" or not isinstance(value, bool))


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_every_default_is_an_option(role: str) -> None:
    assert set(defaults(role)) <= set(options(role))


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_an_option_without_a_default_is_required(role: str) -> None:
    loose = [name for name, entry in options(role).items() if name not in defaults(role) and not entry.get("required")]

    assert loose == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_names_begin_with_the_role(role: str) -> None:
    names = {*options(role), *defaults(role)}

    assert [name for name in sorted(names) if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_private_names_say_so(role: str) -> None:
    names = read(role_folder(role) / "vars/main.yml") or {}

    assert [name for name in names if not name.startswith(f"__{role}_")] == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_defaults_are_of_the_type_they_are_described_as(role: str) -> None:
    described = options(role)
    wrong = []

    for name, value in defaults(role).items():
        entry = described.get(name, {"type": "str"})
        values = [(value, entry.get("type", "str"))]
        if isinstance(value, list):
            values += [(element, entry["elements"]) for element in value if "elements" in entry]
        wrong += [f"{name}: {found!r} is no {kind}" for found, kind in values if not fits(found, kind)]

    assert wrong == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_defaults_are_among_their_choices(role: str) -> None:
    values = defaults(role)
    choices = {name: entry["choices"] for name, entry in options(role).items() if "choices" in entry}

    assert {name: values[name] for name, known in choices.items() if name in values and values[name] not in known} == {}


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_every_option_is_described_and_typed(role: str) -> None:
    vague = [
        way
        for described in specifications(role).values()
        for way, entry in nested(described)
        if not str(entry.get("description", "")).strip().endswith(".")
        or entry.get("type") not in KINDS
        or (entry["type"] == "list" and "elements" not in entry)
    ]

    assert vague == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_defaults_stand_in_one_place(role: str) -> None:
    described = specifications(role).values()

    assert [way for entries in described for way, entry in nested(entries) if "default" in entry] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_mapping_says_what_it_may_hold(role: str) -> None:
    known = specifications(role)
    loose = [
        way
        for name, described in known.items()
        for way, entry in nested(described)
        if "dict" in (entry["type"], entry.get("elements"))
        and not entry.get("options")
        and not known.get(way)
        and not way.endswith(WORDS_OF_OTHERS)
        and f"{name}.{way}".removeprefix("main.") not in PLAIN_VALUES
    ]

    assert loose == [], "A misspelt word in it would be passed over in silence."


def test_a_mapping_of_the_platform_says_what_it_may_hold() -> None:
    variables = read(PROJECT / "inventories/variables.yml")
    loose = {
        name
        for name, entry in variables.items()
        if "dict" in (entry["type"], entry.get("elements")) and not entry.get("options") and not entry.get("entries")
    }

    assert loose == PLAIN_VALUES_OF_THE_PLATFORM


@pytest.mark.parametrize("role", ROLES)
def test_what_stands_by_names_of_a_sites_own_is_an_options(role: str) -> None:
    mappings = [name for name, entry in options(role).items() if entry["type"] == "dict" and "options" not in entry]

    assert set(specifications(role)) - {"main"} <= set(mappings)


def test_a_variable_has_one_default_in_the_repository() -> None:
    platform_wide = read(PROJECT / "inventories/variables.yml")

    names = Counter([*platform_wide, *(name for role in EVERY_ROLE for name in defaults(role))])

    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_every_default_has_a_comment_above(role: str) -> None:
    path = role_folder(role) / "defaults/main.yml"
    lines = path.read_text().splitlines() if path.exists() else []

    bare = [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if line.startswith(f"{role}_") and not above.startswith("#")
    ]

    assert bare == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_no_result_hides_a_variable(role: str) -> None:
    folder = role_folder(role)
    named = {
        name for place in ("defaults", "vars") for path in (folder / place).glob("*.yml") for name in read(path) or {}
    }
    tasks = [task for path in sorted((folder / "tasks").rglob("*.yml")) for task in tasks_in(read(path))]
    results = {str(task["register"]) for task in tasks if "register" in task}
    results |= {name for task in tasks for name in task.get("ansible.builtin.set_fact", {})}

    assert results & named == set(), (
        "What a task registers goes before a role's variable, as long as the process lasts."
    )
