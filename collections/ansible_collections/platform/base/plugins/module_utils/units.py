"""Bring systemd units into the state a role wants."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.originals import FOLDER, Record

_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_RECORD = f"{FOLDER}/units.json"
_EVIDENCE_LINES = "25"
_ACTIVE = ("active", "activating", "reloading")
_ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated")

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["started", "stopped", "masked", "unmasked", "absent", "original"],
        "default": "started",
    },
    "keep": {"type": "bool", "default": False},
    "enabled": {"type": "bool", "default": True},
    "restart_on": {"type": "list", "elements": "path", "default": []},
    "reload_on": {"type": "list", "elements": "path", "default": []},
    "wait": {"type": "bool", "default": True},
    "undo": {"type": "list", "elements": "path", "default": []},
}


class UnitFailed(Exception):
    """systemd could not do what was asked; C(evidence) is the end of the unit's journal."""

    def __init__(self, message: str, evidence: list[str]) -> None:
        self.evidence = evidence
        super().__init__(message)


def bring(units: list[dict[str, Any]], changed: list[str], wet: bool) -> list[str]:
    """Bring units into their states, and return what was done or would be.

    Args:
        changed: the files changed on this host just now; units are restarted or reloaded for theirs.
    """
    known = _properties([unit["name"] for unit in units])
    stale = any(path.startswith(_UNIT_FOLDERS) for path in changed)
    stale = stale or any(state.get("NeedDaemonReload") == "yes" for state in known.values())
    if stale and wet:
        _systemctl("daemon-reload")
        known = _properties([unit["name"] for unit in units])
    done = []
    for unit in units:
        for call in _calls(unit, known.get(unit["name"], {}), changed):
            done.append(" ".join(call))
            if wet:
                _do(unit, call)
        if unit["state"] == "unmasked" and unit["enabled"] and wet and f"unmask {unit['name']}" in done:
            _start_again(unit["name"])
    return done


def remember(units: list[dict[str, Any]], path: str = _RECORD) -> None:
    """Remember how units fare before anything is done to them or to their packages, where they shall be so again."""
    record = Record(path)
    new = [unit["name"] for unit in units if unit["keep"] and unit["name"] not in record.content]
    if not new:
        return
    properties = _properties(new)
    with record.changing():
        for name, known in properties.items():
            record.content[name] = {
                "there": known.get("LoadState") not in (None, "not-found"),
                "active": known.get("ActiveState") in _ACTIVE,
                "enabled": known.get("UnitFileState") in _ENABLED,
            }


def as_before(units: list[dict[str, Any]], path: str = _RECORD) -> Iterator[dict[str, Any]]:
    """Yield units, those that shall be as they were as what that was; what is not remembered is left alone."""
    known = Record(path).content
    for unit in units:
        if unit["state"] != "original":
            yield unit
        elif was := known.get(unit["name"]):
            state = "absent" if not was["there"] else "started" if was["active"] else "stopped"
            yield {**unit, "state": state, "enabled": was["enabled"], "given_back": True}


def end(units: list[dict[str, Any]], wet: bool) -> list[str]:
    """Stop and disable the units that go, before their programs and files do, and return what was done or would be."""
    return bring([unit for unit in units if unit["state"] == "absent"], [], wet)


def forget(units: list[dict[str, Any]], path: str = _RECORD) -> None:
    """Let systemd forget how units that are gone ended, and forget how those were that are so again."""
    record = Record(path)
    if back := [unit["name"] for unit in units if unit.get("given_back") and unit["name"] in record.content]:
        with record.changing():
            record.content = {name: was for name, was in record.content.items() if name not in back}
    if gone := [unit["name"] for unit in units if unit["state"] == "absent"]:
        _systemctl("daemon-reload")
        _systemctl("reset-failed", *gone)


def _do(unit: dict[str, Any], call: tuple[str, ...]) -> None:
    if unit["undo"] and call[0] != "enable":
        _arm(unit)
    result = _systemctl(*([] if unit["wait"] else ["--no-block"]), *call)
    if result.returncode:
        journal = subprocess.run(
            ["journalctl", "--unit", unit["name"], "--lines", _EVIDENCE_LINES, "--no-pager", "--output=cat"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        raise UnitFailed(f"`systemctl {' '.join(call)}` failed: {result.stderr.strip()}", journal.stdout.splitlines())


def _start_again(name: str) -> None:
    """Start a unit that was masked when it starts with the host; one that is gone stays gone."""
    if _systemctl("is-enabled", name).returncode == 0:
        _systemctl("start", name)


def _arm(unit: dict[str, Any]) -> None:
    """Set a timer that takes files back and reloads the unit, unless somebody who still gets in stops it."""
    undo = f"rm -f {' '.join(unit['undo'])}; systemctl reload-or-restart {unit['name']}"
    name = f"platform-undo-{unit['name'].rpartition('.')[0]}"
    subprocess.run(["systemctl", "stop", f"{name}.timer"], capture_output=True, check=False)
    subprocess.run(
        ["systemd-run", "--quiet", "--collect", f"--unit={name}", "--on-active=90", "sh", "-c", undo], check=True
    )


def _systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)


def _properties(names: list[str]) -> dict[str, dict[str, str]]:
    """Return what systemd knows of each unit, asked for all at once."""
    if not names:
        return {}
    wanted = ("Id", "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "Type")
    answer = _systemctl("show", f"--property={','.join(wanted)}", *names).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in answer.split("\n\n")]
    return dict(zip(names, (block for block in blocks if block), strict=False))


def _touched(files: list[str], changed: list[str]) -> bool:
    """Return whether one of the files, or something below one, was changed."""
    return any(path == file or path.startswith(file.rstrip("/") + "/") for file in files for path in changed)


def _calls(unit: dict[str, Any], known: dict[str, str], changed: list[str]) -> list[tuple[str, ...]]:
    """Return the systemctl calls that bring a unit into its state."""
    name, back = unit["name"], unit.get("given_back", False)
    if back and known.get("LoadState") == "not-found":
        # It went with its package.
        return []
    if unit["state"] != "started":
        return _calls_to_end(unit, known)
    calls: list[tuple[str, ...]] = [("unmask", name)] if known.get("LoadState") == "masked" else []
    if unit["enabled"] and known.get("UnitFileState") not in _ENABLED:
        calls.append(("enable", name))
    if back and not unit["enabled"] and known.get("UnitFileState") in _ENABLED:
        calls.append(("disable", name))
    restart, reload = _touched(unit["restart_on"], changed), _touched(unit["reload_on"], changed)
    if known.get("Type") == "oneshot" and known.get("UnitFileState") == "static":
        # Work that ends: it is begun when what it works on changed, and is not running otherwise.
        return [*calls, ("start", name)] if restart else calls
    if known.get("ActiveState") not in _ACTIVE:
        calls.append(("start", name))
    elif restart:
        calls.append(("restart", name))
    elif reload:
        calls.append(("reload-or-restart", name))
    return calls


def _calls_to_end(unit: dict[str, Any], known: dict[str, str]) -> list[tuple[str, ...]]:
    name, active = unit["name"], known.get("ActiveState") in _ACTIVE
    if unit["state"] == "unmasked":
        disable = [] if unit["enabled"] else [("disable", name)]
        return [("unmask", name), *disable] if known.get("LoadState") == "masked" else []
    if known.get("LoadState") == "not-found" and unit["state"] != "masked":
        return []
    calls: list[tuple[str, ...]] = [("stop", name)] if active else []
    if unit["state"] == "masked":
        return [*calls, *([("mask", name)] if known.get("LoadState") != "masked" else [])]
    enabled = known.get("UnitFileState") in ("enabled", "enabled-runtime")
    return [*calls, *([("disable", name)] if enabled and (unit["state"] == "absent" or not unit["enabled"]) else [])]
