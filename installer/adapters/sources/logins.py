"""Log-ins at registries: what the site's container tools keep, and the tokens it is changed for.

Nothing here is ever shown: neither a credential nor a token stands in an error, an event or a file.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from installer.adapters.sources.addresses import basic, may_carry_secrets, shown
from installer.adapters.sources.errors import DownloadFailed, LoginRefused
from installer.adapters.sources.http import HttpClient
from installer.errors import InvalidConfiguration, Problem

_CHALLENGE = re.compile(r"(?:^|,)\s*(Basic|Bearer)(?=\s|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
_CLIENT = "platform-install"
_ANSWER_LIMIT = 1 << 20
# Docker writes its own registry down by its first address.
_HUB = ("registry-1.docker.io", "docker.io", "index.docker.io", "https://index.docker.io/v1/")


@dataclass(frozen=True)
class Credentials:
    """A user's password, or a token that stands for both."""

    user: str = ""
    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)

    @property
    def basic(self) -> dict[str, str]:
        """Return them as a header; none without a user."""
        return basic(self.user, self.password) if self.user else {}


class RegistryLogin:
    """Proves to one registry who reads one repository; anonymously where nothing is known."""

    def __init__(self, host: str, repository: str, client: HttpClient) -> None:
        """Read `repository` of the registry at `host`."""
        self._host = host
        self._repository = repository
        self._client = client
        self._guard = threading.Lock()
        self._headers: dict[str, str] = {}

    def headers(self) -> Mapping[str, str]:
        """Return the headers to send, none while no log-in was asked for."""
        return self._headers

    def renew(self, challenge: str, refused: Mapping[str, str]) -> bool:
        """Get other headers than those refused: a token runs out while a large image is copied.

        Raises:
            LoginRefused: the registry does not take the log-in.
        """
        with self._guard:
            if self._headers != refused:
                # Another thread has just done it.
                return True
            challenges = challenges_of(challenge)
            if "bearer" in challenges:
                self._headers = {"Authorization": f"Bearer {self._token(challenges['bearer'])}"}
            elif "basic" in challenges:
                self._headers = stored_credentials(self._host, self._repository).basic
            return bool(self._headers) and self._headers != refused

    def _token(self, parameters: Mapping[str, str]) -> str:
        realm = parameters.get("realm", "")
        if not realm.startswith(("https://", "http://")) or not may_carry_secrets(realm):
            raise LoginRefused(f"The registry {self._host} sends for its log-in to {shown(realm)!r}, which is not TLS.")
        credentials = stored_credentials(self._host, self._repository)
        query = {"scope": f"repository:{self._repository}:pull"}
        if parameters.get("service"):
            query["service"] = parameters["service"]
        try:
            return _token_in(self._exchange(realm, query, credentials))
        except DownloadFailed as error:
            if not error.status:
                raise
            details: Sequence[str] = (f"{shown(realm)} answered {error.status}.", *error.details)
        except LoginRefused as error:
            details = (error.summary, *error.details)
        except ValueError:
            details = (f"{shown(realm)} answered without a token.",)
        whom = f"the user {credentials.user}" if credentials.user else "someone without a log-in"
        raise LoginRefused(f"The registry {self._host} does not let {whom} read {self._repository}.", details)

    def _exchange(self, realm: str, query: Mapping[str, str], credentials: Credentials) -> bytes:
        if credentials.refresh_token:
            form = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": credentials.refresh_token}
            return self._client.post(realm, {**query, **form}).content
        address = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        return self._client.read(address, _ANSWER_LIMIT, login=_Fixed(credentials.basic)).content


@dataclass(frozen=True)
class _Fixed:
    """A log-in that cannot be changed for another."""

    basic: Mapping[str, str] = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        return self.basic

    def renew(self, challenge: str, refused: Mapping[str, str]) -> bool:
        del challenge, refused
        return False


def stored_credentials(host: str, repository: str) -> Credentials:
    """Return what the site's container tools keep for a repository, the closest entry first.

    Raises:
        InvalidConfiguration: their file cannot be read.
    """
    named = os.environ.get("REGISTRY_AUTH_FILE")
    path = Path(named) if named else Path.home() / ".docker" / "config.json"
    if not path.is_file():
        return Credentials()
    try:
        entries = _object(path.read_bytes()).get("auths") or {}
        found: Mapping[str, Any] = next((entries[name] for name in _names(host, repository) if entries.get(name)), {})
        return _credentials(found)
    except (ValueError, AttributeError, TypeError, OSError) as error:
        # The file's content stays out of the message.
        problem = Problem(str(path), "is no file of registry log-ins.", "Log in again with the site's container tool.")
        raise InvalidConfiguration([problem], "the log-ins") from error


def _names(host: str, repository: str) -> Iterator[str]:
    """Yield the names log-ins may stand under, the closest first."""
    hosts = _HUB if host in _HUB else (host, f"https://{host}", f"https://{host}/")
    parts = repository.split("/")
    for count in range(len(parts), 0, -1):
        yield from (f"{name}/{'/'.join(parts[:count])}" for name in hosts[:2])
    yield from hosts


def _credentials(entry: Mapping[str, Any]) -> Credentials:
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    return Credentials(user, password, str(entry.get("identitytoken") or ""))


def challenges_of(header: str) -> dict[str, dict[str, str]]:
    """Return the parameters of each way to log in that a registry offers."""
    found: dict[str, dict[str, str]] = {}
    pieces = _CHALLENGE.split(header)
    for scheme, text in zip(pieces[1::2], pieces[2::2], strict=True):
        found[scheme.lower()] = {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in _PARAMETER.findall(text)
        }
    return found


def _object(content: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        ValueError: it is none.
    """
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def _token_in(answer: bytes) -> str:
    document = _object(answer)
    token = document.get("token") or document.get("access_token")
    if not isinstance(token, str):
        raise ValueError("no token")
    return token
