"""What an address says of its server, and what of it may be shown or sent."""

from __future__ import annotations

import base64
import ipaddress
from urllib.parse import unquote, urlsplit


def shown(url: str) -> str:
    """Return an address as it may be shown: without a log-in or a signature in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def bare(url: str) -> str:
    """Return an address without a log-in in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def server(url: str) -> tuple[str, str, int | None]:
    """Return what tells one server from another: scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def log_in_of(url: str) -> dict[str, str]:
    """Return the headers of the log-in that stands in an address itself, if any."""
    parts = urlsplit(url)
    if not parts.username:
        return {}
    return basic(unquote(parts.username), unquote(parts.password or ""))


def basic(user: str, password: str) -> dict[str, str]:
    """Return the headers of a user's password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its very name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def may_carry_secrets(url: str) -> bool:
    """Return whether a log-in may be sent there: by TLS, or without leaving this machine."""
    return urlsplit(url).scheme == "https" or is_loopback(urlsplit(url).hostname or "")
