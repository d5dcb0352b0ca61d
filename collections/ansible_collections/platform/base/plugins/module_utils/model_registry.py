"""MLflow's registry of models, as the platform asks it: which versions there are, with digests and aliases."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl
from ansible_collections.platform.base.plugins.module_utils.web_door import Answer, Door, NoAnswer

_API = "/api/2.0/mlflow/"
_PAGE = 200
OK, UNAUTHORIZED = 200, 401
# What the platform keeps of a version, as tags: MLflow's own number counts versions, and says nothing.
TAGS = ("version", "digest", "engine", "licence", "base_model", "quantisation", "replaces", "production_since")
# Where the platform's own account lies in the registry's namespace.
_ACCOUNT = "platform-account"


class CatalogRefused(Exception):
    """The registry of models does not do what it was asked for."""


@dataclass(frozen=True)
class Registered:
    """One version of a model in the registry.

    Attributes:
        number: MLflow's own.
        source: where its bytes are: C(oci://IMAGE).
        created: when it was registered, in seconds since 1970.
        aliases: what points to it.
        tags: what else is known, by the names in C(TAGS).
    """

    name: str
    number: str
    source: str
    created: float
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Return the semantic version."""
        return self.tags.get("version", "")

    @property
    def digest(self) -> str:
        """Return the digest of the image that carries it."""
        return self.tags.get("digest", "")

    @property
    def image(self) -> str:
        """Return the image that carries it."""
        return self.source.removeprefix("oci://")

    @property
    def called(self) -> str:
        """Return what people call it."""
        return f"{self.name} {self.version or f'number {self.number}'}"

    def told(self) -> dict[str, Any]:
        """Return it as plain data."""
        known = {name: self.tags.get(name, "") for name in TAGS}
        return {
            "name": self.name, "number": self.number, "image": self.image, "created": self.created,
            "aliases": list(self.aliases), **known,
        }  # fmt: skip


class ModelRegistry:
    """Asks the registry of one site.

    Args:
        door: the way to it.
        account: who asks.
        password: of the account; nobody asks where it is empty.
    """

    def __init__(self, door: Door, account: str, password: str) -> None:
        self._door = door
        word = base64.b64encode(f"{account}:{password}".encode()).decode()
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Basic {word}"} if password else {})

    def status(self) -> int:
        """Return with what status the registry answers to who asks.

        Raises:
            NoAnswer: it does not.
        """
        return self._send("GET", "registered-models/search", {"max_results": "1"}).status

    def versions(self) -> list[Registered]:
        """Return every version there is, by name and in the order of their registration.

        Raises:
            CatalogRefused: they are not told.
            NoAnswer: nobody answers.
        """
        aliases: dict[tuple[str, str], list[str]] = {}
        for model in self._all("registered-models/search", "registered_models"):
            for entry in model.get("aliases", ()):
                aliases.setdefault((model["name"], str(entry["version"])), []).append(entry["alias"])
        found = [_registered(told, aliases) for told in self._all("model-versions/search", "model_versions")]
        return sorted(found, key=lambda entry: (entry.name, int(entry.number)))

    def register(self, name: str, image: str, tags: Mapping[str, str]) -> str:
        """Register a version, of a model that may not be there yet, and return its number.

        Raises:
            CatalogRefused: it is not taken.
            NoAnswer: nobody answers.
        """
        # Whoever was there before has it now.
        answer = self._send("POST", "registered-models/create", body={"name": name})
        if answer.status != OK and _code(answer) != "RESOURCE_ALREADY_EXISTS":
            raise _refusal("registered-models/create", answer)
        told = [{"key": key, "value": value} for key, value in tags.items() if value]
        body = {"name": name, "source": f"oci://{image}", "tags": told}
        return str(self._wanted("POST", "model-versions/create", body)["model_version"]["version"])

    def tag(self, entry: Registered, name: str, value: str) -> None:
        """Have a version say something of itself.

        Raises:
            CatalogRefused: it is not taken.
            NoAnswer: nobody answers.
        """
        body = {"name": entry.name, "version": entry.number, "key": name, "value": value}
        self._wanted("POST", "model-versions/set-tag", body)

    def point(self, alias: str, entry: Registered) -> None:
        """Have an alias point to a version, and to no other of the model.

        Raises:
            CatalogRefused: it is not taken.
            NoAnswer: nobody answers.
        """
        body = {"name": entry.name, "alias": alias, "version": entry.number}
        self._wanted("POST", "registered-models/alias", body)

    def delete(self, entry: Registered) -> None:
        """Delete a version.

        Raises:
            CatalogRefused: it is not.
            NoAnswer: nobody answers.
        """
        self._wanted("DELETE", "model-versions/delete", {"name": entry.name, "version": entry.number})

    def forget(self, name: str) -> None:
        """Delete a model with all its versions.

        Raises:
            CatalogRefused: it is not.
            NoAnswer: nobody answers.
        """
        self._wanted("DELETE", "registered-models/delete", {"name": name})

    def _all(self, path: str, key: str) -> Iterator[Mapping[str, Any]]:
        """Yield what a search finds, page by page."""
        token = ""
        while True:
            query = {"max_results": str(_PAGE), **({"page_token": token} if token else {})}
            answer = self._send("GET", path, query)
            if answer.status != OK:
                raise _refusal(path, answer)
            document = _document(path, answer)
            yield from document.get(key, ())
            token = str(document.get("next_page_token") or "")
            if not token:
                return

    def _wanted(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        answer = self._send(method, path, body=body)
        if answer.status != OK:
            raise _refusal(path, answer)
        return _document(path, answer)

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        target = _API + path + (f"?{urlencode(query)}" if query else "")
        content = json.dumps(body).encode() if body is not None else None
        return self._door.request(method, target, self._headers, content)


def own_password(cluster: Kubectl, namespace: str) -> str:
    """Return the password of the platform's account, which the registry's namespace has from the Vault.

    Raises:
        KubectlFailed: it cannot be had.
    """
    secret = cluster.get("secrets", _ACCOUNT, f"--namespace={namespace}")
    return base64.b64decode(secret["data"]["password"]).decode()


def _registered(told: Mapping[str, Any], aliases: Mapping[tuple[str, str], list[str]]) -> Registered:
    number = str(told["version"])
    return Registered(
        name=told["name"],
        number=number,
        source=str(told.get("source", "")),
        created=int(told.get("creation_timestamp", 0)) / 1000,
        aliases=tuple(sorted(aliases.get((told["name"], number), ()))),
        tags={entry["key"]: entry["value"] for entry in told.get("tags", ())},
    )


def _document(path: str, answer: Answer) -> Any:
    try:
        return json.loads(answer.content or b"{}")
    except ValueError as error:
        raise NoAnswer(f"the registry of models answers {path} with what is no JSON: {error}") from error


def _code(answer: Answer) -> str:
    try:
        document = json.loads(answer.content)
    except ValueError:
        return ""
    return str(document.get("error_code", "")) if isinstance(document, dict) else ""


def _refusal(path: str, answer: Answer) -> CatalogRefused:
    said = answer.content.decode(errors="replace").strip()[:300]
    return CatalogRefused(f"The registry of models answers {path} with {answer.status}: {said or 'nothing'}")
