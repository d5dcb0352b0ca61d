"""The cluster's API behind one `kubectl proxy`, which many questions cost less than a `kubectl` each."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_SECONDS = 30
_OPEN_SECONDS = 10
_SAID = ".said"


class NotYet(Exception):
    """Something does not hold, or not yet."""


class Answer(NamedTuple):
    """What the API said.

    Attributes:
        status: of HTTP.
        text: the body.
        warnings: what it said beside it.
    """

    status: int
    text: str
    warnings: tuple[str, ...] = ()

    @property
    def document(self) -> Any:
        """Return the body as a document.

        Raises:
            NotYet: it is none.
        """
        try:
            return json.loads(self.text)
        except ValueError as error:
            raise NotYet(f"the API answered with no document: {self.text.strip()[-300:]!r}") from error


class Api:
    """The cluster's API. May be used by several threads."""

    def __init__(self, place: Path) -> None:
        """Ask at a socket; what the proxy says is in a file beside it."""
        self._place = place

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Return what the API says to a request.

        Raises:
            NotYet: nothing.
        """
        connection = http.client.HTTPConnection("localhost", timeout=_SECONDS)
        content = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            with socket.socket(socket.AF_UNIX) as connection.sock:
                connection.sock.settimeout(_SECONDS)
                connection.sock.connect(str(self._place))
                connection.request(method, path, content, headers)
                answer = connection.getresponse()
                text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise NotYet(f"the API gave no answer for {path}: {error} {self._last_words()}".rstrip()) from error
        return Answer(answer.status, text, tuple(answer.headers.get_all("Warning") or ()))

    def get(self, path: str) -> Any:
        """Return the document at a path.

        Raises:
            NotYet: there is none.
        """
        answer = self.ask("GET", path)
        if answer.status != http.client.OK:
            raise NotYet(f"the API answered {answer.status} for {path}: {answer.text.strip()[-300:]}")
        return answer.document

    def _last_words(self) -> str:
        said = self._place.with_suffix(_SAID)
        return said.read_text(errors="replace").strip()[-300:] if said.exists() else ""


class Kind(NamedTuple):
    """Where a cluster has the objects of a kind.

    Attributes:
        root: of the kind's version.
        plural: by what name they are there.
        namespaced: whether they are in namespaces.
    """

    root: str
    plural: str
    namespaced: bool


class Kinds:
    """What a cluster knows of kinds; each version is asked for once."""

    def __init__(self, api: Api) -> None:
        """Ask an API."""
        self._api = api
        self._known: dict[str, dict[str, Kind]] = {}

    def find(self, version: str, kind: str) -> Kind:
        """Return where objects of a kind are.

        Raises:
            NotYet: the cluster does not know it.
        """
        if version not in self._known:
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            # What is below an object, such as its scale, is of the same kind and has a path for a name.
            self._known[version] = {
                entry["kind"]: Kind(root, entry["name"], entry.get("namespaced", False))
                for entry in self._api.get(root)["resources"]
                if "/" not in entry["name"]
            }
        if kind not in self._known[version]:
            raise NotYet(f"the cluster knows no {kind} of {version}")
        return self._known[version][kind]


@contextmanager
def open_api(kubeconfig: str) -> Iterator[Api]:
    """Yield the API; whoever may read the socket's folder, root alone, may use it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "api"
        command = ["kubectl", "--kubeconfig", kubeconfig, "proxy", f"--unix-socket={place}"]
        with (
            place.with_suffix(_SAID).open("wb") as said,
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said) as proxy,
        ):
            end = time.monotonic() + _OPEN_SECONDS
            while not place.exists() and proxy.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            try:
                yield Api(place)
            finally:
                proxy.terminate()
