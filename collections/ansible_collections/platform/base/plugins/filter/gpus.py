"""Shape what an inventory says of its GPU hosts for charts, nodes and checks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: gpu_hosts
short_description: Every GPU host with all that its class says
options:
  _input: {description: The GPU hosts., type: list, elements: str, required: true}
  classes: {description: The classes of an inventory., type: dict, required: true}
"""

# What a class may say, and what it says when it does not; nothing stands for "as the GPU has it".
_CLASS: dict[str, Any] = {
    "hosts": [],
    "gpus": None,
    "device": "",
    "sharing": "none",
    "replicas": 1,
    "mig": {},
    "nvswitch": False,
    "ecc": True,
    "pcie_width": 0,
    "pcie_generation": 0,
    "memory_window_mib": 256,
    "power_watts": 0,
    "temperature_celsius": 60,
}
_SHARING = {"time_slicing": "timeSlicing", "mps": "mps"}
_RESOURCE = "nvidia.com/gpu"
_EXCLUSIVE = "exclusive"
_UNDIVIDED = "all-disabled"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def gpu_classes(classes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return every class with all it may say.

    Raises:
        AnsibleFilterError: a class says something that there is not, or that cannot be.
    """
    return {name: {**_checked(name, given), "name": name} for name, given in classes.items()}


def gpu_hosts(hosts: Sequence[str], classes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each GPU host with its class, and with what it will advertise.

    Raises:
        AnsibleFilterError: as for `gpu_classes`; or a host is in no class or in two.
    """
    known = gpu_classes(classes)
    strangers = sorted({host for entry in known.values() for host in entry["hosts"]} - set(hosts))
    if strangers:
        raise AnsibleFilterError(f"gpu_operator_classes names {', '.join(strangers)}, no hosts of the group gpu.")
    return {host: {**(found := _class_of(host, known)), "resources": resources(found)} for host in hosts}


def resources(given: Mapping[str, Any]) -> dict[str, int]:
    """Return how many of which resource a host of a class advertises."""
    count = int(given["gpus"])
    if given["mig"]:
        return {f"nvidia.com/mig-{profile}": count * int(number) for profile, number in given["mig"].items()}
    if given["sharing"] in _SHARING:
        return {f"{_RESOURCE}.shared": count * int(given["replicas"])}
    return {_RESOURCE: count}


def gpu_labels(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return for each node the labels by which it chooses its layout and its way of sharing."""
    return {
        host: {
            "nvidia.com/mig.config": given["name"] if given["mig"] else _UNDIVIDED,
            "nvidia.com/device-plugin.config": given["name"] if given["sharing"] in _SHARING else _EXCLUSIVE,
        }
        for host, given in hosts.items()
    }


def gpu_sharing(classes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the device plugin's configurations, one for each class that shares GPUs and one for all others."""
    found = {_EXCLUSIVE: _plugin({})}
    for name, given in gpu_classes(classes).items():
        if given["sharing"] in _SHARING:
            shared = {"renameByDefault": True, "resources": [{"name": _RESOURCE, "replicas": int(given["replicas"])}]}
            if given["sharing"] == "time_slicing":
                # Two slices are no two GPUs: whoever asks for more than one gets nothing more.
                shared["failRequestsGreaterThanOne"] = True
            found[name] = _plugin({"sharing": {_SHARING[given["sharing"]]: shared}})
    return found


def gpu_mig(classes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the MIG manager's configuration, a layout for each class that divides GPUs."""
    layouts: dict[str, Any] = {_UNDIVIDED: [{"devices": "all", "mig-enabled": False}]}
    for name, given in gpu_classes(classes).items():
        if given["mig"]:
            parts = {profile: int(number) for profile, number in given["mig"].items()}
            layouts[name] = [{"devices": "all", "mig-enabled": True, "mig-devices": parts}]
    return _yaml({"version": "v1", "mig-configs": layouts})


def chart_image(name: str, images: Mapping[str, Any]) -> dict[str, str]:
    """Return an image of the bundle as charts take it apart, by its tag for people and its digest for machines."""
    repository, _, image = name.rpartition("/")
    return {"repository": repository, "image": image, "version": f"{images[name]['version']}@{images[name]['digest']}"}


def gpu_sets(given: Mapping[str, Any], driver: str) -> list[str]:
    """Return the sets of packages that a host of a class gets."""
    return [driver, "nvswitch"] if given["nvswitch"] else [driver]


def gpu_units(given: Mapping[str, Any]) -> list[str]:
    """Return the driver's services on a host of a class."""
    return ["nvidia-persistenced.service", *(["nvidia-fabricmanager.service"] if given["nvswitch"] else [])]


def started(names: Sequence[str]) -> list[dict[str, str]]:
    """Return units that run, as C(platform.base.host) takes them."""
    return [{"name": name} for name in names]


def gpu_quota(resources: Mapping[str, int]) -> dict[str, str]:
    """Return resources as a quota names them."""
    return {f"requests.{name}": str(count) for name, count in resources.items()}


def gpu_quota_objects(quotas: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the quotas of namespaces, as they are taken away."""
    return [{"kind": "resourcequotas", "name": "platform-gpu", "namespace": name} for name in sorted(quotas)]


def named(names: Sequence[str], kind: str) -> list[dict[str, str]]:
    """Return objects of one kind, as they are taken away."""
    return [{"kind": kind, "name": name} for name in names]


def gpu_other_drivers(
    hosts: Sequence[str], hostvars: Mapping[str, Any], versions: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Return the hosts that run another driver than the platform brings for their release."""
    found = []
    for host in hosts:
        known = hostvars[host]["__gpu_operator_found"]["facts"]["answers"]["gpus"]["nvidia"]
        wanted = set(versions.get(known["release"], {}).values())
        if known["loaded"] and wanted and not any(known["loaded"].startswith(version) for version in wanted):
            found.append(host)
    return found


def gpu_packages(
    found: Mapping[str, Any],
    sets: Mapping[str, Mapping[str, Sequence[str]]],
    chosen: Sequence[str],
    versions: Mapping[str, Mapping[str, str]],
) -> list[str]:
    """Return the packages of a host's release and kernel as apt takes them, each that has one with its version."""
    release, kernel = found["release"], found["kernel"]
    names = sorted({name.replace("{kernel}", kernel) for way in chosen for name in sets.get(way, {}).get(release, ())})
    wanted = versions.get(release, {})
    return [f"{name}={wanted[name]}*" if name in wanted else name for name in names]


def deb822_key(armoured: str) -> str:
    """Return a key as a source of packages holds it, without a line that is empty."""
    return "\n".join(line or "." for line in armoured.strip().splitlines())


def in_window(window: Mapping[str, Any], day: int, minute: int) -> bool:
    """Return whether a moment is inside a window.

    Args:
        window: the days it begins on, when it begins and ends; one that ends earlier ends the next day. None is never.
        day: of the week, Monday is 0.
        minute: of the day.

    Raises:
        AnsibleFilterError: the window says not enough.
    """
    if not window:
        return False
    if missing := sorted({"days", "start", "stop"} - set(window)):
        raise AnsibleFilterError(f"gpu_operator_upgrade_window has no {', '.join(missing)}.")
    start, stop = _minutes(window["start"]), _minutes(window["stop"])
    days = [_DAYS.index(name) for name in window["days"]]
    if start < stop:
        return day in days and start <= minute < stop
    return (day in days and minute >= start) or ((day - 1) % len(_DAYS) in days and minute < stop)


def _checked(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(_CLASS))
    if unknown:
        raise _wrong(name, f"says {', '.join(unknown)}; it may say {', '.join(_CLASS)}")
    filled = {**_CLASS, **given}
    if not isinstance(filled["gpus"], int) or filled["gpus"] < 1:
        raise _wrong(name, "does not say how many `gpus` a host has")
    if filled["sharing"] not in ("none", *_SHARING):
        raise _wrong(name, f"has sharing {filled['sharing']}; it may be none, {' or '.join(_SHARING)}")
    if (filled["sharing"] != "none") != (int(filled["replicas"]) > 1):
        raise _wrong(name, "shares GPUs by `sharing` and by at least 2 `replicas`, and one needs the other")
    if filled["mig"] and filled["sharing"] != "none":
        raise _wrong(name, "divides GPUs by `mig` and shares them, of which only one is possible")
    return filled


def _class_of(host: str, classes: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    named = [entry for entry in classes.values() if host in entry["hosts"]]
    chosen = named or [entry for entry in classes.values() if not entry["hosts"]]
    if len(chosen) != 1:
        names = ", ".join(entry["name"] for entry in chosen) or "no class"
        raise AnsibleFilterError(f"gpu_operator_classes has {names} for {host}; every GPU host has exactly one.")
    return chosen[0]


def _wrong(name: str, what: str) -> AnsibleFilterError:
    return AnsibleFilterError(f"The class {name} of gpu_operator_classes {what}.")


def _plugin(content: Mapping[str, Any]) -> str:
    return _yaml({"version": "v1", "flags": {"migStrategy": "mixed"}, **content})


def _yaml(content: Any) -> str:
    # Ansible's texts know where they come from, which YAML cannot write.
    text: str = yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=True)
    return text


def _minutes(text: str) -> int:
    hours, _, minutes = str(text).partition(":")
    return int(hours) * 60 + int(minutes)


class FilterModule:
    """Filters over an inventory's GPU hosts."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "chart_image": chart_image,
            "deb822_key": deb822_key,
            "gpu_labels": gpu_labels,
            "gpu_mig": gpu_mig,
            "gpu_hosts": gpu_hosts,
            "gpu_other_drivers": gpu_other_drivers,
            "gpu_packages": gpu_packages,
            "gpu_quota": gpu_quota,
            "gpu_quota_objects": gpu_quota_objects,
            "gpu_sets": gpu_sets,
            "gpu_sharing": gpu_sharing,
            "gpu_units": gpu_units,
            "in_window": in_window,
            "named": named,
            "started": started,
        }
