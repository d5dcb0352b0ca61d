#!/usr/bin/python
"""Delete what a component stored in a bucket of its own, or below a name of its own, in every version."""

from __future__ import annotations

DOCUMENTATION = r"""
module: objects_absent
short_description: Delete what a component stored in a bucket
description:
  - Deletes the objects below a name in every version, the marks of earlier deletions, and what was begun and never put
    together. The bucket stays, with whatever else is in it.
  - Where the Vault has no key any more there is nothing to delete with, and nothing is done.
extends_documentation_fragment: [platform.base.vault]
options:
  key: {description: "Where the Vault keeps the bucket's key, as C(object_storage/OWNER).", type: str, required: true}
  url: {description: "Where the S3 answers, if the key does not say it.", type: str, default: ""}
  region: {description: "Its region, if the key does not say it.", type: str, default: ""}
  ca_certificate: {description: The authority of its certificate., type: path, required: true}
  bucket: {description: The bucket., type: str, required: true}
  below: {description: "What the objects' names begin with; it ends in a slash.", type: str, required: true}
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Delete the site's backups
  platform.base.objects_absent:
    vault: "{{ platform_vault_access }}"
    key: object_storage/velero
    ca_certificate: /etc/platform/ca.crt
    bucket: backups
    below: platform/
"""

RETURN = r"""
gone: {description: "How many versions of objects were deleted, or would be.", returned: always, type: int}
"""

from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.s3_store import S3Problem, client_of, refusal, told
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    read_secret,
    vault_of,
)

_CURE = "Mend that S3 and run it again, or remove without --data: then everything stays there."
_NO_BUCKET = {"NoSuchBucket", "404"}


def versions(client: Any, bucket: str, below: str) -> Iterator[list[dict[str, str]]]:
    """Yield, a page at a time, what deletes every version of the objects, and the marks of deletions."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=below):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        yield [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]


def unfinished(client: Any, bucket: str, below: str) -> list[dict[str, str]]:
    """Return uploads in parts that nobody ended."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=below)
    return [{"Key": entry["Key"], "UploadId": entry["UploadId"]} for page in pages for entry in page.get("Uploads", [])]


def cleared(client: Any, bucket: str, below: str, check_mode: bool) -> int:
    """Delete what is below a name, and return how much that was.

    Raises:
        S3Problem: an object cannot be deleted.
    """
    # All pages first: a list that is read while it shrinks leaves some out.
    pages = list(versions(client, bucket, below))
    uploads = unfinished(client, bucket, below)
    for page in pages if not check_mode else []:
        refused = client.delete_objects(Bucket=bucket, Delete={"Objects": page, "Quiet": True}) if page else {}
        if errors := refused.get("Errors"):
            raise S3Problem(f"{bucket}/{errors[0]['Key']} cannot be deleted: {errors[0].get('Message')}. {_CURE}")
    for upload in uploads if not check_mode else []:
        client.abort_multipart_upload(Bucket=bucket, **upload)
    return sum(map(len, pages)) + len(uploads)


def gone(client: Any, bucket: str, below: str, check_mode: bool) -> int:
    """Delete what is below a name; where there is no bucket there is nothing.

    Raises:
        S3Problem: the S3 refused, or did not answer.
    """
    from botocore.exceptions import ClientError

    with told(f"Deleting what is in {bucket} below {below}", _CURE):
        try:
            return cleared(client, bucket, below, check_mode)
        except ClientError as error:
            if refusal(error) in _NO_BUCKET:
                return 0
            raise


def main() -> None:
    """Run the module."""
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "key": {"type": "str", "required": True, "no_log": False},
            "url": text,
            "region": text,
            "ca_certificate": {"type": "path", "required": True},
            "bucket": {"type": "str", "required": True},
            "below": {"type": "str", "required": True},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    given = module.params
    if not given["below"].strip("/") or not given["below"].endswith("/"):
        module.fail_json(msg=f"`below` is {given['below']!r}: it must be a name and a slash, or others' objects go.")
    try:
        with vault_of(given) as vault:
            key = read_secret(vault, given["key"])
        if not key:
            module.exit_json(changed=False, gone=0)
        url, region = key.get("url") or given["url"], key.get("region") or given["region"]
        count = gone(
            client_of(url, given["ca_certificate"], key, region), given["bucket"], given["below"], module.check_mode
        )
    except ImportError:
        # The libraries go with the object storage: who has them no more has forgotten the key before.
        module.exit_json(changed=False, gone=0)
    except (VaultProblem, S3Problem) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=count > 0, gone=count)


if __name__ == "__main__":
    main()
