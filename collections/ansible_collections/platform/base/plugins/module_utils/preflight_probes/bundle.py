"""Find out what lies in files: bundles, blobs, digests, programs' versions."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run


def bundles(root: Root, folders: Sequence[str]) -> dict[str, Any]:
    """Return for each folder what its `RELEASE` says, and what is in the way of servers that are not root."""
    found = {}
    for folder in folders:
        pairs = (line.split(": ", 1) for line in root.lines(f"{folder}/RELEASE") if ": " in line)
        found[folder] = {
            "release": {pair[0]: pair[1].strip() for pair in pairs if pair[0] != "signed"},
            "digest": root.digest(f"{folder}/RELEASE"),
            "repositories": [
                name for name in root.names(f"{folder}/apt") if root.exists(f"{folder}/apt/{name}/InRelease")
            ],
            "closed": _closed(root, folder),
        }
    return found


def files(root: Root, paths: Sequence[str]) -> dict[str, int]:
    """Return each file's size; -1 where there is none."""
    states = {path: root.state(path) for path in paths}
    return {path: state.st_size if state else -1 for path, state in states.items()}


def digests(root: Root, paths: Sequence[str]) -> dict[str, str]:
    """Return each file's digest."""
    return {path: root.digest(path) for path in paths}


def versions(root: Root, run: Run, programs: Sequence[str]) -> dict[str, str]:
    """Return what version each program says it has; nothing where it is not installed."""
    found = {}
    for program in programs:
        said = run([program, "--version"]).output if root.exists(program) else ""
        match = re.search(r"v?\d+\.\d+\.\d+\S*", said)
        found[program] = match.group(0) if match else ""
    return found


def _closed(root: Root, folder: str) -> str:
    """Return the first folder on the way that only some may pass."""
    steps = root.real(folder).strip("/").split("/")
    for count in range(len(steps)):
        path = "/" + "/".join(steps[: count + 1])
        state = root.state(path)
        if state is not None and not state.st_mode & stat.S_IXOTH:
            return path
    return ""
