"""Wheels are pinned by hashes, and unpacked so that the same wheels give the same bytes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.images import write_layer
from installer.adapters.sources.wheel_trees import are_pinned, read_pins, unpack_wheels
from installer.errors import BundleRefused, InvalidConfiguration
from installer.model.artifact import Kind, LockedItem, digest_of

TO = "/usr/local/lib/python3.13/dist-packages"
ONE, TWO = digest_of(b"one"), digest_of(b"two")


def write_wheel(path: Path, members: Mapping[str, bytes], year: int = 2020, mode: int = 0o100644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return path


def placed(tmp_path: Path, members: Mapping[str, bytes], file: str = "app-1-py3-none-any.whl", **how: int) -> list[str]:
    tree = unpack_wheels([(file, write_wheel(tmp_path / file, members, **how))], "3.13", TO)
    return sorted(path.removeprefix(TO.lstrip("/") + "/") for path in tree.files)


def item(name: str, digest: str) -> LockedItem:
    return LockedItem(Kind.WHEEL, name, "1", digest, (), {"type": "pypi"}, "MIT", ())


def test_libraries_lie_where_the_interpreter_looks(tmp_path: Path) -> None:
    members = {"app/__init__.py": b"", "app-1.data/purelib/more.py": b"", "app-1.data/platlib/fast.so": b""}

    assert placed(tmp_path, members) == ["app/__init__.py", "fast.so", "more.py"]


def test_programs_and_compiled_files_are_left_out(tmp_path: Path) -> None:
    members = {
        "app.py": b"", "app-1.data/scripts/app": b"#!python", "app-1.data/data/etc/app.conf": b"",
        "__pycache__/app.cpython-313.pyc": b"", "old.pyc": b"",
    }  # fmt: skip

    assert placed(tmp_path, members) == ["app.py"]


def test_the_same_wheels_are_the_same_bytes_whenever_and_wherever_they_are_unpacked(tmp_path: Path) -> None:
    digests = []
    for place, year, names in (("here", 1990, ["b.py", "a.py"]), ("far/away", 2030, ["a.py", "b.py"])):
        files = [
            (name, write_wheel(tmp_path / place / name, {f"{name[0]}/{member}": b"x = 1\n" for member in names}, year))
            for name in ("y-1-py3-none-any.whl", "x-1-cp313-cp313-manylinux_2_28_x86_64.whl")
        ]
        for _, path in files:
            os.utime(path, (year, year))
        blob, _ = write_layer(
            unpack_wheels(files if year == 1990 else files[::-1], "3.13", TO), BlobStore(tmp_path / place)
        )
        digests.append(blob.digest)

    assert digests[0] == digests[1]


def test_another_content_is_another_layer(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "store")
    blobs = [
        write_layer(unpack_wheels([(file, write_wheel(tmp_path / file, {"a.py": content}))], "3.13", TO), store)[0]
        for file, content in (("a-1-py3-none-any.whl", b"1"), ("a-2-py3-none-any.whl", b"2"))
    ]

    assert blobs[0].digest != blobs[1].digest


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.py", "app/../../outside.py", "app\\..\\outside.py"])
def test_what_would_be_written_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleRefused, match="would write to"):
        placed(tmp_path, {"app.py": b"", name: b""})


def test_a_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="holds a link"):
        placed(tmp_path, {"app.py": b"/etc/shadow"}, mode=0o120777)


def test_no_wheel_writes_over_another(tmp_path: Path) -> None:
    files = [
        (file, write_wheel(tmp_path / file, {"shared.py": b""}))
        for file in ("a-1-py3-none-any.whl", "b-1-py3-none-any.whl")
    ]

    with pytest.raises(BundleRefused, match=r"a-1-py3-none-any\.whl and b-1-py3-none-any\.whl both hold shared\.py"):
        unpack_wheels(files, "3.13", TO)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "app-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", b"seen")
        archive.writestr("app.py", b"used")

    with pytest.raises(BundleRefused, match=r"both hold app\.py"):
        unpack_wheels([(path.name, path)], "3.13", TO)


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / "app-1-py3-none-any.whl", {"app.py": b"good content"})
    path.write_bytes(path.read_bytes().replace(b"good content", b"evil content"))

    with pytest.raises(BundleRefused, match=r"damaged at app\.py"):
        unpack_wheels([(path.name, path)], "3.13", TO)


@pytest.mark.parametrize(
    "tags",
    ["cp311-cp311-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_28_aarch64", "cp313-cp313-musllinux_1_2_x86_64",
     "cp313-cp313t-manylinux_2_28_x86_64", "py2-none-any", "cp313-cp313-win_amd64"],
)  # fmt: skip
def test_a_wheel_for_another_interpreter_or_platform_is_refused(tmp_path: Path, tags: str) -> None:
    with pytest.raises(BundleRefused, match=r"is not for Python 3\.13"):
        placed(tmp_path, {"app.py": b""}, file=f"app-1-{tags}.whl")


@pytest.mark.parametrize("tags", ["py2.py3-none-any", "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64"])
def test_a_wheel_for_many_interpreters_is_taken(tmp_path: Path, tags: str) -> None:
    assert placed(tmp_path, {"app.py": b""}, file=f"app-1-{tags}.whl") == ["app.py"]


def test_pins_are_read_over_lines_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"# what it wants\nTyping_Extensions==4.1 \\\n    --hash={ONE} \\\n    --hash={TWO}\n    # via x\n")

    (pin,) = read_pins(file)

    assert (pin.name, pin.version, pin.hashes) == ("typing-extensions", "4.1", frozenset({ONE, TWO}))
    assert pin.line() == f"typing-extensions==4.1 --hash={min(ONE, TWO)} --hash={max(ONE, TWO)}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("app==1", "app has no hash"),
        ("app==1 --hash=md5:0", "app has no hash"),
        (f"app>=1 --hash={ONE}", "is no `name==version`"),
        (f"app==1.* --hash={ONE}", "is no `name==version`"),
        (f"app==1 ; python_version < '3' --hash={ONE}", "is no `name==version`"),
        ("-r others.txt", "is no `name==version`"),
        (f"app @ https://example.com/app.whl --hash={ONE}", "is no `name==version`"),
    ],
)
def test_what_is_not_pinned_by_a_hash_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"good==1 --hash={TWO}\n{line}\n")

    with pytest.raises(InvalidConfiguration) as refused:
        read_pins(tmp_path / "requirements.txt")

    (problem,) = refused.value.problems
    assert problem.where.endswith("requirements.txt:2")
    assert said in problem.message


def test_locked_wheels_are_those_of_the_pins_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"a==1 --hash={ONE}\nb==1 --hash={TWO}\n")
    pins = read_pins(tmp_path / "requirements.txt")
    good = [item("a", ONE), item("b", TWO)]

    assert are_pinned(good, pins)
    assert not are_pinned(good[:1], pins)
    assert not are_pinned([*good, item("c", ONE)], pins)
    assert not are_pinned([good[0], replace(good[1], digest=ONE)], pins)
