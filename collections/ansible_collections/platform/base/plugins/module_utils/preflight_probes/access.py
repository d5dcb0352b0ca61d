"""Find out how people log in to a host."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run

_USUAL_FILES = ".ssh/authorized_keys .ssh/authorized_keys2"
_NONE = ("", "none")


def ssh(root: Root, run: Run, login: str) -> dict[str, Any]:
    """Return whether a user has keys to log in with, and whether the server reads what is dropped in.

    `login` is the user who logged in.
    """
    lines = (line.split(None, 1) for line in run(["sshd", "-T"]).output.splitlines())
    settings = {fields[0].lower(): fields[1] for fields in lines if len(fields) == 2}
    fields = run(["getent", "passwd", login]).output.strip().split(":")
    home = fields[5] if len(fields) > 5 else f"/home/{login}"
    files = [_place(name, home, login) for name in settings.get("authorizedkeysfile", _USUAL_FILES).split()]
    keys = [line for file in files for line in root.lines(file) if line.strip() and not line.lstrip().startswith("#")]
    ways = (settings.get("trustedusercakeys", ""), settings.get("authorizedkeyscommand", ""))
    return {
        "keys": len(keys),
        "files": files,
        "other_ways": any(way not in _NONE for way in ways),
        "reads_drop_ins": bool(re.search(r"(?mi)^\s*Include\s+.*sshd_config\.d/", root.text("/etc/ssh/sshd_config"))),
    }


def _place(name: str, home: str, login: str) -> str:
    name = name.replace("%h", home).replace("%u", login).replace("%%", "%")
    return name if name.startswith("/") else f"{home}/{name}"
