#!/usr/bin/python
"""Put files of the bundle in place, by digest."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_files
short_description: Put files of the bundle in place, by digest
description:
  - Fetches from the platform's own file server, or from a bundle on the same host, and checks each byte.
  - What was put in place before and not touched since is not read again.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Where., type: path, required: true}
      digest: {description: C(sha256:) and 64 hexadecimal digits., type: str, required: true}
      mode: {description: Permissions, octal., type: str, default: "0755"}
  source:
    description: Where the bundle is; an C(https://) address or a folder.
    type: str
    required: true
  ca_certificate:
    description: The authority that the file server's certificate comes from.
    type: path
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Install the runtime
  platform.base.bundle_files:
    source: https://seed.example.com:5001
    ca_certificate: /etc/platform/ca.crt
    files:
      - {path: /usr/local/bin/runc, digest: "{{ platform_artifacts.files.runc.digest }}"}
"""

RETURN = r"""
changed_paths:
  description: The paths that were changed, or would be.
  returned: always
  type: list
  elements: str
"""

import hashlib
import json
import os
import ssl
import tempfile
import urllib.error
import urllib.request
from typing import Any, BinaryIO

from ansible.module_utils.basic import AnsibleModule

_RECORD = "/var/lib/platform/files.json"
_CHUNK = 1 << 20


def fingerprint(path: str) -> list[int] | None:
    """Return what changes whenever the file does, without reading it."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return [state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode]


def digest_of(path: str) -> str | None:
    """Return a file's digest, or None when there is none."""
    hasher = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                hasher.update(chunk)
    except OSError:
        return None
    return "sha256:" + hasher.hexdigest()


def load_record() -> dict[str, Any]:
    """Return what was put in place before."""
    try:
        with open(_RECORD, encoding="utf-8") as stream:
            record: dict[str, Any] = json.load(stream)
            return record
    except (OSError, ValueError):
        return {}


def save_record(record: dict[str, Any]) -> None:
    """Remember what was put in place."""
    os.makedirs(os.path.dirname(_RECORD), mode=0o755, exist_ok=True)
    temporary = _RECORD + f".{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(record, stream)
    os.replace(temporary, _RECORD)


def is_right(entry: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether the file is in place with the right bytes and permissions."""
    state = fingerprint(entry["path"])
    if state is None or (state[3] & 0o7777) != int(entry["mode"], 8):
        return False
    known = record.get(entry["path"], {})
    if known.get("digest") == entry["digest"] and known.get("state") == state:
        return True
    return digest_of(entry["path"]) == entry["digest"]


def opened(source: str, digest: str, ca_certificate: str | None) -> BinaryIO:
    """Open a blob of the bundle."""
    name = f"{source.rstrip('/')}/oci/blobs/sha256/{digest.removeprefix('sha256:')}"
    if not source.startswith("https://"):
        return open(name, "rb")
    context = ssl.create_default_context(cafile=ca_certificate)
    answer: BinaryIO = urllib.request.urlopen(name, timeout=60, context=context)
    return answer


def fetch(module: AnsibleModule, entry: dict[str, Any]) -> None:
    """Put one file in place."""
    folder = os.path.dirname(entry["path"])
    os.makedirs(folder, exist_ok=True)
    hasher = hashlib.sha256()
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".platform-")
    try:
        with os.fdopen(descriptor, "wb") as target, opened(module.params["source"], entry["digest"], module.params["ca_certificate"]) as stream:
            while chunk := stream.read(_CHUNK):
                hasher.update(chunk)
                target.write(chunk)
        if "sha256:" + hasher.hexdigest() != entry["digest"]:
            module.fail_json(msg=f"{module.params['source']} gave other bytes for {entry['path']} than {entry['digest']}.")
        os.chmod(temporary, int(entry["mode"], 8))
        os.replace(temporary, entry["path"])
    except (OSError, urllib.error.URLError) as error:
        module.fail_json(msg=f"{entry['path']} could not be had from {module.params['source']} as {entry['digest']}: {error}")
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def main() -> None:
    """Run the module."""
    entry = {
        "path": {"type": "path", "required": True},
        "digest": {"type": "str", "required": True},
        "mode": {"type": "str", "default": "0755"},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": entry},
            "source": {"type": "str", "required": True},
            "ca_certificate": {"type": "path"},
        },
        supports_check_mode=True,
    )
    record = load_record()
    before = json.dumps(record, sort_keys=True)
    wrong = [item for item in module.params["files"] if not is_right(item, record)]
    if not module.check_mode:
        for item in wrong:
            fetch(module, item)
        for item in module.params["files"]:
            record[item["path"]] = {"digest": item["digest"], "state": fingerprint(item["path"])}
        if json.dumps(record, sort_keys=True) != before:
            save_record(record)
    module.exit_json(changed=bool(wrong), changed_paths=[item["path"] for item in wrong])


if __name__ == "__main__":
    main()
