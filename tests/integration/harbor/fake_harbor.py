"""What a Harbor remembers, with an operation of its API's document a method."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

NOTHING: tuple[str, int] = ("", 200)
MADE: tuple[str, int] = ("", 201)


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
        return authorization in {basic(*account) for account in accounts}

    # ---- the whole
    def getHealth(self) -> Any:
        part = {"name": "core", "status": "unhealthy" if self.ill else "healthy", "error": self.ill}
        return {"status": part["status"], "components": [part]}

    def getConfigurations(self) -> Any:
        told = {name: value for name, value in self.configuration.items() if "secret" not in name}
        return {name: {"value": value, "editable": True} for name, value in told.items()}

    def updateConfigurations(self, configurations: dict[str, Any]) -> Any:
        self.configuration.update(configurations)
        return NOTHING

    def getCurrentUserInfo(self) -> Any:
        return {"user_id": 1, "username": "admin", "sysadmin_flag": True, "admin_role_in_auth": False}

    def updateUserPassword(self, user_id: int, password: dict[str, str]) -> Any:
        if password["old_password"] != self.password:
            return error(403, "old password is not correct")
        self.password = password["new_password"]
        return NOTHING

    # ---- projects
    def listProjects(self, name: str = "", **_: Any) -> Any:
        return [project for project in self.projects.values() if name in project["name"]]

    def _project(self, name_or_id: str) -> dict[str, Any]:
        return next(p for p in self.projects.values() if name_or_id in (p["name"], str(p["project_id"])))

    def createProject(self, project: dict[str, Any]) -> Any:
        name, number = project["project_name"], self.number()
        if name in self.projects:
            return error(409, "there is one")
        self.projects[name] = {"project_id": number, "name": name, "metadata": project["metadata"]}
        self.quotas[number] = project.get("storage_limit", -1)
        self.immutable[name] = {}
        return MADE

    def getProject(self, project_name_or_id: str) -> Any:
        return self._project(project_name_or_id)

    def updateProject(self, project_name_or_id: str, project: dict[str, Any]) -> Any:
        self._project(project_name_or_id)["metadata"].update(project["metadata"])
        return NOTHING

    def listQuotas(self, **_: Any) -> Any:
        return [
            {"id": number, "ref": {"id": number}, "hard": {"storage": limit}, "used": {"storage": 0}}
            for number, limit in self.quotas.items()
        ]

    def updateQuota(self, id: int, hard: dict[str, Any]) -> Any:
        self.quotas[id] = hard["hard"]["storage"]
        return NOTHING

    def ListImmuRules(self, project_name_or_id: str, **_: Any) -> Any:
        return [
            {**rule, "id": number, "priority": 0}
            for number, rule in self.immutable[self._project(project_name_or_id)["name"]].items()
        ]

    def CreateImmuRule(self, project_name_or_id: str, ImmutableRule: dict[str, Any]) -> Any:
        self.immutable[self._project(project_name_or_id)["name"]][self.number()] = ImmutableRule
        return MADE

    def DeleteImmuRule(self, project_name_or_id: str, immutable_rule_id: int) -> Any:
        del self.immutable[self._project(project_name_or_id)["name"]][immutable_rule_id]
        return NOTHING

    def createRetention(self, policy: dict[str, Any]) -> Any:
        number = self.number()
        project = next(p for p in self.projects.values() if p["project_id"] == policy["scope"]["ref"])
        project["metadata"]["retention_id"] = str(number)
        self.retentions[number] = {**policy, "id": number}
        return MADE

    def getRetention(self, id: int) -> Any:
        return self.retentions[id]

    def updateRetention(self, id: int, policy: dict[str, Any]) -> Any:
        self.retentions[id] = policy
        return NOTHING

    def deleteProject(self, project_name_or_id: str) -> Any:
        project = self._project(project_name_or_id)
        if any(repository.startswith(f"{project['name']}/") for repository, _ in self.tags):
            return error(412, "there are repositories in it")
        del self.projects[project["name"]]
        return NOTHING

    def deleteRepository(self, project_name: str, repository_name: str) -> Any:
        if self.immutable[project_name]:
            return error(412, "tags that may not change are in it")
        gone = f"{project_name}/{repository_name}"
        self.tags = {place: digest for place, digest in self.tags.items() if place[0] != gone}
        return NOTHING

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
        return MADE

    def updateRegistry(self, id: int, registry: dict[str, Any]) -> Any:
        credential = {"type": "basic", "access_key": registry["access_key"], "access_secret": registry["access_secret"]}
        self.registries[id].update(url=registry["url"], credential=credential)
        return NOTHING

    def listReplicationPolicies(self, **_: Any) -> Any:
        # What is empty is not told.
        return [
            {
                **{name: value for name, value in entry.items() if value},
                "id": number,
                "trigger": _filled(entry["trigger"]),
            }
            for number, entry in self.policies.items()
        ]

    def createReplicationPolicy(self, policy: dict[str, Any]) -> Any:
        self.policies[self.number()] = policy
        return MADE

    def updateReplicationPolicy(self, id: int, policy: dict[str, Any]) -> Any:
        self.policies[id] = policy
        return NOTHING

    # ---- robots
    def ListRobot(self, **_: Any) -> Any:
        # In an order of its own, and without the secret.
        return [
            {
                **{name: value for name, value in robot.items() if name != "secret"},
                "permissions": [{**entry, "access": entry["access"][::-1]} for entry in robot.get("permissions", [])],
            }
            for robot in self.robots.values()
        ]

    def CreateRobot(self, robot: dict[str, Any]) -> Any:
        number, end = self.number(), int(time.time()) + robot["duration"] * 86400
        secret = robot.get("secret", f"Chosen-by-Harbor-{number}")
        made = {**robot, "secret": secret, "id": number, "name": f"robot${robot['name']}", "expires_at": end}
        self.robots[number] = made
        return {name: made[name] for name in ("id", "name", "secret", "expires_at")}, 201

    def DeleteRobot(self, robot_id: int) -> Any:
        del self.robots[robot_id]
        return NOTHING


def _filled(trigger: Mapping[str, Any]) -> dict[str, Any]:
    settings = trigger.get("trigger_settings", {})
    return {"type": trigger["type"], **({"trigger_settings": settings} if settings.get("cron") else {})}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def error(status: int, message: str) -> Any:
    return {"errors": [{"code": str(status), "message": message}]}, status
