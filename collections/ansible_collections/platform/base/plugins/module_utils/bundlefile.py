"""Put files of the bundle in place, by digest."""

from __future__ import annotations

import hashlib
import os
import ssl
import tempfile
import urllib.error
import urllib.request
from typing import Any, BinaryIO

from ansible_collections.platform.base.plugins.module_utils.originals import FOLDER, Record

_RECORD = f"{FOLDER}/files.json"
_CHUNK = 1 << 20


class BundleFileFailed(Exception):
    """A file of the bundle could not be had."""


def put(files: list[dict[str, Any]], source: str, ca_certificate: str | None, wet: bool) -> list[str]:
    """Put files in place, and return the paths that were changed or would be.

    Args:
        files: entries with C(path), C(digest) and C(mode).
        source: where the bundle is, an C(https://) address or a folder.
    """
    record = Record(_RECORD)
    wrong = [entry for entry in files if not _is_right(entry, record.content)]
    if wet:
        for entry in wrong:
            _fetch(entry, source, ca_certificate)
        # Others may have put files of theirs in place meanwhile.
        with record.changing():
            for entry in files:
                record.content[entry["path"]] = {"digest": entry["digest"], "state": _fingerprint(entry["path"])}
    return [entry["path"] for entry in wrong]


def forget(paths: list[str]) -> None:
    """Forget files that were taken away."""
    record = Record(_RECORD)
    with record.changing():
        if any(record.content.pop(path, None) is not None for path in list(paths)):
            for path in [path for path in record.content if not os.path.lexists(path)]:
                del record.content[path]


def _fingerprint(path: str) -> list[int] | None:
    """Return what changes whenever the file does, without reading it."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return [state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode]


def _digest_of(path: str) -> str | None:
    """Return a file's digest, or None when there is none."""
    hasher = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                hasher.update(chunk)
    except OSError:
        return None
    return "sha256:" + hasher.hexdigest()


def _is_right(entry: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether the file is in place with the right bytes and permissions."""
    state = _fingerprint(entry["path"])
    if state is None or (state[3] & 0o7777) != int(entry["mode"], 8):
        return False
    digest: str = entry["digest"]
    known = record.get(entry["path"], {})
    if known.get("digest") == digest and known.get("state") == state:
        return True
    return _digest_of(entry["path"]) == digest


def _opened(source: str, digest: str, ca_certificate: str | None) -> BinaryIO:
    """Open a blob of the bundle."""
    name = f"{source.rstrip('/')}/oci/blobs/sha256/{digest.removeprefix('sha256:')}"
    if not source.startswith("https://"):
        return open(name, "rb")
    context = ssl.create_default_context(cafile=ca_certificate)
    answer: BinaryIO = urllib.request.urlopen(name, timeout=60, context=context)
    return answer


def _fetch(entry: dict[str, Any], source: str, ca_certificate: str | None) -> None:
    """Put one file in place."""
    folder = os.path.dirname(entry["path"])
    os.makedirs(folder, exist_ok=True)
    hasher = hashlib.sha256()
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".platform-")
    try:
        with os.fdopen(descriptor, "wb") as target, _opened(source, entry["digest"], ca_certificate) as stream:
            while chunk := stream.read(_CHUNK):
                hasher.update(chunk)
                target.write(chunk)
        if "sha256:" + hasher.hexdigest() != entry["digest"]:
            raise BundleFileFailed(f"{source} gave other bytes for {entry['path']} than {entry['digest']}.")
        os.chmod(temporary, int(entry["mode"], 8))
        os.replace(temporary, entry["path"])
    except (OSError, urllib.error.URLError) as error:
        raise BundleFileFailed(
            f"{entry['path']} could not be had from {source} as {entry['digest']}: {error}"
        ) from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
