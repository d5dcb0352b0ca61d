"""Find out what else lives on a host, or lived there: units, earlier clusters, proxies; and what is the platform's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run

_WATCHED = (
    "containerd", "crio", "docker",
    "k0scontroller", "k0sworker", "k3s", "k3s-agent", "kubelet", "rke2-agent", "rke2-server",
    "snap.microk8s.daemon-kubelite",
    "apache2", "haproxy", "keepalived", "nginx",
    "firewalld", "chrony", "ntp", "ntpsec", "openntpd", "systemd-timesyncd",
)  # fmt: skip
_PROPERTIES = ("Id", "ActiveState", "UnitFileState", "FragmentPath")
_UNITS = "/etc/systemd/system"
_DROP_IN = "60-platform.conf"
_RECORD = "/var/lib/platform/files.json"
_TRACES = (
    "/etc/cni/net.d", "/etc/kubernetes", "/etc/rancher", "/var/lib/calico", "/var/lib/cni", "/var/lib/etcd",
    "/var/lib/k0s", "/var/lib/kubelet", "/var/lib/rancher", "/var/snap/microk8s",
)  # fmt: skip
_LINKS = re.compile(r"^(cali.*|cilium_\w+|cni0|flannel\.\d+|kube-ipvs0|nodelocaldns|vxlan\.calico|weave)$")
_PROXY = re.compile(
    r"^\s*(?:export\s+)?(https?_proxy|all_proxy|no_proxy)\s*=\s*[\"']?([^\"'\s]+)", re.IGNORECASE | re.MULTILINE
)
_CREDENTIALS = re.compile(r"//[^@/]*@")


def ours(root: Root) -> dict[str, list[str]]:
    """Return the programs and units of this host that the platform has put there."""
    try:
        programs = sorted(json.loads(root.text(_RECORD)))
    except ValueError:
        programs = []
    units = []
    for name in root.names(_UNITS):
        if name.endswith(".d"):
            is_ours = _DROP_IN in root.names(f"{_UNITS}/{name}")
        else:
            text = root.text(f"{_UNITS}/{name}") if name.endswith(".service") else ""
            is_ours = name.startswith("platform-") or any(
                re.search(rf"{re.escape(path)}(\s|$)", text) for path in programs
            )
        if is_ours:
            units.append(name.removesuffix(".d"))
    return {"programs": programs, "units": sorted(units)}


def units(run: Run, own: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the watched units that the host has."""
    names = [f"{name}.service" for name in _WATCHED]
    output = run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", *names]).output
    found = {}
    for name, block in zip(names, output.split("\n\n"), strict=False):
        known = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if known.get("FragmentPath"):
            found[name] = {
                "active": known.get("ActiveState") in ("active", "activating", "reloading"),
                "enabled": known.get("UnitFileState") == "enabled",
                "ours": name in own["units"],
            }
    return found


def traces(root: Root) -> list[str]:
    """Return what an earlier cluster left behind: folders that are not empty, and links."""
    folders = [path for path in _TRACES if [name for name in root.names(path) if name != "lost+found"]]
    return [*folders, *(f"the link {name}" for name in root.names("/sys/class/net") if _LINKS.match(name))]


def proxies(root: Root, apt: Mapping[str, str], environment: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the proxies that programs on the host would go through, and what goes without."""
    found = []
    for where, text in [
        ("/etc/environment", root.text("/etc/environment")),
        ("the session's environment", "\n".join(f"{name}={value}" for name, value in sorted(environment.items()))),
    ]:
        for name, value in _PROXY.findall(text):
            found.append({"where": where, "name": name.lower(), "value": _CREDENTIALS.sub("//***@", value)})
    for name, value in sorted(apt.items()):
        if re.match(r"acquire::https?::proxy", name) and value:
            found.append({"where": "apt's settings", "name": name, "value": _CREDENTIALS.sub("//***@", value)})
    return found
