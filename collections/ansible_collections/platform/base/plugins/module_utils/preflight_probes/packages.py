"""Find out the state of a host's packages: what is in the way, half done, held or locked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root

# What a platform's own programs would meet on a host.
_WATCHED = (
    "containerd", "containerd.io", "cri-o", "docker-ce", "docker.io", "podman-docker",
    "chrony", "ntp", "ntpsec", "openntpd", "systemd-timesyncd",
    "kubeadm", "kubelet", "k3s", "microk8s", "rke2-server",
    "firewalld", "ufw",
)  # fmt: skip
_LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
# What `dpkg --configure` mends by itself is not worth a word.
_BROKEN = "half-installed"


def packages(root: Root) -> dict[str, Any]:
    """Return which watched packages are installed, which are half done, and which are held."""
    installed: dict[str, str] = {}
    broken, held = [], []
    for name, version, (want, flag, state) in _records(root):
        if state == "installed" and name in _WATCHED:
            installed[name] = version
        if state == _BROKEN or flag != "ok":
            broken.append(f"{name} ({state if flag == 'ok' else flag})")
        if want == "hold" and state == "installed":
            held.append(name)
    return {"installed": installed, "broken": sorted(broken), "held": sorted(held), "locked_by": locked_by(root)}


def locked_by(root: Root) -> list[str]:
    """Return the processes that have the package system to themselves."""
    holders = {
        fields[5].rpartition(":")[2]: fields[4]
        for fields in map(str.split, root.lines("/proc/locks"))
        if len(fields) > 7
    }
    found = set()
    for lock in _LOCKS:
        state = root.state(lock)
        process = holders.get(str(state.st_ino)) if state else None
        if process:
            found.add(f"{root.word(f'/proc/{process}/comm') or 'a process'} ({process})")
    return sorted(found)


def apt_settings(root: Root) -> dict[str, str]:
    """Return apt's settings, by name in small letters; a later file goes before an earlier one."""
    folder = "/etc/apt/apt.conf.d"
    text = "\n".join([*(root.text(f"{folder}/{name}") for name in root.names(folder)), root.text("/etc/apt/apt.conf")])
    text = re.sub(r"(?m)^\s*(//|#).*$", "", text)
    found: dict[str, str] = {}
    scope: list[str] = []
    for name, value, mark in re.findall(r'([A-Za-z][\w:/.-]*)?\s*(?:"([^"]*)")?\s*([;{}])', text):
        if mark == "{":
            scope.append(name)
        elif mark == "}":
            scope = scope[:-1]
        elif name:
            found["::".join([*scope, name]).lower()] = value
    return found


def _records(root: Root) -> Iterator[tuple[str, str, tuple[str, str, str]]]:
    """Yield name, version and status of what dpkg keeps records of."""
    for paragraph in root.text("/var/lib/dpkg/status").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Status): (.*)$", paragraph, re.MULTILINE))
        status = fields.get("Status", "").split()
        if len(status) == 3:
            yield fields.get("Package", ""), fields.get("Version", ""), (status[0], status[1], status[2])
