"""The way to the registry: who asks must be known, who writes must be allowed to, and all else is not there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

from model_registry.accounts import Accounts
from model_registry.catalog import Catalog

Environment = Mapping[str, Any]
Begin = Callable[..., Any]

_API = "/api/2.0/mlflow/"
_KINDS = ("registered-models/", "model-versions/")
_READS = frozenset({"GET", "HEAD"})
_MOST_BYTES = 1 << 20


class Door:
    """An application of WSGI before MLflow's.

    Args:
        accounts: who may ask.
        catalog: what they ask for.
        backup_file: the moment of the last copy of the database.
    """

    def __init__(self, accounts: Accounts, catalog: Catalog, backup_file: Path | None = None) -> None:
        self._accounts = accounts
        self._catalog = catalog
        self._backup_file = backup_file
        self._answered: Counter[int] = Counter()
        self._counting = Lock()

    def __call__(self, environment: Environment, begin: Begin) -> Iterable[bytes]:
        """Answer one request."""
        path = str(environment.get("PATH_INFO", ""))
        if path == "/health/live":
            return _said(begin, HTTPStatus.OK, "alive")
        if path == "/health/ready":
            return self._ready(begin)
        if path == "/metrics":
            return _told(begin, HTTPStatus.OK, self._measures(), "text/plain; version=0.0.4")
        return self._asked(path, environment, begin)

    def _asked(self, path: str, environment: Environment, begin: Begin) -> Iterable[bytes]:
        refusal = self._refusal(path, environment)
        if refusal is not None:
            status, words = refusal
            self._count(status)
            return _said(begin, status, words)
        application = self._catalog.application
        if application is None:
            self._count(HTTPStatus.SERVICE_UNAVAILABLE)
            return _said(begin, HTTPStatus.SERVICE_UNAVAILABLE, "The registry waits for its database.")

        def counted(status: str, *rest: Any) -> Any:
            self._count(int(status.split(" ", 1)[0]))
            return begin(status, *rest)

        answer: Iterable[bytes] = application(_without_login(environment), counted)
        return answer

    def _refusal(self, path: str, environment: Environment) -> tuple[HTTPStatus, str] | None:
        """Return why a request is not passed on; nothing when it is."""
        account = self._accounts.known(str(environment.get("HTTP_AUTHORIZATION", "")))
        if not account:
            return HTTPStatus.UNAUTHORIZED, "Who asks must log in with an account of the registry."
        # Whatever else MLflow answers at is no registry of models, and not there.
        if not path.startswith(_API) or not path.removeprefix(_API).startswith(_KINDS):
            return HTTPStatus.NOT_FOUND, "There is a registry of models here, and nothing else."
        if environment.get("REQUEST_METHOD") not in _READS and not self._accounts.may_write(account):
            return HTTPStatus.FORBIDDEN, f"The account {account} may read, and not write."
        if not _is_small(str(environment.get("CONTENT_LENGTH") or "0")):
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request has {_MOST_BYTES} bytes at most."
        return None

    def _ready(self, begin: Begin) -> Iterable[bytes]:
        if self._catalog.application is None:
            return _said(begin, HTTPStatus.SERVICE_UNAVAILABLE, "The registry waits for its database.")
        return _said(begin, HTTPStatus.OK, "ready")

    def _measures(self) -> str:
        with self._counting:
            answered = sorted(self._answered.items())
        lines = [
            "# HELP model_registry_database_up Whether the registry's database answers.",
            "# TYPE model_registry_database_up gauge",
            f"model_registry_database_up {int(self._catalog.database_answers())}",
            *_backed_up(self._backup_file),
            "# HELP model_registry_requests_total Requests that were answered, by status.",
            "# TYPE model_registry_requests_total counter",
            *(f'model_registry_requests_total{{code="{int(status)}"}} {count}' for status, count in answered),
        ]
        return "\n".join(lines) + "\n"

    def _count(self, status: int) -> None:
        with self._counting:
            self._answered[int(status)] += 1


def _backed_up(path: Path | None) -> Iterable[str]:
    """Yield when the database was copied; nothing where that is not known."""
    try:
        moment = datetime.fromisoformat(path.read_text().strip()) if path is not None else None
    except (OSError, ValueError):
        moment = None
    if moment is not None:
        yield "# HELP model_registry_backup_timestamp_seconds When the database was copied, or first could have been."
        yield "# TYPE model_registry_backup_timestamp_seconds gauge"
        yield f"model_registry_backup_timestamp_seconds {moment.timestamp():.0f}"


def _is_small(length: str) -> bool:
    return length.isdecimal() and int(length) <= _MOST_BYTES


def _without_login(environment: Environment) -> dict[str, Any]:
    """Return a request as MLflow gets it: it has no business with passwords."""
    return {name: value for name, value in environment.items() if name != "HTTP_AUTHORIZATION"}


def _said(begin: Begin, status: HTTPStatus, words: str) -> Iterable[bytes]:
    """Answer in the form that MLflow's errors have, which its clients show."""
    document = (
        {"message": words} if status < HTTPStatus.BAD_REQUEST else {"error_code": _code(status), "message": words}
    )
    headers = [("WWW-Authenticate", 'Basic realm="models"')] if status == HTTPStatus.UNAUTHORIZED else []
    return _told(begin, status, json.dumps(document), "application/json", headers)


def _code(status: HTTPStatus) -> str:
    names = {
        HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED", HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
        HTTPStatus.NOT_FOUND: "ENDPOINT_NOT_FOUND", HTTPStatus.SERVICE_UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
    }  # fmt: skip
    return names.get(status, "BAD_REQUEST")


def _told(
    begin: Begin, status: HTTPStatus, text: str, kind: str, headers: Iterable[tuple[str, str]] = ()
) -> Iterable[bytes]:
    content = text.encode()
    begin(
        f"{int(status)} {status.phrase}",
        [("Content-Type", kind), ("Content-Length", str(len(content))), ("Cache-Control", "no-store"), *headers],
    )
    return [content]
