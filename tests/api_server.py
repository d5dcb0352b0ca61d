"""An API server with an etcd of its own on loopback: the bundle's programs, with the admission that the role sets up.

Nothing runs what is put into it: there are no controllers, no scheduler and no nodes.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.cluster_objects import kinds_of
from tests.loopback_tls import made_authority

SECONDS = 600
_ATTEMPTS = 3
_TOKEN = "administrator-of-a-test"
_APPLIED = {"fieldManager": "platform", "force": "true", "fieldValidation": "Strict"}
_MADE = {"fieldValidation": "Strict"}
_DRY = {"dryRun": "All"}


class ApiServer:
    """What a cluster's API makes of objects."""

    def __init__(self, client: httpx.Client, processes: list[subprocess.Popen[bytes]]) -> None:
        """Take what runs."""
        self._client, self._processes = client, processes
        self._served: dict[str, dict[str, dict[str, Any]]] = {}

    def is_ready(self) -> bool:
        """Return whether it serves; its own priorities and roles are there by then."""
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def has_ended(self) -> bool:
        """Return whether one of its programs is gone by itself."""
        return any(process.poll() is not None for process in self._processes)

    def define(self, definitions: Iterable[Mapping[str, Any]]) -> list[str]:
        """Have it know kinds, and return what is wrong with their definitions."""
        wanted = list(definitions)
        faults = [fault for item in wanted if (fault := self.applied(item, "", dry=False))]
        if not faults:
            wait_for(lambda: self._serves(wanted))
        return faults

    def _serves(self, definitions: Iterable[Mapping[str, Any]]) -> bool:
        self._served.clear()
        return all(self.knows(item) for definition in definitions for item in kinds_of(definition))

    def knows(self, item: Mapping[str, Any]) -> bool:
        """Return whether it has an object's kind."""
        return item["kind"] in self._kinds(item["apiVersion"])

    def applied(self, item: Mapping[str, Any], namespace: str, *, dry: bool = True) -> str:
        """Apply an object as the platform does, and return what is wrong with it: nothing, when it is taken.

        Args:
            item: an object of a kind that it knows.
            namespace: where it goes when it does not say.
            dry: whether nothing stays.
        """
        path = f"{self._place(item, namespace)}/{item['metadata']['name']}"
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self._asked("PATCH", path, item, headers=headers, params=_APPLIED | (_DRY if dry else {}))

    def made(self, item: Mapping[str, Any], namespace: str, *, dry: bool = True) -> str:
        """Have it make an object, as Helm does, and return what is wrong with it; as `applied`."""
        return self._asked("POST", self._place(item, namespace), item, params=_MADE | (_DRY if dry else {}))

    def _asked(self, method: str, path: str, item: Mapping[str, Any], **how: Any) -> str:
        answer = self._client.request(method, path, content=json.dumps(item), **how)
        return "" if answer.is_success else f"{item['kind']} {item['metadata']['name']}: {answer.json()['message']}"

    def _place(self, item: Mapping[str, Any], namespace: str) -> str:
        kind = self._kinds(item["apiVersion"])[item["kind"]]
        parts = [_base(item["apiVersion"])]
        if kind["namespaced"]:
            parts += ["namespaces", item["metadata"].get("namespace", namespace)]
        return "/".join([*parts, kind["name"]])

    def _kinds(self, version: str) -> dict[str, dict[str, Any]]:
        """Return what is served of a group's version, by kind; what is not there is asked for again."""
        if version not in self._served:
            answer = self._client.get(_base(version))
            found = answer.json()["resources"] if answer.status_code == 200 else []
            kinds = {entry["kind"]: entry for entry in found if "/" not in entry["name"]}
            if not kinds:
                return {}
            self._served[version] = kinds
        return self._served[version]


def _base(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


@contextmanager
def running(programs: Path, folder: Path, admission: str, service_network: str) -> Iterator[ApiServer]:
    """Run an API server while it is needed; its programs end with the test, whatever becomes of that.

    Args:
        programs: a folder with `etcd` and `kube-apiserver`.
        folder: where to work; logs stay there.
        admission: the settings of admission, as the role renders them.
        service_network: where services have their addresses.
    """
    authority = made_authority(folder)
    (folder / "admission.yml").write_text(admission)
    (folder / "tokens.csv").write_text(f'{_TOKEN},administrator,administrator,"system:masters"\n')
    for attempt in range(1, _ATTEMPTS + 1):
        ports = free_ports(3)
        commands = [_etcd(programs, folder / f"etcd{attempt}", ports), _api(programs, folder, ports, service_network)]
        with _processes(commands, folder) as processes, _client(ports[2], authority) as client:
            if _has_started(server := ApiServer(client, processes)):
                yield server
                return
        # Somebody else may have taken a port meanwhile.
        assert attempt < _ATTEMPTS, (folder / "kube-apiserver.log").read_text()[-4000:]


def _client(port: int, authority: Path) -> httpx.Client:
    trusted = ssl.create_default_context(cafile=str(authority))
    headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}
    return httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted, headers=headers, timeout=SECONDS)


def _has_started(server: ApiServer) -> bool:
    """Return whether a server serves, when that or the contrary is sure."""
    wait_for(lambda: server.is_ready() or server.has_ended())
    return not server.has_ended()


def wait_for(question: Callable[[], bool]) -> None:
    """Wait until a question is answered by yes."""
    until = time.monotonic() + SECONDS
    while not question():
        assert time.monotonic() < until, f"nothing came of it within {SECONDS} s"
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, each another one."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [entry.getsockname()[1] for entry in listening]
    for entry in listening:
        entry.close()
    return ports


def _etcd(programs: Path, data: Path, ports: list[int]) -> list[str]:
    client, peers = (f"http://127.0.0.1:{port}" for port in ports[:2])
    return [
        str(programs / "etcd"), f"--data-dir={data}", "--unsafe-no-fsync",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}",
    ]  # fmt: skip


def _api(programs: Path, folder: Path, ports: list[int], service_network: str) -> list[str]:
    certificate, key = folder / "authority.pem", folder / "authority.key"
    return [
        str(programs / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{ports[0]}",
        "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
        f"--secure-port={ports[2]}", f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
        f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={certificate}", f"--service-account-signing-key-file={key}",
        f"--service-cluster-ip-range={service_network}",
        # As kubeadm has it.
        "--allow-privileged=true", "--enable-admission-plugins=NodeRestriction",
        f"--admission-control-config-file={folder / 'admission.yml'}",
        # Accounts of pods are made by what is only rehearsed here, or by a controller that is not there.
        "--disable-admission-plugins=ServiceAccount",
    ]  # fmt: skip


@contextmanager
def _processes(commands: Iterable[list[str]], folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run programs, the last of which are ended first; the kernel ends them when the test's own process is lost."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
                bound = ["setpriv", "--pdeathsig", "KILL", *command]
                running.append(subprocess.Popen(bound, cwd=folder, stdout=log, stderr=log))
        yield running
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()
