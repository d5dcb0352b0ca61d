from __future__ import annotations

from pathlib import Path

import pytest

from installer.engine.given_files import lacking_files
from installer.model.preflight import Severity
from tests.fakes import component, inventory

READS = component("door", reads_files=("door_key_file", "door_authorities", "door_guest_files"))


def lacking(**variables: object) -> list[str]:
    found = lacking_files([READS], inventory(variables), lambda path: path == Path("/keys/there"))
    assert all(finding.severity is Severity.FAILURE and finding.component == "door" for finding in found)
    return [finding.found for finding in found]


@pytest.mark.parametrize(
    ("variables", "path", "who"),
    [
        ({"door_key_file": "/keys/away"}, "/keys/away", "door_key_file "),
        ({"door_authorities": ["/keys/there", "/keys/away"]}, "/keys/away", "door_authorities[1] "),
        ({"door_guest_files": {"one": "/keys/away", "two": "/keys/there"}}, "/keys/away", "door_guest_files.one "),
    ],
)
def test_a_file_that_is_not_there_is_told_with_who_names_it(variables: dict[str, object], path: str, who: str) -> None:
    (found,) = lacking(**variables)

    assert found.startswith(f"has no file {path} that can be read, which {who}")


@pytest.mark.parametrize("value", ["", "/keys/there", "{{ site_folder }}/key", "key", [], {}])
def test_what_is_there_or_not_known_here_is_let_be(value: object) -> None:
    assert lacking(door_key_file=value) == []


def test_variables_of_other_components_are_let_be() -> None:
    assert lacking(window_key_file="/keys/away") == []
