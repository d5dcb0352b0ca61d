"""Charts of others, rendered with a role's values: where a machine has them, and Helm."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

PROGRAMS = Path("/var/cache/platform-install/programs")
_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")


def chart_of(name: str) -> Path:
    """Return a chart's folder: PLATFORM_CHARTS names the one it is in, unpacked and stamped with its version."""
    folder = Path(os.environ.get("PLATFORM_CHARTS", "/nonexistent")) / name
    if not folder.is_dir():
        pytest.skip("the chart is not here: name a folder that has it in PLATFORM_CHARTS")
    return folder


def stored_program(name: str) -> Path:
    """Return a program of the store of bundles."""
    for found in sorted(PROGRAMS.glob(f"*/{name}")):
        return found
    pytest.skip(f"no store on this machine has {name}: run `./platform-install bundle build -i lab`")


def templated(
    release: str, chart: Path, namespace: str, values: Mapping[str, Any], folder: Path, *arguments: str
) -> list[dict[str, Any]]:
    """Return the objects that a chart makes of values."""
    path = folder / "values.json"
    path.write_text(json.dumps(values))
    command = [str(stored_program("helm")), "template", release, str(chart), "--namespace", namespace]
    command += ["--values", str(path), "--kube-version", "1.36.4", *arguments]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the pod of every workload."""
    for item in objects:
        if item["kind"] in _WORKLOADS:
            yield f"{item['kind']} {item['metadata']['name']}", item["spec"]["template"]["spec"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a pod's containers, those that begin it too."""
    return [*pod.get("initContainers", []), *pod["containers"]]
