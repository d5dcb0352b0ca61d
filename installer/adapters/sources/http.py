"""Requests over HTTP with bounded waits, and log-ins that never reach another server."""

from __future__ import annotations

import os
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import urllib3

from installer.adapters.sources.addresses import bare, is_loopback, log_in_of, may_carry_secrets, server, shown
from installer.adapters.sources.errors import DownloadFailed, LoginRefused, NoAnswer

ATTEMPTS = 5
_CONNECT_SECONDS = 20.0
_READ_SECONDS = 60.0
_LONGEST_WAIT = 60.0
_REDIRECTS = 5
_CONNECTIONS = 32
_FORM_LIMIT = 1 << 20
_CHUNK = 1 << 16
_BUSY = frozenset({429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_NETWORK_HINT = "Check the address, this machine's network and its proxy variables, then run the command again."

Sleep = Callable[[float], None]
Answer = urllib3.BaseHTTPResponse
Broken = urllib3.exceptions.HTTPError


class Login(Protocol):
    """What proves to one server who asks."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers to send, none while no log-in was asked for."""

    def renew(self, challenge: str, refused: Mapping[str, str]) -> bool:
        """Get other headers than those refused with a challenge; False when there are none to be had."""


@dataclass(frozen=True)
class Document:
    """A small answer, whole."""

    content: bytes
    media_type: str
    headers: Mapping[str, str]


class HttpClient:
    """Asks servers. May be used by several threads."""

    def __init__(self, sleep: Sleep = time.sleep, proxies: Mapping[str, str] | None = None) -> None:
        """Wait between attempts with `sleep`; `proxies` by scheme come before the environment's."""
        self._sleep = sleep
        self._proxies = proxies or {}
        self._guard = threading.Lock()
        self._pools: dict[str, urllib3.PoolManager] = {}

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str] | None = None, login: Login | None = None) -> Iterator[Answer]:
        """Yield the answer to a GET once its head is there, whatever its status but busy or refused.

        Raises:
            DownloadFailed: the server cannot be reached, stays busy or redirects badly.
            LoginRefused: it wants another log-in.
        """
        answer = self._patiently(url, headers or {}, login)
        try:
            yield answer
        finally:
            # A connection with bytes unread is dropped; one that was read to the end serves again.
            answer.close()

    def read(
        self, url: str, limit: int, headers: Mapping[str, str] | None = None, login: Login | None = None
    ) -> Document:
        """Return a small document.

        Raises:
            DownloadFailed: the server did not answer with it, or with more than `limit` bytes.
            LoginRefused: it wants another log-in.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.open(url, headers, login) as answer:
                    if answer.status != 200:
                        raise refusal(url, answer)
                    return _document(_whole(url, answer, limit), answer)
            except Broken as error:
                if attempt == ATTEMPTS:
                    raise broken(url, error) from error
                self.wait(attempt)
        raise AssertionError("the last attempt returns or raises")

    def post(self, url: str, fields: Mapping[str, str]) -> Document:
        """Send a form and return the answer; it is not repeated and follows no redirection.

        Raises:
            DownloadFailed: the server did not answer with 200.
        """
        _refuse_clear(url)
        try:
            answer = self._pool(url).request(
                "POST", url, fields=dict(fields), encode_multipart=False, preload_content=False,
                retries=False, redirect=False,
            )  # fmt: skip
            content = _whole(url, answer, _FORM_LIMIT) if answer.status == 200 else b""
        except Broken as error:
            raise broken(url, error) from error
        if answer.status != 200:
            raise refusal(url, answer)
        answer.close()
        return _document(content, answer)

    def close(self) -> None:
        """Hang up; the next request begins anew."""
        for pool in self._pools.values():
            pool.clear()

    def wait(self, attempt: int, asked: float | None = None) -> None:
        """Wait before the attempt after number `attempt`: as long as was asked for, else longer each time."""
        self._sleep(min(_LONGEST_WAIT, 0.5 * 2.0**attempt if asked is None else asked))

    def _patiently(self, url: str, headers: Mapping[str, str], login: Login | None) -> Answer:
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            asked: float | None = None
            try:
                answer = self._following(url, headers, login)
            except Broken as error:
                if error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
                    raise _distrusted(url, error) from error
                if last or isinstance(error, urllib3.exceptions.LocationValueError):
                    raise broken(url, error) from error
            else:
                if answer.status not in _BUSY:
                    return answer
                asked = _retry_after(answer)
                if last or (asked or 0) > _LONGEST_WAIT:
                    raise refusal(url, answer)
                _discard(answer)
            self.wait(attempt, asked)
        raise AssertionError("the last attempt returns or raises")

    def _following(self, url: str, headers: Mapping[str, str], login: Login | None) -> Answer:
        place = url
        for _ in range(_REDIRECTS + 1):
            # A log-in is meant for the server it was made for, and for no other it points to.
            answer = self._authorized(place, headers, login if server(place) == server(url) else None)
            target = answer.headers.get("Location") if answer.status in _MOVED else None
            if target is None:
                return answer
            _discard(answer)
            place, before = urljoin(place, target), place
            if urlsplit(before).scheme == "https" and urlsplit(place).scheme != "https":
                raise DownloadFailed(f"{shown(before)} redirects to {shown(place)}, out of TLS; it was not followed.")
        raise DownloadFailed(f"{shown(url)} redirects more than {_REDIRECTS} times.")

    def _authorized(self, url: str, headers: Mapping[str, str], login: Login | None) -> Answer:
        proof = login.headers() if login else log_in_of(url)
        for renewed in (False, True):
            if proof:
                _refuse_clear(url)
            answer = self._pool(url).request(
                "GET", bare(url), headers={**headers, **proof}, preload_content=False, decode_content=False,
                retries=False, redirect=False,
            )  # fmt: skip
            if answer.status not in (401, 403) or login is None:
                return answer
            said, challenge = _said(answer), answer.headers.get("WWW-Authenticate", "")
            if answer.status == 401 and not renewed and login.renew(challenge, proof):
                proof = login.headers()
                continue
            raise LoginRefused(f"{shown(url)} answered {answer.status}.", details=said)
        raise AssertionError("the second answer is returned or refused")

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Return connections to a server, through the proxy that is named for it."""
        proxies = {**urllib.request.getproxies(), **self._proxies}
        proxy = proxies.get(urlsplit(url).scheme, proxies.get("all", ""))
        host = urlsplit(url).hostname or ""
        if is_loopback(host) or urllib.request.proxy_bypass(urlsplit(bare(url)).netloc):
            proxy = ""
        with self._guard:
            if proxy not in self._pools:
                self._pools[proxy] = self._new_pool(proxy)
            return self._pools[proxy]

    def _new_pool(self, proxy: str) -> urllib3.PoolManager:
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        if not proxy:
            return urllib3.PoolManager(maxsize=_CONNECTIONS, timeout=timeout, ssl_context=self._trust)
        return urllib3.ProxyManager(
            bare(proxy), maxsize=_CONNECTIONS, timeout=timeout, ssl_context=self._trust,
            proxy_headers={f"Proxy-{name}": value for name, value in log_in_of(proxy).items()},
        )  # fmt: skip

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Return the authorities this machine trusts; SSL_CERT_FILE names a private one's."""
        named = os.environ.get("SSL_CERT_FILE")
        if named and not Path(named).is_file():
            raise DownloadFailed(f"SSL_CERT_FILE names {named}, which is no file.", hint="Correct or unset it.")
        return ssl.create_default_context()


def _refuse_clear(url: str) -> None:
    if not may_carry_secrets(url):
        raise DownloadFailed(
            f"{shown(url)} is not reached by TLS: no log-in is sent there.", hint="Write https:// in front of it."
        )


def refusal(url: str, answer: Answer) -> DownloadFailed:
    """Return the error of an answer that is none, with what the server said."""
    hint = "Check the address." if answer.status < 500 else "Try again later."
    if answer.status == 429:
        hint = "The server takes so many requests only from those who log in, or later."
    return DownloadFailed(f"{shown(url)} answered {answer.status}.", hint, _said(answer), answer.status)


def broken(url: str, error: Exception) -> NoAnswer:
    """Return the error of a server that cannot be reached, or breaks off."""
    return NoAnswer(f"{shown(url)} cannot be read: {_reason(error)}.", hint=_NETWORK_HINT)


def _distrusted(url: str, error: Exception) -> DownloadFailed:
    return DownloadFailed(
        f"{shown(url)} has no certificate this machine trusts: {_reason(error)}.",
        hint="If a private authority signed it, name the authority's certificate in SSL_CERT_FILE.",
    )


def _reason(error: Exception) -> str:
    return str(error).rstrip(".")


def _whole(url: str, answer: Answer, limit: int) -> bytes:
    """Return a short answer; only reading on past its bytes tells whether it broke off."""
    content = bytearray()
    while chunk := answer.read(_CHUNK):
        content += chunk
        if len(content) > limit:
            raise DownloadFailed(
                f"{shown(url)} answered with more than {limit} bytes.", hint="Check that the address is the right one."
            )
    return bytes(content)


def _said(answer: Answer) -> list[str]:
    """Return what a server wrote beside its refusal, as one line."""
    text = " ".join(_discard(answer)[:2048].decode(errors="replace").split())[:500]
    return [text] if text and text.isprintable() else []


def _discard(answer: Answer) -> bytes:
    """Read a short answer to its end, so that its connection serves again; drop a long one."""
    try:
        return answer.read(1 << 16)
    except Broken:
        return b""
    finally:
        answer.close()


def _retry_after(answer: Answer) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None


def _document(content: bytes, answer: Answer) -> Document:
    return Document(content, answer.headers.get("Content-Type", "").split(";")[0].strip(), answer.headers)
