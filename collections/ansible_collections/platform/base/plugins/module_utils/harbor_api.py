"""Harbor's API: one request, its answer as a document, and nothing decided."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ansible_collections.platform.base.plugins.module_utils.web_door import Answer, Door

_BASE = "/api/v2.0"
_PAGE = 100
OK, CREATED, NOT_FOUND = 200, 201, 404


class HarborRefused(Exception):
    """Harbor does not do what it was asked for."""


class Harbor:
    """The API, as one user.

    Args:
        door: the way to it.
        user: who asks; nobody when empty.
        password: of the user.
    """

    def __init__(self, door: Door, user: str = "", password: str = "") -> None:
        self._door = door
        word = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Accept": "application/json", **({"Authorization": f"Basic {word}"} if user else {})}

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Return what Harbor says to a request, whatever that is."""
        headers, content = dict(self._headers), None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return self._door.request(method, _BASE + path, headers, content)

    def get(self, path: str) -> Any:
        """Return the document at a path; nothing where there is none.

        Raises:
            HarborRefused: it was not given.
        """
        answer = self.ask("GET", path)
        if answer.status == NOT_FOUND:
            return None
        return self._document(self._accepted(answer, f"GET {path}", OK))

    def items(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, page by page.

        Raises:
            HarborRefused: it was not given.
        """
        page = 0
        while True:
            page += 1
            told = urlencode({**query, "page": page, "page_size": _PAGE})
            entries = self.get(f"{path}?{told}") or []
            yield from entries
            if len(entries) < _PAGE:
                return

    def project(self, name: str) -> dict[str, Any] | None:
        """Return a project, if there is one; its name may be a number, which a path would take for another's.

        Raises:
            HarborRefused: nobody says.
        """
        return next((entry for entry in self.items("/projects", name=name) if entry["name"] == name), None)

    def put(self, path: str, body: Mapping[str, Any]) -> None:
        """Have something be as it is given.

        Raises:
            HarborRefused: it does not become so.
        """
        self._accepted(self.ask("PUT", path, body), f"PUT {path}", OK)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make something, and return what Harbor says of it.

        Raises:
            HarborRefused: it is not made.
        """
        answer = self._accepted(self.ask("POST", path, body), f"POST {path}", CREATED)
        return dict(self._document(answer) or {})

    def delete(self, path: str) -> None:
        """Take something away, if it is there.

        Raises:
            HarborRefused: it stays.
        """
        answer = self.ask("DELETE", path)
        if answer.status != NOT_FOUND:
            self._accepted(answer, f"DELETE {path}", OK)

    @staticmethod
    def _accepted(answer: Answer, what: str, wanted: int) -> Answer:
        if answer.status != wanted:
            said = answer.content.decode(errors="replace").strip()[:300]
            raise HarborRefused(f"Harbor answered {answer.status} to {what}: {said or 'nothing'}")
        return answer

    @staticmethod
    def _document(answer: Answer) -> Any:
        try:
            return json.loads(answer.content) if answer.content else None
        except ValueError as error:
            raise HarborRefused(f"Harbor answered with no document: {answer.content[:200]!r}") from error


def step(name: str) -> str:
    """Return a name as one step of a path; Harbor wants slashes in it encoded twice."""
    return quote(quote(name, safe=""), safe="") if "/" in name else quote(name, safe="")
