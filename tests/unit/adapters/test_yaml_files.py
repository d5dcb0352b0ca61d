from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.yaml_files import YamlFile, read_yaml
from installer.errors import InvalidConfiguration, Problem


def written(folder: Path, text: str) -> YamlFile:
    path = folder / "file.yml"
    path.write_text(text)
    return read_yaml(path)


def problem_of(folder: Path, text: str) -> Problem:
    with pytest.raises(InvalidConfiguration) as caught:
        written(folder, text)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_every_key_and_every_entry_has_its_line(tmp_path: Path) -> None:
    document = written(tmp_path, "first: 1\nsecond:\n  inner:\n    - a\n    - b\n")

    assert document.data == {"first": 1, "second": {"inner": ["a", "b"]}}
    assert document.lines == {
        ("first",): 1,
        ("second",): 2,
        ("second", "inner"): 3,
        ("second", "inner", 0): 4,
        ("second", "inner", 1): 5,
    }


def test_what_has_no_line_stands_where_the_nearest_thing_around_it_does(tmp_path: Path) -> None:
    document = written(tmp_path, "first: 1\nsecond: {}\n")

    assert document.where(("second", "missing", 3)) == f"{tmp_path}/file.yml:2"
    assert document.where() == f"{tmp_path}/file.yml:1"


def test_a_key_written_twice_is_noted_and_the_last_one_counts(tmp_path: Path) -> None:
    document = written(tmp_path, "a: {b: 1}\nc: 2\na:\n  b: 2\n  b: 3\n")

    assert document.data["a"] == {"b": 3}
    assert document.duplicates == ((("a",), 3), (("a", "b"), 5))


def test_merged_keys_stand_where_they_are_merged(tmp_path: Path) -> None:
    document = written(tmp_path, "base: &base\n  a: 1\nover:\n  <<: *base\n  b: 2\n")

    assert document.data["over"] == {"a": 1, "b": 2}
    assert document.where(("over", "b")) == f"{tmp_path}/file.yml:5"
    assert document.where(("over", "a")) == f"{tmp_path}/file.yml:3"
    assert document.duplicates == ()


def test_an_alias_that_means_itself_ends(tmp_path: Path) -> None:
    document = written(tmp_path, "a: &a\n  - *a\n")

    assert set(document.lines) == {("a",), ("a", 0)}


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    document = written(tmp_path, "# nothing yet\n")

    assert document.data is None
    assert document.lines == {}


def test_encrypted_and_untouched_values_stay_text(tmp_path: Path) -> None:
    text = 'a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nb: !unsafe "{{ b }}"\n'

    assert written(tmp_path, text).data == {"a": "$ANSIBLE_VAULT;1.1;AES256\n6162\n", "b": "{{ b }}"}


@pytest.mark.parametrize(
    ("text", "line", "cure"),
    [
        pytest.param("a: 1\nb: [1, 2\n", 3, "", id="a bracket left open"),
        pytest.param("a:\n\tb: 1\n", 2, "Indent with spaces.", id="a tab"),
        pytest.param("a: 1\nb: {{ c }}\n", 2, "Put quotes around a value that begins with `{{`.", id="a bare template"),
        pytest.param("a: 1\nb: {{ c }}/d\n", 2, "Put quotes around a value that begins with `{{`.", id="a tail"),
        pytest.param("a: 1\n  b: 2\n", 2, "", id="a wrong indent"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "", id="two documents"),
        pytest.param("a: 1\nb: !secret c\n", 2, "", id="an unknown tag"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line(tmp_path: Path, text: str, line: int, cure: str) -> None:
    problem = problem_of(tmp_path, text)

    assert problem.where == f"{tmp_path}/file.yml:{line}"
    assert problem.message.startswith("is not YAML: ")
    assert problem.cure == cure


def test_a_day_that_there_is_not_is_told(tmp_path: Path) -> None:
    problem = problem_of(tmp_path, "until: 2025-02-31\n")

    assert problem.where == f"{tmp_path}/file.yml"
    assert "day is out of range" in problem.message


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        read_yaml(tmp_path / "none.yml")

    assert caught.value.problems[0].message.startswith("cannot be read: ")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    path.write_bytes(b"a: \xff\xfe\n")

    with pytest.raises(InvalidConfiguration) as caught:
        read_yaml(path)

    assert caught.value.problems[0].where == str(path)
