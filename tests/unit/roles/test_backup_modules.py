"""Objects and etcd's snapshot come out of a set as they went in."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles
from ansible_collections.platform.base.plugins.module_utils.s3_store import S3Problem

from tests.repository import role_folder
from tests.role_programs import loaded

COPY = loaded(role_folder("object_storage") / "library/s3_copy.py")
ETCD = loaded(role_folder("kubernetes") / "library/etcd_set.py")
ID = "20260131T120000Z"
AWKWARD = "a folder//of ümlauts/../"


class ClientError(Exception):
    """What an S3 refuses with."""

    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code}}
        super().__init__(code)


class Bucket:
    """A bucket, its page two objects long."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)
        self.made: datetime | None = datetime(2026, 1, 1, tzinfo=UTC)
        self.about: dict[str, dict[str, Any]] = {}
        self.vanishing: set[str] = set()
        self.asked: list[str] = []

    def get_paginator(self, what: str) -> Bucket:
        assert what == "list_objects_v2"
        return self

    def paginate(self, Bucket: str) -> Iterator[dict[str, Any]]:
        names = sorted(self.objects)
        for begin in range(0, len(names), 2):
            yield {"Contents": [{"Key": name} for name in names[begin : begin + 2]]}
        if not names:
            yield {}

    def list_buckets(self) -> dict[str, Any]:
        if self.made is None:
            raise ClientError("AccessDenied")
        return {"Buckets": [{"Name": name, "CreationDate": self.made} for name in ("other", "backups")]}

    def delete_objects(self, Bucket: str, Delete: Any) -> dict[str, Any]:
        for entry in Delete["Objects"]:
            del self.objects[entry["Key"]]
        return {}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects or Key in self.vanishing:
            raise ClientError("NoSuchKey")
        content = self.objects[Key]
        return {"ContentLength": len(content), "ETag": f'"{hash(content)}"', **self.about.get(Key, {})}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {**self.head_object(Bucket, Key), "Body": io.BytesIO(self.objects[Key])}

    def upload_fileobj(self, stream: Any, bucket: str, key: str, ExtraArgs: Any, Config: Any) -> None:
        assert not hasattr(stream, "seek"), "What comes out of an archive cannot be read twice."
        self.asked.append(key)
        self.objects[key] = stream.read()
        self.about[key] = ExtraArgs


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the client's library, which comes with a wheel."""
    parts: dict[str, dict[str, Any]] = {
        "botocore": {}, "botocore.exceptions": {"ClientError": ClientError, "BotoCoreError": OSError},
        "boto3": {}, "boto3.exceptions": {"Boto3Error": OSError},
        "boto3.s3": {}, "boto3.s3.transfer": {"TransferConfig": dict},
    }  # fmt: skip
    for name, content in parts.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)


def files_in(folder: Path, component: str = "object_storage") -> ComponentFiles:
    return ComponentFiles({"folder": str(folder), "id": ID, "passphrase": "a passphrase"}, component)


def test_objects_come_back_as_they_were(tmp_path: Path) -> None:
    was = Bucket(**{"small": b"planted", "large": os.urandom(3 << 20), AWKWARD: b"", "last": b"x"})
    was.about["small"] = {"ContentType": "text/plain", "Metadata": {"who": "velero"}}
    files = files_in(tmp_path)

    taken = COPY.into_set({"backups": was}, files)
    empty = Bucket()
    put = COPY.out_of_set({"backups": empty}, files)

    assert (taken["objects"], taken["size"]) == (4, sum(map(len, was.objects.values())))
    assert (put["put"], empty.objects) == (4, was.objects)
    assert empty.about["small"] == was.about["small"]
    assert b"planted" not in (tmp_path / ID / "object_storage" / COPY.FILE).read_bytes()


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    was, files = Bucket(a=b"one", b=b"two"), files_in(tmp_path)
    COPY.into_set({"backups": was}, files)
    now = Bucket(a=b"one", b=b"changed since", c=b"new")

    put = COPY.out_of_set({"backups": now}, files)

    assert (put["objects"], put["put"], now.asked) == (2, 1, ["b"])
    assert now.objects == {"a": b"one", "b": b"two", "c": b"new"}


def test_a_bucket_that_was_made_anew_has_only_what_the_set_has(tmp_path: Path) -> None:
    was, files = Bucket(a=b"one", b=b"two"), files_in(tmp_path)
    COPY.into_set({"backups": was}, files)
    now = Bucket(a=b"of the new site", c=b"of the new site")
    now.made = datetime(2026, 1, 2, tzinfo=UTC)

    put = COPY.out_of_set({"backups": now}, files)

    assert (put["put"], put["deleted"], now.objects) == (2, 1, was.objects)


def test_nothing_is_deleted_where_it_is_not_known_when_a_bucket_was_made(tmp_path: Path) -> None:
    was, files = Bucket(a=b"one"), files_in(tmp_path)
    COPY.into_set({"backups": was}, files)
    now = Bucket(c=b"new")
    now.made = None

    assert COPY.out_of_set({"backups": now}, files)["deleted"] == 0
    assert now.objects == {"a": b"one", "c": b"new"}


def test_an_object_that_is_deleted_meanwhile_is_passed_over(tmp_path: Path) -> None:
    bucket = Bucket(a=b"one", b=b"two")
    bucket.vanishing.add("a")

    assert COPY.into_set({"backups": bucket}, files_in(tmp_path))["objects"] == 1


def test_buckets_that_nobody_asked_for_stay_in_the_set(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    COPY.into_set({"backups": Bucket(a=b"one"), "models": Bucket(b=b"two")}, files)
    models = Bucket()

    put = COPY.out_of_set({"models": models}, files)

    assert (put["objects"], models.objects) == (1, {"b": b"two"})


def test_a_bucket_that_is_nobodys_is_named() -> None:
    with pytest.raises(S3Problem, match="names other, and `object_storage_buckets` does not"):
        COPY.copied({"buckets": ["other"], "owners": {"backups": "velero"}})


def test_etcds_snapshot_goes_with_what_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "etcd-snapshot"
    program.write_text('#!/bin/sh\n[ "$1" = take ] && echo content > "$2"\n')
    program.chmod(0o755)
    monkeypatch.setattr(ETCD, "PROGRAM", str(program))
    key = tmp_path / "encryption.yml"
    key.write_text("key")

    files = files_in(tmp_path, "kubernetes")
    told = ETCD.into_set([str(key), str(tmp_path / "none")], files)

    with files.unsealing(ETCD.FILE) as stream:
        names = tarfile.open(fileobj=io.BytesIO(stream.read())).getnames()
    assert names == ["etcd.snapshot", str(key).lstrip("/")]
    assert told["size"] == len("content\n")
    assert [entry.name for entry in (tmp_path / ID / "kubernetes").iterdir()] == [ETCD.FILE], (
        "Nothing in clear is left."
    )


def test_what_etcd_said_is_told_when_it_gives_no_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "etcd-snapshot"
    program.write_text("#!/bin/sh\necho etcd does not run on this host >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(ETCD, "PROGRAM", str(program))

    with pytest.raises(ETCD.SnapshotFailed, match="does not run on this host"):
        ETCD.into_set([], files_in(tmp_path, "kubernetes"))

    assert list((tmp_path / ID / "kubernetes").iterdir()) == []


def test_etcds_snapshot_comes_out_as_it_went_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, seen = tmp_path / "etcd-snapshot", tmp_path / "seen"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = take ]; then echo content > "$2"; else cat "$2" > {seen}; echo "$3 $4" >> {seen}; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(ETCD, "PROGRAM", str(program))
    files = files_in(tmp_path, "kubernetes")
    ETCD.into_set([], files)

    told = ETCD.out_of_set({"cp1": "https://192.0.2.11:2380", "cp2": "https://192.0.2.12:2380"}, files)

    assert (
        seen.read_text()
        == "content\ncp1=https://192.0.2.11:2380,cp2=https://192.0.2.12:2380 platform-20260131T120000Z\n"
    )
    assert told == {"size": len("content\n")}
