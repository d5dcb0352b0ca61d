"""A CNCF distribution registry on loopback, behind TLS and a log-in, out of the store of bundles."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.charts import stored_program
from tests.loopback_tls import made_authority

_SECONDS = 20.0


@contextmanager
def registry(folder: Path, htpasswd: str) -> Iterator[dict[str, Any]]:
    """Yield where a registry is, as modules are told.

    Args:
        folder: where it keeps what it is given.
        htpasswd: who may log in.
    """
    program, authority = stored_program("registry"), made_authority(folder)
    (folder / "htpasswd").write_text(htpasswd + "\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
        "http": {
            "addr": f"127.0.0.1:{port}", "secret": "of-tests",
            "tls": {"certificate": str(authority), "key": str(authority.with_suffix(".key"))},
        },
    }  # fmt: skip
    (folder / "registry.yml").write_text(json.dumps(settings))
    command = [str(program), "serve", str(folder / "registry.yml")]
    with subprocess.Popen(command, env={"OTEL_TRACES_EXPORTER": "none"}) as process:
        try:
            _await(port)
            yield {"address": "127.0.0.1", "name": "127.0.0.1", "port": port, "authority": str(authority)}
        finally:
            process.terminate()


def _await(port: int) -> None:
    end = time.monotonic() + _SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end, "the registry does not start"
            time.sleep(0.05)
        else:
            return
