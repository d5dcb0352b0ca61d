"""Every module can be imported alone, without a warning, and the layers hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import COLLECTION, PROJECT

# Imports every module in a process of its own, forked from one that has other people's packages in
# memory and nothing of ours: fresh, and quick.
FRESH = """
import importlib, os, sys, traceback
for name in sys.argv[1].split(","):
    importlib.import_module(name)
wrong = 0
for name in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
            os._exit(0)
        except BaseException:
            print(name, file=sys.stderr)
            traceback.print_exc(limit=-2)
            sys.stderr.flush()
            os._exit(1)
    wrong += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
sys.exit(min(wrong, 100))
"""


def modules(root: Path, *folders: Path) -> list[str]:
    """Return the names of all modules in folders, as seen from a root."""
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    names = (".".join(path.relative_to(root).with_suffix("").parts) for path in paths)
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def import_each(names: list[str], known: str, *roots: Path) -> subprocess.CompletedProcess[str]:
    """Import each module in a fresh process, with warnings as errors.

    Args:
        known: other people's packages that are in memory before, comma-separated.
        roots: folders that modules are found in.
    """
    command = [sys.executable, "-W", "error", "-c", FRESH, known, *names]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(map(str, roots)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
    }
    return subprocess.run(command, cwd=roots[0], env=environment, capture_output=True, text=True, check=False)


def test_every_module_of_the_installer_imports_alone() -> None:
    names = modules(PROJECT, PROJECT / "installer")

    done = import_each(names, "pydantic.dataclasses,typer,yaml,urllib3,rfc8785,zstandard,packaging.utils", PROJECT)

    assert len(names) > 50
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["module_utils", "modules", "filter", "vars"])
def test_every_plugin_imports_alone(kind: str) -> None:
    root = COLLECTION.parents[2]
    known = "ansible.module_utils.basic,yaml" + (",ansible.plugins.vars,ansible.template" if kind == "vars" else "")
    names = modules(root, COLLECTION / "plugins" / kind)

    done = import_each(names, known, root)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_module_of_a_role_imports_alone() -> None:
    folders = sorted(PROJECT.glob("roles/*/library"))

    wrong = [
        done.stderr
        for folder in folders
        if (
            done := import_each(modules(folder, folder), "ansible.module_utils.basic", folder, COLLECTION.parents[2])
        ).returncode
    ]

    assert wrong == []


def test_the_layers_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([program, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
