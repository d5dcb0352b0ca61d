"""The lab as a whole: up, down, power, status."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from installer.adapters.lab import cgroups, network
from installer.adapters.lab.host import NspawnHost
from installer.adapters.lab.keys import prepare_keys
from installer.adapters.lab.layout import ROOT, LabLayout
from installer.adapters.lab.machine import require_machine
from installer.adapters.lab.rootfs import root_file_system
from installer.adapters.lab.watches import give_back_watchers, require_watchers
from installer.adapters.process import CommandFailed, run
from installer.engine.selection import require_known
from installer.errors import LabUnavailable
from installer.model.events import Notice
from installer.model.lab import Lab, LabHost, LabHostStatus, LabStatus
from installer.ports import Reporter

_SSH_SECONDS = 60.0


class LabProvider:
    """Makes and unmakes labs on this machine."""

    def __init__(self, reporter: Reporter, root: Path = ROOT) -> None:
        """Keep labs below `root`."""
        self._reporter = reporter
        self._root = root

    def layout(self, name: str) -> LabLayout:
        """Return where a lab keeps its things."""
        return LabLayout(name, self._root)

    def up(self, lab: Lab, ask_all: bool = True) -> None:
        """Start every host that does not run, and wait until each answers on ssh.

        Args:
            ask_all: ask those, too, that have answered since they were started.

        Raises:
            LabUnavailable: this machine cannot host it, or a host does not come up.
        """
        layout = self.layout(lab.name)
        hosts = self._hosts(lab)
        starting = [lab.host(host.name) for host in hosts if host.leader is None]
        require_machine(lab, self._root, starting, self._reporter)
        with self._held(layout):
            if starting:
                require_watchers(lab, layout.namespace, self._reporter)
                self._reporter.emit(Notice(f"Starting the lab {lab.name}: {len(starting)} hosts."))
            root = root_file_system(lab, layout, self._reporter)
            layout.media.mkdir(parents=True, exist_ok=True)
            prepare_keys(lab, layout)
            network.create_bridge(layout, lab.network, lab.gateway)
            with ThreadPoolExecutor(len(hosts)) as pool:
                list(pool.map(lambda host: host.start(root), hosts))
            self._await_ssh(lab, [host for host in hosts if ask_all or not host.has_answered])

    def down(self, lab: Lab, wipe: bool = False) -> None:
        """Stop every host and take the network away; disks stay unless `wipe`.

        Hosts of the lab that the inventory no longer names go too.
        """
        layout = self.layout(lab.name)
        with self._held(layout):
            self._close_connections(layout)
            hosts = self._hosts(lab, strays=True)
            if hosts:
                with ThreadPoolExecutor(len(hosts)) as pool:
                    list(pool.map(lambda host: host.cut_power() if wipe else host.shut_down(), hosts))
            network.remove_namespace(layout.namespace)
            if wipe:
                for host in hosts:
                    host.wipe()
            give_back_watchers()
        if wipe:
            shutil.rmtree(layout.folder, ignore_errors=True)

    def require_up(self, lab: Lab) -> None:
        """Check that the lab is up; single hosts may be off.

        Raises:
            LabUnavailable: it is not.
        """
        if self.layout(lab.name).namespace not in network.namespaces():
            raise LabUnavailable(f"The lab {lab.name} is not up.", hint="Run `platform-install lab up`.")

    def kill(self, lab: Lab, name: str) -> None:
        """Cut one host's power."""
        host = self._host(lab, name)
        self.require_up(lab)
        host.cut_power()

    def start(self, lab: Lab, name: str) -> None:
        """Power one host on; its disk is as the cut left it."""
        self._host(lab, name)
        self.require_up(lab)
        layout = self.layout(lab.name)
        with self._held(layout):
            root = root_file_system(lab, layout, self._reporter)
            self._host(lab, name).start(root)
        self._await_ssh(lab, [self._host(lab, name)])

    def status(self, lab: Lab) -> LabStatus:
        """Return how the hosts fare, and what tried to leave.

        Raises:
            LabUnavailable: the lab is not up.
        """
        self.require_up(lab)
        layout = self.layout(lab.name)
        hosts = []
        on_the_bridge, offenders = network.sent_outside(layout.namespace, "bridge")
        for described, host in zip(lab.hosts, self._hosts(lab), strict=True):
            paths = layout.host(host.name)
            left, by_host = network.sent_outside(paths.namespace, "inet")
            offenders += by_host
            hosts.append(
                LabHostStatus(
                    name=host.name,
                    address=described.address,
                    running=host.leader is not None,
                    memory=cgroups.memory_used(paths.cgroup, paths.cgroup_record),
                    left_host=left,
                )
            )
        return LabStatus(lab.name, tuple(hosts), on_the_bridge, tuple(sorted(set(offenders))))

    def ssh_command(self, lab: Lab, name: str, arguments: Sequence[str]) -> list[str]:
        """Return the command line that opens a shell on a host, or runs a program there.

        Raises:
            UsageError: the lab has no such host.
            LabUnavailable: the lab is not up, or the host is off.
        """
        host = self._host(lab, name)
        self.require_up(lab)
        if host.leader is None:
            raise LabUnavailable(
                f"The host {name} of the lab {lab.name} is off.", hint=f"Run `platform-install lab start {name}`."
            )
        layout = self.layout(lab.name)
        return [
            str(layout.ssh),
            "-i",
            str(layout.key),
            "-o",
            "BatchMode=yes",
            f"root@{lab.host(name).address}",
            *arguments,
        ]

    def inside_command(self, lab: Lab, arguments: Sequence[str]) -> list[str]:
        """Return the command line that runs a program of this machine in the lab's network.

        Raises:
            LabUnavailable: the lab is not up.
        """
        self.require_up(lab)
        return ["nsenter", f"--net=/run/netns/{self.layout(lab.name).namespace}", *arguments]

    def _host(self, lab: Lab, name: str) -> NspawnHost:
        require_known("host", [name], [host.name for host in lab.hosts])
        return next(host for host in self._hosts(lab) if host.name == name)

    def _hosts(self, lab: Lab, strays: bool = False) -> list[NspawnHost]:
        layout = self.layout(lab.name)
        hosts = [NspawnHost(lab, host, layout.host(host.name)) for host in lab.hosts]
        if strays and (layout.folder / "hosts").exists():
            found = {folder.name for folder in (layout.folder / "hosts").iterdir()}
            names = sorted(found - {host.name for host in lab.hosts})
            hosts += [NspawnHost(lab, _stray(lab, name), layout.host(name)) for name in names]
        return hosts

    def _await_ssh(self, lab: Lab, hosts: Sequence[NspawnHost]) -> None:
        waiting = list(hosts)
        end = time.monotonic() + _SSH_SECONDS
        with ThreadPoolExecutor(max(1, len(waiting))) as pool:
            while waiting:
                answers = list(pool.map(lambda host: self._answers(lab, host), waiting))
                waiting = [host for host, answered in zip(waiting, answers, strict=True) if not answered]
                if waiting and time.monotonic() > end:
                    names = ", ".join(host.name for host in waiting)
                    raise LabUnavailable(
                        f"The hosts {names} of the lab {lab.name} do not answer on ssh.",
                        hint=f"Their consoles are in {self.layout(lab.name).folder / 'hosts'}/*/console.log.",
                    )
                time.sleep(0.1 if waiting else 0)

    def _answers(self, lab: Lab, host: NspawnHost) -> bool:
        with contextlib.suppress(CommandFailed):
            run(self.ssh_command(lab, host.name, ["true"]), seconds=10)
            host.note_answer()
            return True
        return False

    def _close_connections(self, layout: LabLayout) -> None:
        """End the shared ssh connections, which would outlive the hosts."""
        for path in layout.sockets.glob("*") if layout.sockets.exists() else ():
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={path}", "lab"], capture_output=True, check=False, timeout=10
            )
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _held(self, layout: LabLayout) -> Iterator[None]:
        """Let one process at a time change a lab; the kernel lets go when that process ends."""
        layout.root.mkdir(parents=True, exist_ok=True)
        with (layout.root / f".{layout.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _stray(lab: Lab, name: str) -> LabHost:
    return LabHost(name, lab.gateway, 0)
