"""The list of models beside an inventory: read line by line, and changed without losing a comment."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.inventory_files import load_inventory
from installer.adapters.inventory_files.model_edits import put_model
from installer.adapters.inventory_files.models import read_model_list
from installer.errors import InvalidConfiguration, UsageError
from tests.models import PROJECT, entry_of

WHOLE = """\
# What radiology asked for.
models:
  # Small, for reports.
  - name: letters
    version: 1.0.0
    directory: models/letters   # copied from the vendor's disk
    licence: apache-2.0
  - name: figures-7b
    version: 2.0.0-rc.1
    directory: /srv/figures
    licence: LicenseRef-figures
    base_model: example/base
    quantisation: Q4_K_M
# The end.
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models.yml"


def test_a_list_that_is_not_there_names_no_models(path: Path) -> None:
    assert read_model_list(path).entries == ()


def test_a_list_says_what_where_and_under_which_licence(path: Path) -> None:
    path.write_text(WHOLE)

    letters, figures = read_model_list(path).entries

    assert (str(letters), letters.image, letters.tag) == ("letters 1.0.0", "platform.internal/models/letters", "v1.0.0")
    assert (letters.directory, letters.licence) == (path.parent / "models/letters", "Apache-2.0")
    assert letters.where == f"{path}:4"
    assert (figures.directory, figures.base_model) == (Path("/srv/figures"), "example/base")


ENTRY = "models:\n  - {{name: a, version: {version}, directory: d, licence: {licence}{more}}}\n"


@pytest.mark.parametrize(
    ("text", "said", "cure"),
    [
        (ENTRY.format(version="1.0", licence="MIT", more=""), "version is 1.0, which is no text", "three numbers"),
        (ENTRY.format(version="v1.0.0", licence="MIT", more=""), 'version cannot be "v1.0.0"', "three numbers"),
        (ENTRY.format(version="1.0.0+x", licence="MIT", more=""), 'version cannot be "1.0.0+x"', "three numbers"),
        (ENTRY.format(version="1.0.0", licence="llama3", more=""), 'licence cannot be "llama3"', "LicenseRef-NAME"),
        (ENTRY.format(version="1.0.0", licence="MIT", more=", base: x"), "cannot have `base`", "name, version"),
        (ENTRY.format(version="1.0.0", licence="MIT", more=", basemodel: x"), "`basemodel`", "Did you mean `base_m"),
        (ENTRY.format(version="1.0.0", licence="MIT", more=", licence: MIT"), "licence is written twice", "Keep one"),
        ("models:\n  - {name: A_b, version: 1.0.0, directory: d, licence: MIT}\n", 'name cannot be "A_b"', "small"),
        ("models:\n  - {name: a, version: 1.0.0, directory: d}\n", "lacks `licence`", "SPDX"),
        ("models:\n  - {name: a, version: 1.0.0, directory: '', licence: MIT}\n", 'directory is ""', "the folder"),
        ("models:\n  - letters\n", 'has "letters" for a model', "name, version, directory, licence"),
        ("models: letters\n", "names no list of models", "Write `models:`"),
        ("- {name: a}\n", "names no list of models", "Write `models:`"),
        ("model: []\n", "cannot have `model`", "Did you mean `models`?"),
        (WHOLE.replace("figures-7b", "letters").replace("2.0.0-rc.1", "1.0.0"), "names letters 1.0.0 again", "Keep"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_a_cure(path: Path, text: str, said: str, cure: str) -> None:
    path.write_text(text)

    (problem,) = read_model_list(path).mistakes

    assert problem.where.startswith(f"{path}:")
    assert said in problem.message
    assert cure in problem.cure


def test_one_model_in_two_versions_is_no_mistake(path: Path) -> None:
    path.write_text(WHOLE.replace("figures-7b", "letters"))

    assert [str(entry) for entry in read_model_list(path).entries] == ["letters 1.0.0", "letters 2.0.0-rc.1"]


def test_the_first_model_makes_the_list(path: Path) -> None:
    put_model(path, entry_of(path.parent / "letters", quantisation="Q4 K"))

    assert path.read_text().startswith("# Models that the bundle carries.")
    assert path.read_text().endswith(
        'models:\n  - name: letters\n    version: 1.0.0\n    directory: letters\n'
        '    licence: Apache-2.0\n    quantisation: "Q4 K"\n'
    )  # fmt: skip


def test_another_model_goes_behind_the_last_and_comments_stay(path: Path) -> None:
    path.write_text(WHOLE)

    was_there = put_model(path, entry_of(Path("/srv/new"), "new", "1.0.0"))

    entry = "  - name: new\n    version: 1.0.0\n    directory: /srv/new\n    licence: Apache-2.0\n"
    assert path.read_text() == WHOLE.replace("# The end.\n", f"{entry}# The end.\n")
    assert not was_there


def test_a_model_that_is_there_is_changed_where_it_stands(path: Path) -> None:
    path.write_text(WHOLE)

    was_there = put_model(path, entry_of(Path("/srv/other"), licence="MIT", base_model="example/base"))

    changed = WHOLE.replace("models/letters ", "/srv/other ").replace("apache-2.0", "MIT\n    base_model: example/base")
    assert path.read_text() == changed
    assert was_there


def test_another_version_of_a_model_is_another_entry(path: Path) -> None:
    path.write_text(WHOLE)

    put_model(path, entry_of(Path("/srv/letters2"), version="1.1.0"))

    assert [str(entry) for entry in read_model_list(path).entries][::2] == ["letters 1.0.0", "letters 1.1.0"]


@pytest.mark.parametrize("text", ["", "# None yet.\n", "---\nmodels:\n", "models: []\n", "# None yet.\nmodels: [ ]\n"])
def test_an_empty_list_takes_its_first_model(path: Path, text: str) -> None:
    path.write_text(text)

    put_model(path, entry_of(Path("/srv/letters")))

    assert [str(entry) for entry in read_model_list(path).entries] == ["letters 1.0.0"]
    assert ("# None yet." in path.read_text()) == ("# None yet." in text)


@pytest.mark.parametrize(
    "text",
    ["models: [{name: letters, version: 1.0.0, directory: d, licence: MIT}]\n",
     "models:\n  - {name: letters, version: 1.0.0, directory: d, licence: MIT}\n",
     "models:\n  - name: letters\n    version: 1.0.0\n    directory: >-\n      d\n    licence: MIT\n"],
    ids=["in one line", "an entry in one line", "folded"],
)  # fmt: skip
def test_what_is_written_in_a_way_of_its_own_is_left_alone(path: Path, text: str) -> None:
    path.write_text(text)

    with pytest.raises(UsageError, match="does not change") as caught:
        put_model(path, entry_of(Path("/srv/letters")))

    assert caught.value.details[0] == "  - name: letters"
    assert [entry.name for entry in path.parent.iterdir()] == ["models.yml"]
    assert path.read_text() == text


def test_a_list_with_mistakes_is_left_alone(path: Path) -> None:
    path.write_text("models: letters\n")

    with pytest.raises(InvalidConfiguration):
        put_model(path, entry_of(Path("/srv/letters")))

    assert path.read_text() == "models: letters\n"


@pytest.mark.parametrize("name", ["123", "no", "a.b-c", "1e5"])
def test_a_name_comes_back_as_it_was_written(path: Path, name: str) -> None:
    put_model(path, entry_of(Path("/srv/with space: and #"), name, base_model='it\'s "quoted"'))

    (entry,) = read_model_list(path).entries
    assert (entry.name, entry.directory, entry.base_model) == (
        name, Path("/srv/with space: and #"), "it's \"quoted\""
    )  # fmt: skip


def test_the_mode_of_the_list_stays(path: Path) -> None:
    path.write_text(WHOLE)
    path.chmod(0o640)

    put_model(path, entry_of(Path("/srv/new"), "new"))

    assert path.stat().st_mode & 0o777 == 0o640


def test_the_list_beside_the_hosts_is_the_inventorys_and_names_no_hosts(
    path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    path.write_text(WHOLE)
    path.with_name("hosts.yml").write_text("all: {hosts: {admin1: {}}}\n")

    site = load_inventory(path.parent, PROJECT)

    assert [str(entry) for entry in site.models] == ["letters 1.0.0", "figures-7b 2.0.0-rc.1"]
    assert (list(site.hosts), dict(site.groups), site.mistakes) == (["admin1"], {"all": site.groups["all"]}, ())
