"""A secret is found however it is spelt and wherever it lies, and nothing else is."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import sqlite3
import stat
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.system import secret_search
from tests.system.planted import PASSPHRASE, sent
from tests.system.secret_search import Searcher, Secret, in_files, in_object, in_processes

VALUE = PASSPHRASE
PLANTED = Secret("the planted one", VALUE)

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64 after a letter": lambda value: base64.b64encode(f"a{value}b".encode()).decode(),
    "in base64 after two letters": lambda value: base64.b64encode(f"ab{value}c".encode()).decode(),
    "in base64 for URLs": lambda value: base64.urlsafe_b64encode(f"a{value}?>".encode()).decode(),
    "in a URL": lambda value: f"https://anna:{urllib.parse.quote(value, safe='')}@example.com",
    "in a URL's path": urllib.parse.quote,
    "in a form": lambda value: urllib.parse.urlencode({"password": value}),
    "in JSON": lambda value: json.dumps({"password": value}),
    "in JSON in JSON": lambda value: json.dumps({"said": json.dumps({"password": value})}),
    "in a page": html.escape,
}
INNOCENT = {
    "another text": 'Planted "pass"phrase: 100% & less/',
    "a half of it": VALUE[: len(VALUE) // 2],
    "its length": str(len(VALUE)),
    "base64 of another text": base64.b64encode(VALUE.upper().encode()).decode(),
}


def found(content: bytes, value: str = VALUE) -> list[Secret]:
    return Searcher([Secret("the planted one", value)]).of(content)


@pytest.mark.parametrize("value", [VALUE, "a-token_0123456789", "größer als 7 Zeichen"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_found_in_every_spelling(spelling: str, value: str) -> None:
    text = f"something before {SPELLINGS[spelling](value)} and after"

    assert [secret.name for secret in found(text.encode(), value)] == ["the planted one"]


@pytest.mark.parametrize("text", INNOCENT)
def test_nothing_is_found_in(text: str) -> None:
    assert found(INNOCENT[text].encode()) == []


def test_base64_that_differs_in_alphabets_is_found_in_both() -> None:
    value = "???>>>???>>>"
    assert base64.b64encode(value.encode()) != base64.urlsafe_b64encode(value.encode())

    assert found(base64.b64encode(value.encode()), value)
    assert found(base64.urlsafe_b64encode(value.encode()), value)


def test_a_secret_is_found_where_a_stream_is_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(secret_search, "_CHUNK", 32)
    path = tmp_path / "log"
    path.write_text(f"{'x' * 20}{VALUE}{'x' * 20}")

    assert Searcher([PLANTED]).of_file(path) == [PLANTED]


def packed(path: Path) -> None:
    path.write_bytes(gzip.compress(f"said {VALUE}".encode()))


def in_a_database(path: Path) -> None:
    """Have the value lie on two pages: none of them has all of it."""
    for after in range(4096, 3 * 4096, len(VALUE) // 2):
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE TABLE steps (results TEXT)")
            connection.execute("INSERT INTO steps VALUES (?)", ("x" * 1000 + VALUE + "x" * after,))
            connection.commit()
            content = connection.serialize()
        if VALUE.encode() not in content:
            path.write_bytes(content)
            return
    raise AssertionError("No page ends within the value.")


FILES: dict[str, Callable[[Path], Any]] = {
    "a file": lambda path: path.write_text(f"said {VALUE}"),
    "a packed file": packed,
    "a database": in_a_database,
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_named_with_the_secret_and_without_its_value(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "log"
    path.parent.mkdir()
    FILES[kind](path)

    (finding,) = in_files(Searcher([PLANTED]), [str(tmp_path)])

    assert finding == f"{path}: the planted one"


def test_a_file_is_looked_at_where_it_lies_and_not_by_links(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(VALUE)
    (tmp_path / "link").symlink_to("log")
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "log").write_text(VALUE)

    there = list(in_files(Searcher([PLANTED]), [str(tmp_path)], [str(tmp_path / "media")]))

    assert there == [f"{tmp_path}/log: the planted one"]


@pytest.mark.parametrize(("mode", "why"), [(0o600, None), (0o400, None), (0o644, "which others may read")])
def test_a_secret_at_home_must_be_closed_to_others(mode: int, why: str | None, tmp_path: Path) -> None:
    for name in ("home", "other"):
        (tmp_path / name).write_text(VALUE)
        (tmp_path / name).chmod(mode)

    there = list(in_files(Searcher([PLANTED._replace(homes=(f"{tmp_path}/home",))]), [str(tmp_path)]))

    at_home = [f"{tmp_path}/home, {why}: the planted one"] if why else []
    assert there == [*at_home, f"{tmp_path}/other: the planted one"]


@pytest.mark.parametrize(
    ("mode", "group", "closed"),
    [(0o600, 1000, True), (0o640, 1000, False), (0o640, 33, True), (0o660, 33, False), (0o604, 0, False)],
)
def test_a_group_may_read_when_nobody_logs_in_with_it(mode: int, group: int, closed: bool) -> None:
    status = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, os.getuid(), group, 0, 0, 0, 0))

    assert secret_search.is_closed(status) is closed


def test_a_file_of_somebody_else_is_not_closed() -> None:
    assert not secret_search.is_closed(os.stat_result((0o100600, 0, 0, 1, os.getuid() + 1, 0, 0, 0, 0, 0)))


@pytest.mark.parametrize("part", ["cmdline", "environ"])
def test_what_a_program_was_told_is_looked_at(part: str, tmp_path: Path) -> None:
    for number in ("7", "8"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "comm").write_text("bao\n")
        for name in ("cmdline", "environ"):
            told = VALUE if (number, name) == ("8", part) else "something"
            (tmp_path / number / name).write_text(f"first\0token={told}\0")

    assert list(in_processes(Searcher([PLANTED]), tmp_path)) == [f"the {part} of bao, process 8: the planted one"]


def test_what_programs_are_told_is_written_down_once_while_they_run(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_bytes(b"first\0")
    (tmp_path / "7" / "environ").write_bytes(b"PATH=/bin\0")
    # A shell that asks, and ends when it is told to.
    shell = ["sh", "-c", f'{sys.executable} -c "$0" & read end']
    program = sent("tell_processes", str(tmp_path))
    with subprocess.Popen([*shell, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asks:
        assert asks.stdin is not None
        assert asks.stdout is not None
        assert {asks.stdout.readline() for _ in range(2)} == {b"first\0\n", b"PATH=/bin\0\n"}
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "cmdline").write_bytes(b"second\0")
        (tmp_path / "new").rename(tmp_path / "8")
        assert asks.stdout.readline() == b"second\0\n"

        asks.stdin.write(b"\n")
        asks.stdin.close()

        # It ends by itself, with what a program that was sent answers, or this would never.
        assert asks.stdout.read() == b"null\n"


def release(told: Mapping[str, Any], manifest: str = "") -> dict[str, Any]:
    packed_up = gzip.compress(json.dumps({"config": told, "chart": {"values": {}}, "manifest": manifest}).encode())
    data = {"release": base64.b64encode(base64.b64encode(packed_up)).decode()}
    return {"kind": "Secret", "type": "helm.sh/release.v1", "metadata": {"name": "r", "namespace": "n"}, "data": data}


_NAMED = {"name": "r", "namespace": "n"}
_ENCODED = base64.b64encode(VALUE.encode()).decode()
OBJECTS: dict[str, tuple[dict[str, Any], bool]] = {
    "a ConfigMap": ({"kind": "ConfigMap", "metadata": _NAMED, "data": {"a": VALUE}}, True),
    "an environment": (
        {"kind": "Pod", "metadata": _NAMED, "spec": {"containers": [{"env": [{"name": "A", "value": VALUE}]}]}}, True,
    ),
    "an annotation": ({"kind": "Job", "metadata": {**_NAMED, "annotations": {"a": VALUE}}}, True),
    "an annotation that repeats a Secret": (
        {"kind": "Secret", "type": "Opaque", "metadata": {**_NAMED, "annotations": {"a": f"b: {_ENCODED}"}}}, True,
    ),
    "a Secret": ({"kind": "Secret", "type": "Opaque", "metadata": _NAMED, "data": {"password": _ENCODED}}, False),
    "the values of a release": (release({"password": VALUE}), True),
    "a Secret that a release made": (release({"user": "anna"}, f"kind: Secret\ndata: {_ENCODED}"), False),
}  # fmt: skip


@pytest.mark.parametrize("kind", OBJECTS)
def test_of_an_object_is_told_what_everybody_may_see(kind: str) -> None:
    document, told = OBJECTS[kind]

    findings = list(in_object(Searcher([PLANTED]), document))

    assert findings == ([f"{document['kind']} n/r: the planted one"] if told else [])


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of programs that a host would have; each says what lies in a file of its name."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("journalctl", "crictl"):
        told = f'echo "$1" >> {folder}/{name}.called\ncat {folder}/{name}.said-$1\n'
        (folder / name).write_text(f"#!/bin/sh\n{told}")
        (folder / name).chmod(0o755)
    for name in ("journalctl.said---all", *(f"crictl.said-{word}" for word in ("ps", "pods", "inspect", "inspectp"))):
        (folder / name).write_text("nothing\n")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def on_a_host(folder: Path) -> list[str]:
    """Run the program as a host does: it comes by its input."""
    program = sent("search_host", [PLANTED], [str(folder)], [], True)
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [str(finding) for finding in json.loads(done.stdout)]


def test_a_host_without_the_secret_is_quiet(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()

    assert on_a_host(tmp_path / "etc") == []
    assert (programs / "crictl.called").read_text().split() == ["ps", "inspect", "pods", "inspectp"]


SAID = {
    "journalctl.said---all": "the systemd journal: the planted one",
    "crictl.said-inspect": "crictl inspect nothing: the planted one",
    "crictl.said-inspectp": "crictl inspectp nothing: the planted one",
}


@pytest.mark.parametrize("place", SAID)
def test_a_host_tells_what_its_programs_say(place: str, programs: Path, tmp_path: Path) -> None:
    (programs / place).write_text(f"MESSAGE=they said {VALUE}\n")
    (tmp_path / "etc").mkdir()

    assert on_a_host(tmp_path / "etc") == [SAID[place]]
