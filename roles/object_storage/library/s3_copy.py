#!/usr/bin/python
"""Copy the objects of buckets into a set of a backup, or put them back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_copy
short_description: Copy the objects of buckets into a set of a backup, or put them back
description:
  - The newest version of each object goes into one file, with its kind and what else is known of it, encrypted.
  - When they are put back, objects that are there and the same are passed over.
  - A bucket that was made anew since loses what the set does not have. In one that is still the bucket that was copied
    nothing is deleted.
extends_documentation_fragment: [platform.base.backup]
options:
  direction: {description: Where objects go., type: str, choices: [into_set, out_of_set], required: true}
  url: {description: Where the S3 answers., type: str, required: true}
  region: {description: "Its region, where it has several.", type: str, default: ""}
  ca_certificate: {description: The authority of its certificate., type: path, required: true}
  keys: {description: "By owner, C(access_key) and C(secret_key).", type: dict, required: true}
  owners: {description: "By bucket, its owner.", type: dict, required: true}
  buckets: {description: The buckets., type: list, elements: str, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Copy the objects of velero's bucket
  s3_copy:
    direction: into_set
    url: https://192.0.2.10:8333
    ca_certificate: /etc/platform/ca.crt
    keys: {velero: {access_key: "{{ access }}", secret_key: "{{ secret }}"}}
    owners: {backups: velero}
    buckets: [backups]
    backup: "{{ platform_backup_access }}"
"""

RETURN = r"""
as_of: {description: "The moment before it was begun, in UTC by ISO 8601.", returned: into_set, type: str}
objects: {description: How many objects the set has., returned: always, type: int}
size: {description: Their bytes., returned: always, type: int}
put: {description: How many were put back., returned: always, type: int}
deleted: {description: How many a bucket that was made anew lost., returned: always, type: int}
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import backup_set
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles, this_moment
from ansible_collections.platform.base.plugins.module_utils.s3_store import S3Problem, client_of, refusal, told
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken

COMPONENT, FILE = "object_storage", "objects.sealed"
_CURE = "Look at `journalctl -u platform-object-gateway` on the hosts that store, and run it again."
_GONE = {"NoSuchKey", "404", "NotFound"}
# What is told of an object beside its bytes, and of all: when each bucket was made.
_TOLD, _MADE = "platform.object", "platform.buckets"
# As many as an S3 deletes at once.
_AT_ONCE = 1000


class Plain:
    """Gives the bytes of an archive's member, and cannot go back: whoever reads it must not try."""

    def __init__(self, stream: Any) -> None:
        """Read a member."""
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        return bytes(self._stream.read(size))


def objects_in(client: Any, bucket: str) -> Iterator[str]:
    """Yield the names of a bucket's objects."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (entry["Key"] for entry in page.get("Contents", []))


def made(client: Any, bucket: str) -> str:
    """Return when a bucket was made; nothing where its owner may not ask."""
    from botocore.exceptions import ClientError

    try:
        known = client.list_buckets()["Buckets"]
    except ClientError:
        return ""
    return next((entry["CreationDate"].isoformat() for entry in known if entry["Name"] == bucket), "")


def delete_others(client: Any, bucket: str, stay: set[str]) -> int:
    """Delete the objects of a bucket that are none of these, and return how many those were."""
    others = [key for key in objects_in(client, bucket) if key not in stay]
    for begin in range(0, len(others), _AT_ONCE):
        entries = [{"Key": key} for key in others[begin : begin + _AT_ONCE]]
        refused = client.delete_objects(Bucket=bucket, Delete={"Objects": entries, "Quiet": True}).get("Errors")
        if refused:
            raise S3Problem(f"{bucket}/{refused[0]['Key']} cannot be deleted: {refused[0].get('Message')}. {_CURE}")
    return len(others)


def keep(client: Any, bucket: str, key: str, archive: tarfile.TarFile, number: int) -> int | None:
    """Add an object to the archive, and return its size; None when it is gone in the meantime."""
    from botocore.exceptions import ClientError

    try:
        found = client.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if refusal(error) in _GONE:
            return None
        raise
    # Names of objects are no names of files, so they are kept beside.
    member = tarfile.TarInfo(f"{number:09}")
    member.size = int(found["ContentLength"])
    about = {
        "bucket": bucket,
        "key": key,
        "etag": found["ETag"],
        "type": found.get("ContentType", "binary/octet-stream"),
        "metadata": found.get("Metadata", {}),
    }
    member.pax_headers = {_TOLD: json.dumps(about)}
    archive.addfile(member, found["Body"])
    return member.size


def into_set(clients: Mapping[str, Any], files: ComponentFiles) -> dict[str, Any]:
    """Copy every object into the file."""
    moment, count, size = this_moment(), 0, 0
    about = {_MADE: json.dumps({bucket: made(client, bucket) for bucket, client in clients.items()})}
    with files.sealing(FILE) as sealer:
        target = cast("Any", sealer)
        with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT, pax_headers=about) as archive:
            for bucket, client in clients.items():
                with told(f"Copying the objects of {bucket}", _CURE):
                    for key in objects_in(client, bucket):
                        kept = keep(client, bucket, key, archive, count)
                        if kept is not None:
                            count, size = count + 1, size + kept
    return {"as_of": moment, "objects": count, "size": size, "put": 0, "deleted": 0}


def is_there(client: Any, about: Mapping[str, Any], size: int) -> bool:
    """Return whether an object is in its bucket as it is in the set."""
    from botocore.exceptions import ClientError

    try:
        found = client.head_object(Bucket=about["bucket"], Key=about["key"])
    except ClientError as error:
        if refusal(error) in _GONE:
            return False
        raise
    return bool(found["ETag"] == about["etag"] and found["ContentLength"] == size)


def put(client: Any, about: Mapping[str, Any], stream: Any) -> None:
    """Put an object back."""
    from boto3.s3.transfer import TransferConfig

    more = {"ContentType": about["type"], "Metadata": about["metadata"]}
    config = TransferConfig(use_threads=False)
    client.upload_fileobj(Plain(stream), about["bucket"], about["key"], ExtraArgs=more, Config=config)


def out_of_set(clients: Mapping[str, Any], files: ComponentFiles) -> dict[str, Any]:
    """Put every object of the buckets back, and take what came into new ones before."""
    count, size, done = 0, 0, 0
    stay: dict[str, set[str]] = {bucket: set() for bucket in clients}
    with files.unsealing(FILE) as stream:
        with tarfile.open(fileobj=cast("Any", stream), mode="r|") as archive:
            were_made = json.loads(archive.pax_headers.get(_MADE, "{}"))
            for member in archive:
                about = json.loads(member.pax_headers[_TOLD])
                client = clients.get(about["bucket"])
                if client is None:
                    continue
                count, size = count + 1, size + member.size
                stay[about["bucket"]].add(about["key"])
                with told(f"Putting {about['bucket']}/{about['key']} back", _CURE):
                    if not is_there(client, about, member.size):
                        put(client, about, archive.extractfile(member))
                        done += 1
    deleted = 0
    for bucket, client in clients.items():
        with told(f"Clearing the new bucket {bucket}", _CURE):
            before, now = were_made.get(bucket), made(client, bucket)
            if before and now and before != now:
                deleted += delete_others(client, bucket, stay[bucket])
    return {"objects": count, "size": size, "put": done, "deleted": deleted}


def copied(given: Mapping[str, Any]) -> dict[str, Any]:
    """Do what was asked.

    Raises:
        S3Problem: a bucket is nobody's, or the store refused.
    """
    if unknown := sorted(set(given["buckets"]) - set(given["owners"])):
        raise S3Problem(
            f"`object_storage_backed_up` names {', '.join(unknown)}, and `object_storage_buckets` does not."
        )
    clients = {
        bucket: client_of(
            given["url"], given["ca_certificate"], given["keys"][given["owners"][bucket]], given["region"]
        )
        for bucket in given["buckets"]
    }
    files = ComponentFiles(given["backup"], COMPONENT)
    return into_set(clients, files) if given["direction"] == "into_set" else out_of_set(clients, files)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "direction": {"type": "str", "choices": ["into_set", "out_of_set"], "required": True},
            "url": {"type": "str", "required": True},
            "region": {"type": "str", "default": ""},
            "ca_certificate": {"type": "path", "required": True},
            "keys": {"type": "dict", "required": True, "no_log": True},
            "owners": {"type": "dict", "required": True},
            "buckets": {"type": "list", "elements": "str", "required": True},
            "backup": backup_set.ACCESS,
        },
        supports_check_mode=False,
    )
    try:
        done = copied(module.params)
    except (S3Problem, SealBroken, tarfile.TarError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=bool(done["put"] or done["deleted"]), **done)


if __name__ == "__main__":
    main()
