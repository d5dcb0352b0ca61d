"""Plain downloads: streamed, checked by digest, resumed where the server allows."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import urllib3

from installer.adapters.blob_store import CHUNK, BlobStore
from installer.errors import PlatformError
from installer.model.artifact import Blob
from installer.model.events import Progress
from installer.ports import Reporter

_ATTEMPTS = 5
_CONNECT_SECONDS = 20.0
_READ_SECONDS = 60.0


class DownloadFailed(PlatformError):
    """A server did not answer, or not with what was asked for."""


def pool() -> urllib3.PoolManager:
    """Return a connection pool that trusts what this machine's TLS settings trust."""
    bundle = os.environ.get("SSL_CERT_FILE")
    retries = urllib3.Retry(total=3, backoff_factor=0.5, status_forcelist=(502, 503, 504), respect_retry_after_header=True)
    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
    return urllib3.PoolManager(maxsize=8, retries=retries, timeout=timeout, ca_certs=bundle)


def read(url: str, limit: int = 64 << 20) -> bytes:
    """Return a small document.

    Raises:
        DownloadFailed: the server did not answer with it, or with more than `limit` bytes.
    """
    try:
        answer = pool().request("GET", url, preload_content=False)
        content = answer.read(limit + 1)
        answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise DownloadFailed(f"{url} does not answer: {error}.") from error
    if answer.status != 200 or len(content) > limit:
        raise DownloadFailed(f"{url} answered {answer.status} with {len(content)} bytes.")
    return content


def download(
    url: str,
    store: BlobStore,
    reporter: Reporter,
    expected: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Blob:
    """Fetch a URL into the store, going on where an earlier attempt stopped.

    Raises:
        DownloadFailed: the server did not answer, or not to the end.
        BundleRefused: the bytes have another digest than expected.
    """
    partial = store.root / "partial" / hashlib.sha256(url.encode()).hexdigest()
    partial.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(_ATTEMPTS):
        try:
            _continue(url, partial, reporter, headers or {})
            break
        except urllib3.exceptions.HTTPError as error:
            if attempt == _ATTEMPTS - 1:
                raise DownloadFailed(
                    f"{url} broke off {_ATTEMPTS} times: {error}.", hint="Run the command again; it goes on from there."
                ) from error
            time.sleep(2**attempt)
    try:
        with partial.open("rb") as stream:
            return store.put(stream, expected)
    finally:
        partial.unlink()


def _continue(url: str, partial: Path, reporter: Reporter, headers: Mapping[str, str]) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    wanted = {**headers, **({"Range": f"bytes={have}-"} if have else {})}
    answer = pool().request("GET", url, headers=wanted, preload_content=False, decode_content=False)
    if answer.status == 416:
        return
    if answer.status not in (200, 206):
        raise DownloadFailed(f"{url} answered {answer.status}.", hint="Check the address and this machine's network.")
    if answer.status == 200:
        have = 0
    total = have + int(answer.headers.get("Content-Length", 0))
    with partial.open("ab" if answer.status == 206 else "wb") as stream:
        for chunk in answer.stream(CHUNK):
            stream.write(chunk)
            have += len(chunk)
            reporter.emit(Progress("fetch", url.rsplit("/", 1)[-1], have, total))
