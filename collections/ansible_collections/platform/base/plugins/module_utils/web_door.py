"""One server behind TLS, reached by its address because a host may not know its name yet."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

# What every module takes that speaks to a server this way.
ARGUMENTS: dict[str, Any] = {
    "address": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "authority": {"type": "path", "required": True},
}


class NoAnswer(Exception):
    """The server did not answer, or is not who it should be."""


class Answer(NamedTuple):
    """What a server said.

    Attributes:
        status: of HTTP.
        headers: by name, as http.client has them.
        content: the body.
    """

    status: int
    headers: http.client.HTTPMessage
    content: bytes


class Door:
    """The way to one server.

    Args:
        address: where it answers.
        port: where it answers.
        name: who it is, by its certificate.
        context: whom to trust.
        seconds: how long an answer may take.
    """

    def __init__(self, address: str, port: int, name: str, context: ssl.SSLContext, seconds: float) -> None:
        self._place = (address, port)
        self._name = name
        self._context = context
        self._seconds = seconds

    @property
    def address(self) -> str:
        """Return where the server answers."""
        return self._place[0]

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        """Return what the server says.

        Args:
            body: bytes, or a file that is read while it is sent; then its length must be among the headers.

        Raises:
            NoAnswer: nothing.
        """
        connection = http.client.HTTPConnection(self._name, self._place[1], timeout=self._seconds)
        try:
            plain = socket.create_connection(self._place, self._seconds)
            with self._context.wrap_socket(plain, server_hostname=self._name) as connection.sock:
                connection.request(method, path, body, dict(headers or {}))
                answer = connection.getresponse()
                return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{self._name} at {self._place[0]} does not answer {method} {path}: {error}") from error

    def days_left(self) -> float:
        """Return for how many days the server's certificate is good.

        Raises:
            NoAnswer: it shows none, or a bad one.
        """
        try:
            plain = socket.create_connection(self._place, self._seconds)
            with self._context.wrap_socket(plain, server_hostname=self._name) as connection:
                shown = connection.getpeercert() or {}
        except OSError as error:
            raise NoAnswer(f"{self._name} at {self._place[0]} shows no good certificate: {error}") from error
        return (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / 86400


def door_of(parameters: Mapping[str, Any], seconds: float = 60.0) -> Door:
    """Return the way to the server that a module's parameters name.

    Raises:
        NoAnswer: the authority's certificate cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=parameters["authority"])
    except OSError as error:
        raise NoAnswer(f"{parameters['authority']} is no certificate: {error}") from error
    return Door(parameters["address"], parameters["port"], parameters["name"], context, seconds)
