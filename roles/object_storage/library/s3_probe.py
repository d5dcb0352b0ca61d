#!/usr/bin/python
"""Use an S3 as the owner of a bucket does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_probe
short_description: Use an S3 as the owner of a bucket does
description:
  - Takes an owner's key out of the Vault, puts an object in several parts, puts another one over it, and reads both
    through every gateway. A wrong key, nobody's request, and another owner's bucket must be refused.
extends_documentation_fragment: [platform.base.vault]
options:
  ca_certificate: {description: The authority of the S3's certificate., type: path, required: true}
  gateways: {description: The gateways and where they answer., type: dict, required: true}
  buckets:
    description: Buckets with their owners; the first one is used.
    type: list
    elements: dict
    required: true
  seconds: {description: How long the store may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use it
  s3_probe:
    vault: "{{ platform_vault_access }}"
    ca_certificate: /etc/platform/ca.crt
    gateways: {cp1: "https://192.0.2.11:8334"}
    buckets: [{name: backups, owner: velero, versioning: true}, {name: models, owner: models}]
"""

RETURN = r"""
seconds: {description: How long it took., returned: always, type: float}
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.s3_store import S3Problem, client_of, refusal, told
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    read_secret,
    vault_of,
)

FOLDER = "object_storage"
# The least that S3 takes for a part that is not the last one.
_PART_BYTES, _PARTS = 5 * 1024 * 1024, 2
_CURE = "Look at `journalctl -u 'platform-object-*'` on the hosts that store."
_DENIED = {"AccessDenied", "Forbidden", "403"}
_UNKNOWN = {"SignatureDoesNotMatch", "InvalidAccessKeyId", *_DENIED}


def keys_of(given: Mapping[str, Any], owners: list[str]) -> dict[str, dict[str, Any]]:
    """Return the owners' keys, as whoever uses the store gets them.

    Raises:
        VaultProblem: a key is not there.
    """
    with vault_of(given) as client:
        found = {owner: read_secret(client, f"{FOLDER}/{owner}") for owner in owners}
    if missing := [owner for owner in owners if not found[owner]]:
        raise VaultProblem(f"The Vault holds no access key of {', '.join(missing)}. Deploy the component again.")
    return found


def put_in_parts(client: Any, bucket: str, name: str) -> str:
    """Put an object in several parts, and return the digest of its bytes."""
    digest, done = hashlib.sha256(), []
    begun = client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
    for number in range(1, _PARTS + 1):
        content = secrets.token_bytes(_PART_BYTES if number < _PARTS else 1024)
        digest.update(content)
        sent = client.upload_part(Bucket=bucket, Key=name, UploadId=begun, PartNumber=number, Body=content)
        done.append({"PartNumber": number, "ETag": sent["ETag"]})
    client.complete_multipart_upload(Bucket=bucket, Key=name, UploadId=begun, MultipartUpload={"Parts": done})
    return digest.hexdigest()


def read_back(client: Any, bucket: str, name: str, version: str | None = None) -> str:
    """Return the digest of an object's bytes, of its newest version or of another one."""
    which = {"VersionId": version} if version else {}
    return hashlib.sha256(client.get_object(Bucket=bucket, Key=name, **which)["Body"].read()).hexdigest()


def first_version(client: Any, bucket: str, name: str) -> str:
    """Return the identifier of an object's oldest version.

    Raises:
        S3Problem: two versions were put, and another number is there.
    """
    found = client.list_object_versions(Bucket=bucket, Prefix=name).get("Versions", [])
    if len(found) != 2:
        raise S3Problem(f"Of two versions of {bucket}/{name}, {len(found)} are there. Does the bucket keep versions?")
    return str(next(entry["VersionId"] for entry in found if not entry["IsLatest"]))


def must_refuse(what: str, attempt: Callable[[], Any], codes: set[str]) -> None:
    """See that something is refused, as it should be.

    Raises:
        S3Problem: it is not, or for another reason.
    """
    from botocore.exceptions import ClientError

    try:
        attempt()
    except ClientError as error:
        if refusal(error) not in codes:
            raise S3Problem(f"{what} ends in {refusal(error)}, which is no refusal. {_CURE}") from error
    else:
        raise S3Problem(f"{what} is not refused: whoever reaches the store can do it. {_CURE}")


def use(clients: Mapping[str, Any], bucket: Mapping[str, Any], name: str) -> None:
    """Put two objects over each other, and read them through every gateway.

    Raises:
        S3Problem: what was read is not what was put.
    """
    first, *_ = clients.values()
    wanted: list[tuple[str | None, str]] = []
    with told(f"Putting {bucket['name']}/{name} in parts", _CURE):
        digest = put_in_parts(first, bucket["name"], name)
    if bucket.get("versioning"):
        content = secrets.token_bytes(64)
        with told(f"Putting another version of {bucket['name']}/{name}", _CURE):
            first.put_object(Bucket=bucket["name"], Key=name, Body=content)
            wanted.append((first_version(first, bucket["name"], name), digest))
        digest = hashlib.sha256(content).hexdigest()
    for gateway, client in clients.items():
        for version, bytes_put in [(None, digest), *wanted]:
            with told(f"Reading {bucket['name']}/{name} through the gateway {gateway}", _CURE):
                if read_back(client, bucket["name"], name, version) != bytes_put:
                    raise S3Problem(f"{gateway} reads other bytes of {bucket['name']}/{name} than were put. {_CURE}")


def strangers(key: Mapping[str, Any]) -> dict[str, dict[str, str] | None]:
    """Return keys that must not open anything, by what is wrong with them."""
    wrong, unknown = secrets.token_hex(20), secrets.token_hex(10).upper()
    return {
        "a wrong secret": {"access_key": key["access_key"], "secret_key": wrong},
        "an unknown key": {"access_key": unknown, "secret_key": wrong},
        "no key": None,
    }


def refuse_strangers(url: str, authority: str, key: Mapping[str, Any], bucket: str) -> None:
    """See that a gateway refuses who has no key of the store's."""
    for kind, stranger in strangers(key).items():
        client = client_of(url, authority, stranger, key.get("region", ""))
        what = f"Listing {bucket} at {url} with {kind}"
        with told(what, _CURE):
            must_refuse(what, partial(client.list_objects_v2, Bucket=bucket), _UNKNOWN)


def refuse_others(client: Any, owner: Any, bucket: str) -> None:
    """See that who owns other buckets cannot use this one.

    Args:
        client: somebody else.
        owner: who owns the bucket.
        bucket: its name.
    """
    name, what = f"probe-{secrets.token_hex(8)}", f"The use of {bucket} by another owner"
    with told(what, _CURE):
        # It is there, for its owner.
        owner.list_objects_v2(Bucket=bucket)
        must_refuse(what, partial(client.list_objects_v2, Bucket=bucket), _DENIED)
        must_refuse(what, partial(client.get_object, Bucket=bucket, Key=name), _DENIED)
        must_refuse(what, partial(client.put_object, Bucket=bucket, Key=name, Body=b""), _DENIED)


def clean(client: Any, bucket: str, name: str) -> None:
    """Delete every version of an object."""
    with told(f"Deleting {bucket}/{name}", _CURE):
        for entry in client.list_object_versions(Bucket=bucket, Prefix=name).get("Versions", []):
            client.delete_object(Bucket=bucket, Key=name, VersionId=entry["VersionId"])


def probe(given: Mapping[str, Any]) -> None:
    """Use the store, and clean up."""
    bucket, *rest = given["buckets"]
    others = next((entry for entry in rest if entry["owner"] != bucket["owner"]), None)
    keys = keys_of(given, sorted({entry["owner"] for entry in given["buckets"]}))
    key, authority, name = keys[bucket["owner"]], given["ca_certificate"], f"probe-{secrets.token_hex(8)}"

    def client(owner: str, url: str) -> Any:
        return client_of(url, authority, keys[owner], keys[owner].get("region", ""))

    # First by the address everybody uses, then through each gateway.
    urls = {key["url"]: key["url"], **given["gateways"]}
    mine = {gateway: client(bucket["owner"], url) for gateway, url in urls.items()}
    try:
        use(mine, bucket, name)
        for gateway, url in urls.items():
            refuse_strangers(url, authority, key, bucket["name"])
            if others is not None:
                refuse_others(mine[gateway], client(others["owner"], url), others["name"])
    finally:
        clean(next(iter(mine.values())), bucket["name"], name)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "ca_certificate": {"type": "path", "required": True},
            "gateways": {"type": "dict", "required": True},
            "buckets": {"type": "list", "elements": "dict", "required": True},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    began = time.monotonic()
    try:
        if not module.check_mode:
            probe(module.params)
    except (S3Problem, VaultProblem) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
