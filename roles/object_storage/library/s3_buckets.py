#!/usr/bin/python
"""Bring an S3's buckets to what a site wants."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_buckets
short_description: Bring an S3's buckets to what a site wants
description:
  - Buckets that are missing are made, and keep versions or do not. None is deleted.
options:
  url: {description: Where the S3 answers., type: str, required: true}
  ca_certificate: {description: The authority of its certificate., type: path, required: true}
  key: {description: "The administrator's C(access_key) and C(secret_key).", type: dict, required: true}
  buckets:
    description: Buckets to have.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: The bucket's name., type: str, required: true}
      owner: {description: Who uses it., type: str, required: true}
      versioning: {description: Whether it keeps versions., type: bool, default: false}
  seconds: {description: How long the store may take to answer., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Have the buckets
  s3_buckets:
    url: https://192.0.2.10:8333
    ca_certificate: /etc/platform/ca.crt
    key: {access_key: "{{ access }}", secret_key: "{{ secret }}"}
    buckets: [{name: backups, owner: velero, versioning: true}]
"""

RETURN = r"""
made: {description: What was changed., returned: always, type: list, elements: str}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.s3_store import S3Problem, client_of, refusal, told

_PAUSE = 1
_CURE = "Look at `journalctl -u platform-object-gateway` on the hosts that store."


def answering(client: Any, seconds: float) -> set[str]:
    """Wait until the store answers, and return its buckets.

    Raises:
        S3Problem: it does not.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            with told("Asking the store for its buckets", _CURE):
                return {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        except S3Problem:
            if time.monotonic() >= end:
                raise
            time.sleep(_PAUSE)


def make(client: Any, name: str) -> None:
    """Make a bucket; an attempt that was cut off may have made it."""
    from botocore.exceptions import ClientError

    with told(f"Making the bucket {name}", _CURE):
        try:
            client.create_bucket(Bucket=name)
        except ClientError as error:
            if refusal(error) not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                raise


def settle(client: Any, buckets: list[dict[str, Any]], seconds: float, check_mode: bool) -> list[str]:
    """Bring the buckets to what is wanted, and return what was changed."""
    there, made = answering(client, seconds), []
    for bucket in buckets:
        name, status = bucket["name"], ""
        if name in there:
            with told(f"Asking for the versions of {name}", _CURE):
                status = client.get_bucket_versioning(Bucket=name).get("Status", "")
        else:
            made.append(f"bucket {name}")
            if not check_mode:
                make(client, name)
        keeps = status == "Enabled"
        if keeps != bucket["versioning"]:
            made.append(f"versions of {name}")
            if not check_mode:
                wanted = {"Status": "Enabled" if bucket["versioning"] else "Suspended"}
                with told(f"Keeping versions of {name}", _CURE):
                    client.put_bucket_versioning(Bucket=name, VersioningConfiguration=wanted)
    return made


def main() -> None:
    """Run the module."""
    bucket = {
        "name": {"type": "str", "required": True},
        "owner": {"type": "str", "required": True},
        "versioning": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "ca_certificate": {"type": "path", "required": True},
            "key": {"type": "dict", "required": True, "no_log": True},
            "buckets": {"type": "list", "elements": "dict", "required": True, "options": bucket},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    given = module.params
    client = client_of(given["url"], given["ca_certificate"], given["key"])
    try:
        made = settle(client, given["buckets"], given["seconds"], module.check_mode)
    except S3Problem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=bool(made), made=made)


if __name__ == "__main__":
    main()
