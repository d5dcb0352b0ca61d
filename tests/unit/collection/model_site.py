"""A registry of models in memory, and a site that serves and carries versions."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http.client import HTTPMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.model_catalog import Catalog
from ansible_collections.platform.base.plugins.module_utils.model_registry import ModelRegistry, Registered
from ansible_collections.platform.base.plugins.module_utils.model_stages import Candidate
from ansible_collections.platform.base.plugins.module_utils.web_door import Answer, Door

ONE, TWO, THREE = (f"sha256:{sign * 64}" for sign in "123")
DAY = 86400.0
NOW = 1000 * DAY
PASSWORD = "long and random"


def image(digest: str) -> str:
    return f"platform.internal/models/letters:v1@{digest}"


class MlflowDoor(Door):
    """Answers as MLflow's registry does, page by page; what a test takes away it refuses."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, str]] = {}
        self.versions: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.broken = ""
        self.page = 2
        self.now = NOW

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        place = urlsplit(path)
        assert place.path.startswith("/api/2.0/mlflow/")
        what = place.path.removeprefix("/api/2.0/mlflow/")
        self.asked.append((method, what))
        login = (headers or {}).get("Authorization", "")
        if base64.b64decode(login.removeprefix("Basic ")).decode() != f"platform:{PASSWORD}":
            return said(401, {"error_code": "UNAUTHENTICATED", "message": "Who asks must log in."})
        if what == self.broken:
            return said(500, {"error_code": "INTERNAL_ERROR", "message": "no database"})
        if method == "GET":
            return self._found(what, {key: value[0] for key, value in parse_qs(place.query).items()})
        return self._done(method, what, json.loads(body))

    def _found(self, what: str, query: Mapping[str, str]) -> Answer:
        if what == "registered-models/search":
            aliases = {name: [{"alias": a, "version": v} for a, v in has.items()] for name, has in self.models.items()}
            key, items = "registered_models", [{"name": name, "aliases": has} for name, has in aliases.items()]
        else:
            assert what == "model-versions/search"
            key, items = "model_versions", self.versions
        begin = int(query.get("page_token", "0"))
        token = {"next_page_token": str(begin + self.page)} if begin + self.page < len(items) else {}
        return said(200, {key: items[begin : begin + self.page], **token})

    def _done(self, method: str, what: str, body: dict[str, Any]) -> Answer:
        name = body["name"]
        if (method, what) == ("POST", "registered-models/create"):
            if name in self.models:
                return said(400, {"error_code": "RESOURCE_ALREADY_EXISTS"})
            self.models[name] = {}
            return said(200, {"registered_model": {"name": name}})
        if (method, what) == ("POST", "model-versions/create"):
            number = str(1 + sum(entry["name"] == name for entry in self.versions))
            made = {**body, "version": number, "creation_timestamp": int(self.now * 1000)}
            self.versions.append(made)
            return said(200, {"model_version": made})
        if (method, what) == ("POST", "registered-models/alias"):
            self.models[name][body["alias"]] = body["version"]
            return said(200, {})
        mine = [entry for entry in self.versions if (entry["name"], entry["version"]) == (name, body.get("version"))]
        if (method, what) == ("POST", "model-versions/set-tag"):
            mine[0]["tags"] = [tag for tag in mine[0]["tags"] if tag["key"] != body["key"]]
            mine[0]["tags"].append({"key": body["key"], "value": body["value"]})
            return said(200, {})
        if (method, what) == ("DELETE", "registered-models/delete"):
            self.versions = [entry for entry in self.versions if entry["name"] != name]
            self.models.pop(name)
            return said(200, {})
        assert (method, what) == ("DELETE", "model-versions/delete")
        self.versions.remove(mine[0])
        return said(200, {})


def said(status: int, document: Mapping[str, Any]) -> Answer:
    return Answer(status, HTTPMessage(), json.dumps(document).encode())


class Desk:
    """Asks something of a site's registry of models, as the command does.

    Args:
        log: the audit log.
        candidates: what the site serves and carries.
    """

    def __init__(self, log: AuditLog, *candidates: Candidate) -> None:
        self.door = MlflowDoor()
        self.registry = ModelRegistry(self.door, "platform", PASSWORD)
        self.candidates = list(candidates)
        self.found: dict[str, str] = {image(digest): digest for digest in (ONE, TWO, THREE)}
        self.log = log
        self.now = NOW

    def ask(self, **given: Any) -> Catalog:
        """Return the catalogue as somebody asks it for something."""
        told = {
            "model": "", "version": "", "stage": "", "reason": "", "days": 0.0, "only": [], "who": "anna@desk", **given
        }  # fmt: skip
        digests = lambda name: (self.found.get(name, ""), "seed.example.com")  # noqa: E731 - of one line
        return Catalog(self.registry, self.candidates, digests, self.log, told, "deploy", lambda: self.now)

    def promote(self, version: str, stage: str, reason: str = "") -> dict[str, Any]:
        """Move an alias of the model `letters`."""
        return self.ask(model="letters", version=version, stage=stage, reason=reason).promote(dry=False)

    def stages(self) -> dict[str, tuple[str, ...]]:
        """Return the aliases of each version."""
        return {entry.version: entry.aliases for entry in self.registry.versions()}


def served(version: str, digest: str, **tags: str) -> Candidate:
    return Candidate("letters", version, image(digest), True, tags)


def carried(version: str, digest: str, **tags: str) -> Candidate:
    return Candidate("letters", version, image(digest), False, tags)


def registered(version: str, digest: str, *aliases: str, age: float = 100, since: str = "") -> Registered:
    tags = {"version": version, "digest": digest, "production_since": since}
    return Registered("letters", version.partition(".")[0], f"oci://{image(digest)}", NOW - age * DAY, aliases, tags)
