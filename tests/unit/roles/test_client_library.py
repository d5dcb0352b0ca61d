"""A client of the API whose server is gone is told so, instead of waiting for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[3] / "roles/admin_tools/files"
_PROGRAM = """
import json, socket
from urllib3 import HTTPConnectionPool
with socket.create_server(("127.0.0.1", 0)) as server:
    connection = HTTPConnectionPool("127.0.0.1", server.getsockname()[1])._new_conn()
    connection.connect()
    asked = [connection.sock.getsockopt(socket.IPPROTO_TCP, option)
             for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]
    print(json.dumps([connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *asked]))
    connection.close()
"""


def test_connections_ask_whether_they_still_stand() -> None:
    environment = {**os.environ, "PYTHONPATH": str(_FOLDER)}

    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True
    ).stdout

    asks, idle, between, unanswered = json.loads(said)
    assert asks == 1
    assert idle + between * unanswered <= 30
