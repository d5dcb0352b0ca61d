"""Ask a server whether it still speaks what nobody should."""

from __future__ import annotations

import http.client
import os
import socket
import struct
from collections.abc import Iterable

_TLS, _PLAIN = 443, 80
_HANDSHAKE, _TLS_1_1 = 22, b"\x03\x02"


def answers_plainly(address: str, host: str, path: str, seconds: float, ports: Iterable[int] = (_TLS, _PLAIN)) -> bool:
    """Return whether a path of a host is served without TLS, at the port of TLS or at that of HTTP."""
    for port in ports:
        connection = http.client.HTTPConnection(address, port, timeout=seconds)
        try:
            connection.request("GET", path, headers={"Host": host})
            if connection.getresponse().status < http.client.BAD_REQUEST:
                return True
        except (OSError, http.client.HTTPException):
            # Refused, cut off, or nobody there: as it shall be.
            pass
        finally:
            connection.close()
    return False


def speaks_old(address: str, host: str, seconds: float, port: int = 443) -> bool:
    """Return whether a server would shake hands by TLS 1.1; no library of today can be asked to offer that."""
    with socket.create_connection((address, port), timeout=seconds) as connection:
        connection.sendall(old_hello(host))
        try:
            head = connection.recv(1)
        except OSError:
            return False
    return head == bytes([_HANDSHAKE])


def old_hello(host: str) -> bytes:
    """Return the first message of a client that knows nothing newer than TLS 1.1."""
    name = host.encode("ascii")
    entry = b"\x00" + struct.pack("!H", len(name)) + name
    listed = struct.pack("!H", len(entry)) + entry
    extensions = b"".join(
        struct.pack("!HH", kind, len(content)) + content
        for kind, content in ((0, listed), (10, b"\x00\x04\x00\x17\x00\x18"), (11, b"\x01\x00"))
    )
    suites = struct.pack("!6H", 0xC009, 0xC00A, 0xC013, 0xC014, 0x002F, 0x0035)
    body = _TLS_1_1 + os.urandom(32) + b"\x00" + struct.pack("!H", len(suites)) + suites + b"\x01\x00"
    body += struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return bytes([_HANDSHAKE]) + b"\x03\x01" + struct.pack("!H", len(message)) + message
