"""A site in a lab, worked by the command line as an operator would."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from installer.adapters.catalog_files import load_catalog
from installer.engine.graph import deployment_order
from tests.repository import read

PROJECT = Path(__file__).resolve().parents[2]
STATE = Path("/var/lib/platform-install")
CONTROL_PLANES = ("cp1", "cp2", "cp3")
HOSTS = ("admin1", *CONTROL_PLANES)
Document = dict[str, Any]


class LabSite:
    """One lab and the state of what is installed on it."""

    def __init__(
        self, lab: str, inventory: Path = PROJECT / "inventories" / "lab", components: Sequence[str] = ()
    ) -> None:
        """Work on the lab of this name, with the hosts of an inventory; where components are named, with those."""
        self.lab = lab
        self.program = PROJECT / "platform-install"
        self.inventory = inventory
        # The lab that is called after its inventory has no second name.
        self.state = STATE / "-".join(dict.fromkeys([inventory.name, lab]))
        self.environment = {**os.environ, "PLATFORM_LAB": lab}
        self.components = components
        # What the command said, whatever it was asked.
        self.said: list[str] = []
        # What programs on a host were told while it was watched.
        self.seen: dict[str, bytes] = {}

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end; with `check`, its failure is the test's."""
        done = subprocess.run(
            [str(self.program), *arguments, "--inventory", str(self.inventory)],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.said += [done.stdout, done.stderr]
        if check:
            assert done.returncode == 0, (
                f"platform-install {' '.join(arguments)}: {done.returncode}\n{done.stderr[-6000:]}"
            )
        return done

    def install(self, *arguments: str) -> Document:
        """Install, and return the report."""
        done = self.run("--output", "json", *only(self.components), *arguments)
        return next(
            document for line in reversed(done.stdout.splitlines()) if "steps" in (document := json.loads(line))
        )

    def install_until(self, reached: Callable[[Document], bool]) -> bool:
        """Install, and kill every process of it as soon as an event is reached; return whether it was."""
        process = subprocess.Popen(
            [str(self.program), "--output", "json", "--inventory", str(self.inventory), *only(self.components)],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        told: deque[Document] = deque(maxlen=20)
        with process:
            for document in _documents(self._heard(process.stdout)):
                told.append(document)
                if reached(document):
                    kill_tree(process.pid)
                    return True
        assert process.returncode == 0, f"It ended by itself, with {process.returncode}: {list(told)}"
        return False

    def _heard(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self.said.append(line)
            yield line

    def on(self, host: str, script: str, check: bool = True) -> str:
        """Run a shell script on a host, and return what it wrote."""
        done = subprocess.run(
            self.ssh(host), env=self.environment, input=script, capture_output=True, text=True, check=False
        )
        if check:
            assert done.returncode == 0, f"{host}: {done.stderr}"
        return done.stdout

    def python(self, host: str, program: str, libraries: str = "", check: bool = True) -> str:
        """Run a program of Python's on a host, and return what it wrote; what it knows is on no command line."""
        return self.on(host, self.heard_by_python(program, libraries), check)

    @staticmethod
    def heard_by_python(program: str, libraries: str = "") -> str:
        """Return a shell script that hands a program to Python by its input."""
        return f"PYTHONPATH={libraries} exec python3 - <<'END'\n{program}\nEND\n"

    def ssh(self, host: str) -> list[str]:
        """Return the command whose input a shell on a host reads."""
        return [str(self.program), "lab", "ssh", "--inventory", str(self.inventory), host, "sh -s"]

    def run_kubectl(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run the kubectl that the report names, to its end."""
        return subprocess.run(
            [str(self.state / "bin" / "kubectl"), "--request-timeout=3s", *arguments],
            env=self.environment, input=given, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Return what kubectl wrote; an empty text when it failed and may."""
        done = self.run_kubectl(*arguments)
        if check:
            assert done.returncode == 0, done.stderr
        return done.stdout if done.returncode == 0 else ""

    def nodes(self) -> Mapping[str, tuple[bool, str]]:
        """Return for each node whether it is Ready, and its version."""
        found = {}
        for node in json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]:
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            found[node["metadata"]["name"]] = (ready, node["status"]["nodeInfo"]["kubeletVersion"])
        return found

    def door(self) -> str:
        """Return the address at which the site is reached from outside."""
        service = json.loads(self.kubectl("-n", "traffic-router", "get", "service", "traefik", "-o", "json"))
        return str(service["status"]["loadBalancer"]["ingress"][0]["ip"])

    def left_the_lab(self) -> tuple[int, list[str]]:
        """Return how many packets tried to leave, on the bridge and in the hosts, and who sent what."""
        status = json.loads(self.run("lab", "status", "--output", "json").stdout)
        count = int(status["left_bridge"]) + sum(int(host["left_host"]) for host in status["hosts"])
        return count, status["offenders"]

    def forget(self) -> None:
        """Take the lab and its state away, whatever condition they are in."""
        self.run("lab", "down", "--wipe", check=False)
        shutil.rmtree(self.state, ignore_errors=True)


def lab_inventory(folder: Path, group: str, addresses: Mapping[str, str]) -> Path:
    """Make a copy of the lab's inventory below a folder, whose group has these hosts in place of its own; return it."""
    inventory = folder / "lab"
    shutil.copytree(PROJECT / "inventories" / "lab", inventory)
    hosts = read(inventory / "hosts.yml")
    hosts["all"]["children"][group] = {
        "hosts": {name: {"ansible_host": address} for name, address in addresses.items()}
    }
    (inventory / "hosts.yml").write_text(json.dumps(hosts))
    return inventory


def of_a_cluster() -> tuple[str, ...]:
    """Return the components of a cluster with storage and metrics, by the catalogue: these, and all that they need."""
    return _with_what_they_need("local_path_storage", "metrics_server")


def of_a_safe_cluster() -> tuple[str, ...]:
    """Return these, and a Vault, an S3, certificates, policies and backups, by the catalogue."""
    return _with_what_they_need("local_path_storage", "metrics_server", "cert_manager", "gatekeeper", "velero")


def _with_what_they_need(*names: str) -> tuple[str, ...]:
    return tuple(component.name for component in deployment_order(load_catalog(PROJECT / "roles"), names))


def only(components: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments that choose components; none of them choose all."""
    return tuple(word for name in components for word in ("--only", name))


def kill_tree(parent: int) -> None:
    """Kill a process and all below it, sessions of their own included, so that none can react."""
    os.kill(parent, signal.SIGSTOP)
    for process in [parent, *_descendants(parent)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def eventually(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds; the bound only ends a test that would hang."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"It did not come to pass within {seconds:.0f} s that {what}."
        time.sleep(0.5)


def _descendants(parent: int) -> Sequence[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [parent]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _documents(lines: Iterator[str]) -> Iterator[Document]:
    for line in lines:
        with contextlib.suppress(json.JSONDecodeError):
            document = json.loads(line)
            if isinstance(document, dict):
                yield document
