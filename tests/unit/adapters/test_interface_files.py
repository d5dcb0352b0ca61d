from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.interface_files import load_interface
from installer.model.inventory import Interface

FILES = {
    "inventories/groups.yml": "admin: One host.\nworker: The others.\n",
    "inventories/variables.yml": """
        platform_api_address: {type: address, description: Where it answers.}
        platform_services:
          type: dict
          description: Addresses.
          default: {}
          options:
            start: {type: address, required: true, description: The first.}
        """,
    "roles/door/defaults/main.yml": "door_colour: red\n",
    "roles/door/meta/argument_specs.yml": """
        argument_specs:
          main:
            options:
              door_colour: {type: str, required: false, choices: [red, blue], description: Its colour.}
              door_key: {type: path, required: true, description: Its key.}
              door_locks:
                type: list
                elements: dict
                required: true
                description: [Its locks., From the top.]
                options:
                  height: {type: int, required: true, description: Above the ground.}
                  maker: {description: Who made it.}
              door_guests: {type: dict, required: true, description: "Who may come, by name."}
          door_guests:
            short_description: A guest
            options:
              until: {type: int, required: true, description: The hour they leave.}
        """,
}


@pytest.fixture
def interface(tmp_path: Path) -> Interface:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_interface(tmp_path)


def test_a_variable_without_a_default_is_required(interface: Interface) -> None:
    required = {name for name, spec in interface.variables.items() if spec.required}

    assert required == {"platform_api_address", "door_key", "door_locks", "door_guests"}


def test_a_variable_knows_whose_it_is(interface: Interface) -> None:
    assert interface.variables["platform_api_address"].owner == ""
    assert interface.variables["door_colour"].owner == "door"


def test_defaults_come_from_the_platform_and_from_roles(interface: Interface) -> None:
    assert interface.defaults == {"platform_services": {}, "door_colour": "red"}


def test_choices_are_kept(interface: Interface) -> None:
    assert interface.variables["door_colour"].choices == ("red", "blue")


def test_what_a_mapping_may_hold_is_kept(interface: Interface) -> None:
    options = interface.variables["door_locks"].options

    assert {name: (option.type, option.required) for name, option in options.items()} == {
        "height": ("int", True),
        "maker": ("str", False),
    }
    assert interface.variables["platform_services"].options["start"].type == "address"


def test_what_stands_by_names_of_ones_own_is_kept(interface: Interface) -> None:
    entries = interface.variables["door_guests"].entries

    assert {name: (entry.type, entry.required) for name, entry in entries.items()} == {"until": ("int", True)}
    assert interface.variables["door_locks"].entries == {}


def test_groups_are_kept_in_their_order(interface: Interface) -> None:
    assert list(interface.groups) == ["admin", "worker"]
