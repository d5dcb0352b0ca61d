"""Sockets that notice when a peer's host is gone: one that lost its power says nothing, and a slow model neither."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

SocketMaker = Callable[[tuple[int, int, int, str, tuple[Any, ...]]], socket.socket]


def socket_maker(lost_seconds: float) -> SocketMaker:
    """Return what makes a socket for an address, as `getaddrinfo` tells it.

    The peer's kernel says that it is there, however long its program works: once a second where nothing else is said.

    Args:
        lost_seconds: how long it may say nothing before a connection is given up.
    """

    def make(address: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        # For what was sent and for questions whether it is there alike.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(lost_seconds * 1000))
        return made

    return make
