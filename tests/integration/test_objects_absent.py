"""What a component stored is deleted in every version, by the store the lab runs and the rights its owner has there."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.s3_store import S3Problem, client_of
from ansible_collections.platform.base.plugins.module_utils.vault_site import wait_for
from ansible_collections.platform.base.plugins.modules import objects_absent

from installer.adapters.lock_files import read_lock
from installer.model.artifact import Kind
from tests.bundled import blob, program
from tests.repository import PROJECT

# What else it needs, tests have.
WHEELS = ("boto3", "botocore", "jmespath", "s3transfer")
# Nothing reads it, as the store answers without TLS on this machine alone.
NO_TLS = "/etc/ssl/certs/ca-certificates.crt"
OWNER, STRANGER, ADMINISTRATOR = ({"access_key": name, "secret_key": f"{name}'s"} for name in ("AO", "AS", "AA"))


def identity(key: dict[str, str], *actions: str) -> dict[str, Any]:
    """Return who has a key, and what they may do."""
    credentials = [{"accessKey": key["access_key"], "secretKey": key["secret_key"]}]
    return {"name": key["access_key"], "credentials": credentials, "actions": actions}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at, nor ten thousand above."""
    with contextlib.ExitStack() as stack:
        held: list[int] = []
        while len(held) < count:
            port = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                stack.enter_context(socket.create_server(("127.0.0.1", port - 10000)))
                held.append(port - 10000)
        return held


@pytest.fixture(scope="module")
def _library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let tests import the client library as modules do on the admin host: out of its wheels."""
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    folder = tmp_path_factory.mktemp("library")
    for name in WHEELS:
        with zipfile.ZipFile(blob(lock, Kind.WHEEL, name)) as wheel:
            wheel.extractall(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture(scope="module")
def url(_library: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the store with one bucket whose owner has the rights that `object_storage` gives."""
    folder = tmp_path_factory.mktemp("store")
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    weed = program(lock, "weed", folder)
    rights = [f"{right}:backups" for right in ("Read", "Write", "List", "Tagging")]
    people = [identity(OWNER, *rights), identity(STRANGER, "Read:other"), identity(ADMINISTRATOR, "Admin")]
    (folder / "s3.json").write_text(json.dumps({"identities": people}))
    master, volume, filer, gateway = free_ports(4)
    command = [str(weed), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", f"-master.port={master}"]
    command += ["-master.volumeSizeLimitMB=64", f"-volume.port={volume}", "-volume.max=50", "-filer"]
    command += [f"-filer.port={filer}", "-s3", f"-s3.port={gateway}", f"-s3.config={folder}/s3.json"]
    with (folder / "log").open("wb") as log:
        store = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{gateway}"
    try:
        assert wait_for(lambda: bucket_made(address), 120), (folder / "log").read_text()[-2000:]
        yield address
    finally:
        store.terminate()
        store.wait(60)


def bucket_made(address: str) -> bool:
    """Make the bucket, and have it keep versions; return whether the store was ready for it."""
    from botocore.exceptions import BotoCoreError, ClientError

    administrator = client_of(address, NO_TLS, ADMINISTRATOR)
    try:
        if not administrator.list_buckets()["Buckets"]:
            administrator.create_bucket(Bucket="backups")
        administrator.put_bucket_versioning(Bucket="backups", VersioningConfiguration={"Status": "Enabled"})
        administrator.put_object(Bucket="backups", Key="first", Body=b"")
    except (BotoCoreError, ClientError):
        return False
    return True


def filled(url: str) -> Any:
    """Put objects of two sites into the bucket, and return its owner's client."""
    owner = client_of(url, NO_TLS, OWNER)
    for name in ("site1/a", "site1/b/c", "site10/kept", "kept"):
        for content in (b"old", b"new"):
            owner.put_object(Bucket="backups", Key=name, Body=content)
    owner.delete_object(Bucket="backups", Key="site1/a")
    owner.create_multipart_upload(Bucket="backups", Key="site1/never-ended")
    return owner


def left(owner: Any) -> set[str]:
    """Return the names of what is there in any version."""
    page = owner.list_object_versions(Bucket="backups")
    uploads = owner.list_multipart_uploads(Bucket="backups").get("Uploads") or []
    return {entry["Key"] for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", []), *uploads]}


def test_what_a_site_stored_goes_in_every_version_and_others_stays(url: str) -> None:
    owner = filled(url)

    first = objects_absent.gone(owner, "backups", "site1/", check_mode=False)
    second = objects_absent.gone(owner, "backups", "site1/", check_mode=False)

    assert (first, second) == (6, 0)
    assert left(owner) == {"first", "kept", "site10/kept"}


def test_check_mode_counts_and_deletes_nothing(url: str) -> None:
    owner = filled(url)
    before = left(owner)

    counted = objects_absent.gone(owner, "backups", "site1/", check_mode=True)

    assert counted == 6
    assert left(owner) == before


def test_where_there_is_no_bucket_there_is_nothing(url: str) -> None:
    assert objects_absent.gone(client_of(url, NO_TLS, ADMINISTRATOR), "none", "site1/", check_mode=False) == 0


def test_a_refusal_is_told_with_what_to_do(url: str) -> None:
    with pytest.raises(S3Problem, match=r"backups below site1/ failed.*without --data"):
        objects_absent.gone(client_of(url, NO_TLS, STRANGER), "backups", "site1/", check_mode=False)
