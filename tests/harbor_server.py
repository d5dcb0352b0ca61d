"""A Harbor in memory, behind a server that lets nothing in or out but what Harbor's own OpenAPI document describes.

What is judged is connexion's to judge; here is only what a Harbor would remember. Who asks is checked here too, as the
document lets anybody ask anything.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

with warnings.catch_warnings():
    # Of how it is made, which is its makers' to mend: a client for tests that nothing here uses, and a resolver.
    warnings.filterwarnings("ignore", message="Using `httpx` with `starlette")
    warnings.filterwarnings("ignore", message=r"jsonschema\..* is deprecated")
    import connexion
    from connexion.resolver import Resolver

CHALLENGE = (b"www-authenticate", b'Bearer realm="https://127.0.0.1/service/token",service="harbor-registry"')
_NOTHING: tuple[str, int] = ("", 200)
_MADE: tuple[str, int] = ("", 201)


def as_the_server_reads_it(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with any value where it says `type: object` and means any, as its own examples show."""
    for name, field in (("Schedule", "parameters"), ("RetentionRule", "params"), ("ImmutableRule", "params")):
        document["definitions"][name]["properties"][field]["additionalProperties"] = True
    # Who asks is checked by the stand-in.
    del document["security"], document["securityDefinitions"]
    return document


class FakeHarbor:
    """What a Harbor remembers, with an operation of the document a method."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, password: str) -> None:
        """Forget everything, and know the administrator by a password."""
        self.password = password
        self.is_open = False
        self.ill = ""
        self.asked: list[str] = []
        self.configuration: dict[str, Any] = {"auth_mode": "db_auth", "self_registration": True}
        self.projects: dict[str, dict[str, Any]] = {}
        self.quotas: dict[int, int] = {}
        self.immutable: dict[str, dict[int, dict[str, Any]]] = {}
        self.retentions: dict[int, dict[str, Any]] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.registries: dict[int, dict[str, Any]] = {}
        self.policies: dict[int, dict[str, Any]] = {}
        self.robots: dict[int, dict[str, Any]] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.scans: dict[str, str] = {}
        self._last = 0

    def number(self) -> int:
        self._last += 1
        return self._last

    def knows(self, authorization: str) -> bool:
        """Return whether whoever asks is somebody; a Harbor that is open lets anybody in."""
        if self.is_open:
            return True
        accounts = {("admin", self.password), *((robot["name"], robot["secret"]) for robot in self.robots.values())}
        return authorization in {_basic(*account) for account in accounts}

    # ---- the whole
    def getHealth(self) -> Any:
        part = {"name": "core", "status": "unhealthy" if self.ill else "healthy", "error": self.ill}
        return {"status": part["status"], "components": [part]}

    def getConfigurations(self) -> Any:
        told = {name: value for name, value in self.configuration.items() if "secret" not in name}
        return {name: {"value": value, "editable": True} for name, value in told.items()}

    def updateConfigurations(self, configurations: dict[str, Any]) -> Any:
        self.configuration.update(configurations)
        return _NOTHING

    def getCurrentUserInfo(self) -> Any:
        return {"user_id": 1, "username": "admin", "sysadmin_flag": True, "admin_role_in_auth": False}

    def updateUserPassword(self, user_id: int, password: dict[str, str]) -> Any:
        if password["old_password"] != self.password:
            return _error(403, "old password is not correct")
        self.password = password["new_password"]
        return _NOTHING

    # ---- projects
    def listProjects(self, name: str = "", **_: Any) -> Any:
        return [project for project in self.projects.values() if name in project["name"]]

    def _project(self, name_or_id: str) -> dict[str, Any]:
        return next(p for p in self.projects.values() if name_or_id in (p["name"], str(p["project_id"])))

    def createProject(self, project: dict[str, Any]) -> Any:
        name, number = project["project_name"], self.number()
        if name in self.projects:
            return _error(409, "there is one")
        self.projects[name] = {"project_id": number, "name": name, "metadata": project["metadata"]}
        self.quotas[number] = project.get("storage_limit", -1)
        self.immutable[name] = {}
        return _MADE

    def getProject(self, project_name_or_id: str) -> Any:
        return self._project(project_name_or_id)

    def updateProject(self, project_name_or_id: str, project: dict[str, Any]) -> Any:
        self._project(project_name_or_id)["metadata"].update(project["metadata"])
        return _NOTHING

    def listQuotas(self, **_: Any) -> Any:
        return [
            {"id": number, "ref": {"id": number}, "hard": {"storage": limit}, "used": {"storage": 0}}
            for number, limit in self.quotas.items()
        ]

    def updateQuota(self, id: int, hard: dict[str, Any]) -> Any:
        self.quotas[id] = hard["hard"]["storage"]
        return _NOTHING

    def ListImmuRules(self, project_name_or_id: str, **_: Any) -> Any:
        return [
            {**rule, "id": number, "priority": 0}
            for number, rule in self.immutable[self._project(project_name_or_id)["name"]].items()
        ]

    def CreateImmuRule(self, project_name_or_id: str, ImmutableRule: dict[str, Any]) -> Any:
        self.immutable[self._project(project_name_or_id)["name"]][self.number()] = ImmutableRule
        return _MADE

    def DeleteImmuRule(self, project_name_or_id: str, immutable_rule_id: int) -> Any:
        del self.immutable[self._project(project_name_or_id)["name"]][immutable_rule_id]
        return _NOTHING

    def createRetention(self, policy: dict[str, Any]) -> Any:
        number = self.number()
        project = next(p for p in self.projects.values() if p["project_id"] == policy["scope"]["ref"])
        project["metadata"]["retention_id"] = str(number)
        self.retentions[number] = {**policy, "id": number}
        return _MADE

    def getRetention(self, id: int) -> Any:
        return self.retentions[id]

    def updateRetention(self, id: int, policy: dict[str, Any]) -> Any:
        self.retentions[id] = policy
        return _NOTHING

    def deleteProject(self, project_name_or_id: str) -> Any:
        project = self._project(project_name_or_id)
        if any(repository.startswith(f"{project['name']}/") for repository, _ in self.tags):
            return _error(412, "there are repositories in it")
        del self.projects[project["name"]]
        return _NOTHING

    def deleteRepository(self, project_name: str, repository_name: str) -> Any:
        if self.immutable[project_name]:
            return _error(412, "tags that may not change are in it")
        gone = f"{project_name}/{repository_name}"
        self.tags = {place: digest for place, digest in self.tags.items() if place[0] != gone}
        return _NOTHING

    def getArtifact(self, reference: str, **_: Any) -> Any:
        state = self.scans.get(reference)
        overview = {"application/vnd.security.vulnerability.report; version=1.1": {"scan_status": state}}
        return {"digest": reference, "scan_overview": overview if state else {}}

    # ---- replication
    def listRegistries(self, q: str = "", **_: Any) -> Any:
        wanted = q.removeprefix("name=")
        return [{**entry, "id": number} for number, entry in self.registries.items() if entry["name"] == wanted]

    def createRegistry(self, registry: dict[str, Any]) -> Any:
        self.registries[self.number()] = registry
        return _MADE

    def updateRegistry(self, id: int, registry: dict[str, Any]) -> Any:
        credential = {"type": "basic", "access_key": registry["access_key"], "access_secret": registry["access_secret"]}
        self.registries[id].update(url=registry["url"], credential=credential)
        return _NOTHING

    def listReplicationPolicies(self, **_: Any) -> Any:
        return [{**entry, "id": number} for number, entry in self.policies.items()]

    def createReplicationPolicy(self, policy: dict[str, Any]) -> Any:
        self.policies[self.number()] = policy
        return _MADE

    def updateReplicationPolicy(self, id: int, policy: dict[str, Any]) -> Any:
        self.policies[id] = policy
        return _NOTHING

    # ---- robots
    def ListRobot(self, **_: Any) -> Any:
        return [{name: value for name, value in robot.items() if name != "secret"} for robot in self.robots.values()]

    def CreateRobot(self, robot: dict[str, Any]) -> Any:
        number, end = self.number(), int(time.time()) + robot["duration"] * 86400
        secret = robot.get("secret", f"Chosen-by-Harbor-{number}")
        made = {**robot, "secret": secret, "id": number, "name": f"robot${robot['name']}", "expires_at": end}
        self.robots[number] = made
        return {name: made[name] for name in ("id", "name", "secret", "expires_at")}, 201

    def DeleteRobot(self, robot_id: int) -> Any:
        del self.robots[robot_id]
        return _NOTHING


def _scheduled(harbor: FakeHarbor, name: str) -> dict[str, Callable[..., Any]]:
    """Return the operations of something done by the clock."""

    def tell() -> Any:
        found = harbor.schedules.get(name)
        return found or {}

    def take(schedule: dict[str, Any]) -> Any:
        harbor.schedules[name] = {
            "schedule": schedule["schedule"], "job_parameters": json.dumps(schedule.get("parameters", {}))
        }  # fmt: skip
        return _NOTHING

    def make(schedule: dict[str, Any]) -> Any:
        take(schedule)
        return _MADE

    return {f"get{name}": tell, f"create{name}": make, f"update{name}": take}


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _error(status: int, message: str) -> Any:
    return {"errors": [{"code": str(status), "message": message}]}, status


def _operations(harbor: FakeHarbor) -> Callable[[str], Callable[..., Any]]:
    timed = {
        key: value for name in ("GCSchedule", "ScanAllSchedule", "PurgeSchedule")
        for key, value in _scheduled(harbor, name).items()
    }  # fmt: skip

    def find(operation: str) -> Callable[..., Any]:
        act: Callable[..., Any] | None = timed.get(operation) or getattr(harbor, operation, None)

        def answer(**given: Any) -> Any:
            harbor.asked.append(operation)
            if operation != "getHealth" and not harbor.knows(connexion.request.headers.get("authorization", "")):
                return _error(401, "unauthorized")
            if act is None:
                return _error(500, f"the stand-in does not know {operation}")
            return act(**given)

        return answer

    return find


def application(harbor: FakeHarbor, document: dict[str, Any], front: Any = None) -> Any:
    """Return the server's application: the API, judged by its document, and what answers images' clients.

    Args:
        front: answers those; without, they may log in and nothing else.
    """
    app = connexion.AsyncApp("harbor")
    app.add_api(
        as_the_server_reads_it(document), resolver=Resolver(_operations(harbor)), validate_responses=True,
        strict_validation=True,
    )  # fmt: skip

    async def serve(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        await (app if scope["type"] != "http" or path.startswith("/api/") else front or log_in)(scope, receive, send)

    async def log_in(scope: Mapping[str, Any], _receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        is_known = harbor.knows(headers.get("authorization", ""))
        status = 200 if scope["path"].startswith("/service/token") and is_known else 401
        await send({"type": "http.response.start", "status": status, "headers": [CHALLENGE]})
        await send({"type": "http.response.body", "body": b"{}"})

    return serve


@contextmanager
def served(app: Any, authority: Path) -> Iterator[int]:
    """Yield the port on loopback on which an application is served behind TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", ssl_certfile=str(authority),
            ssl_keyfile=str(authority.with_suffix(".key")), ssl_version=ssl.PROTOCOL_TLS_SERVER,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
