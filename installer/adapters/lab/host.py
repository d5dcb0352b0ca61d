"""One host of a lab: a systemd-nspawn machine on the bridge."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

from installer.adapters.lab import cgroups, network
from installer.adapters.lab.keys import HOST_KEY, host_key
from installer.adapters.lab.layout import HostLayout
from installer.adapters.process import run
from installer.errors import LabUnavailable
from installer.model.lab import Lab, LabHost

# Folders on a real file system: the host's root is an overlay, and overlay on overlay is refused.
_REAL_FOLDERS = ("/var/lib/containerd", "/var/lib/kubelet", "/var/lib/etcd")
_DEVICES = ("/dev/kmsg", "/dev/fuse", "/dev/net/tun")
_MEDIA = "/media/platform"
_PROPAGATED = Path("/run/systemd/nspawn/propagate")
_SHUTDOWN = signal.SIGRTMIN + 4  # systemd's "power off"
_SHUTDOWN_SECONDS = 60.0
_START_SECONDS = 30.0
_STARTS = 3
# After which a host without any process has ended, rather than not begun.
_BEGIN_SECONDS = 2.0

# Joins the host's control groups, then leaves the caller's process tree, then becomes nspawn.
_LAUNCHER = """
record=$1; console=$2; shift 2
setsid sh -c '
  record=$1; console=$2; shift 2
  while read -r group; do echo $$ > "$group/cgroup.procs" || exit 1; done < "$record"
  exec "$@" > "$console" 2>&1 < /dev/null
' launcher "$record" "$console" "$@" &
"""


class NspawnHost:
    """Starts and stops one host."""

    def __init__(self, lab: Lab, host: LabHost, layout: HostLayout) -> None:
        """Manage `host` of `lab` below `layout`."""
        self._lab = lab
        self._host = host
        self._layout = layout

    @property
    def name(self) -> str:
        """Return the host's name."""
        return self._host.name

    @property
    def leader(self) -> int | None:
        """Return the host's first process while it runs."""
        with contextlib.suppress(OSError, ValueError):
            process, started = self._layout.running.read_text().split()
            if _start_time(int(process)) == started:
                return int(process)
        return None

    @property
    def has_answered(self) -> bool:
        """Return whether the host has answered on ssh since it was started."""
        with contextlib.suppress(OSError):
            return self.leader is not None and self._layout.answered.read_text() == self._layout.running.read_text()
        return False

    def note_answer(self) -> None:
        """Remember that the host has answered."""
        with contextlib.suppress(OSError):
            self._layout.answered.write_text(self._layout.running.read_text())

    @property
    def _machine(self) -> str:
        return f"{self._lab.name}-{self.name}"

    def start(self, root: Path) -> None:
        """Power on: nothing happens when the host runs.

        Args:
            root: the common root file system.

        Raises:
            LabUnavailable: the host does not come up.
        """
        if self.leader is not None and self._layout.namespace in network.namespaces():
            return
        # Hosts that start at the same time can meet in folders nspawn shares: the one that loses tries again.
        for _ in range(_STARTS):
            self.cut_power()
            self._boot(root)
            if self._leader_came():
                return
        tail = []
        if self._layout.console.exists():
            tail = self._layout.console.read_text(errors="replace").splitlines()[-10:]
        raise LabUnavailable(
            f"The host {self.name} did not start in {_STARTS} attempts.",
            hint=f"Its console is in {self._layout.console}.",
            details=tail,
        )

    def _boot(self, root: Path) -> None:
        self._mount(root)
        self._personalise()
        network.connect(self._layout, self._host.address, self._lab.network, self._lab.gateway)
        cgroups.create(self._layout.cgroup, self._host.memory, self._layout.cgroup_record)
        subprocess.run(
            [
                "sh",
                "-c",
                _LAUNCHER,
                "launcher",
                str(self._layout.cgroup_record),
                str(self._layout.console),
                *self._command(),
            ],
            env={**os.environ, "SYSTEMD_SECCOMP": "0", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
            stdin=subprocess.DEVNULL,
            check=True,
        )

    def shut_down(self) -> None:
        """Power off in order; cut the power when the host takes too long."""
        leader = self.leader
        if leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(leader, _SHUTDOWN)
            end = time.monotonic() + _SHUTDOWN_SECONDS
            while time.monotonic() < end and self.leader is not None:
                cgroups.thaw(self._layout.cgroup, self._layout.cgroup_record)
                time.sleep(0.1)
        self.cut_power()

    def cut_power(self) -> None:
        """End the host at once, and take away all that a dead server would not keep."""
        # The network first: a host that is half dead must not go on answering.
        network.disconnect(self._layout)
        end = time.monotonic() + _START_SECONDS
        while members := cgroups.processes(self._layout.cgroup, self._layout.cgroup_record):
            cgroups.thaw(self._layout.cgroup, self._layout.cgroup_record)
            for process in sorted(members):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if time.monotonic() > end:
                raise LabUnavailable(f"The host {self.name} has processes that do not end: {sorted(members)[:10]}.")
            time.sleep(0.05)
        cgroups.remove(self._layout.cgroup, self._layout.cgroup_record)
        self._layout.running.unlink(missing_ok=True)
        self._unmount()
        with contextlib.suppress(OSError):
            (_PROPAGATED / self._machine).rmdir()

    def wipe(self) -> None:
        """Delete the host's disk."""
        shutil.rmtree(self._layout.folder, ignore_errors=True)

    def _command(self) -> list[str]:
        layout = self._layout
        command = [
            "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--directory={layout.root}",
            f"--machine={self._machine}", f"--hostname={self.name}",
            f"--network-namespace-path=/run/netns/{layout.namespace}",
            # The machine's clock is not a host's to set.
            "--capability=all", "--drop-capability=CAP_SYS_TIME",
            "--resolv-conf=off", "--console=pipe", "--boot",
        ]  # fmt: skip
        command += [f"--bind={device}" for device in _DEVICES]
        command += [f"--bind={layout.folder / _folder(path)}:{path}" for path in _REAL_FOLDERS]
        if self._host.media is not None:
            command.append(f"--bind-ro={self._host.media}:{_MEDIA}")
        return command

    def _mount(self, root: Path) -> None:
        layout = self._layout
        for path in (
            layout.root,
            layout.upper,
            layout.folder / "work",
            *(layout.folder / _folder(p) for p in _REAL_FOLDERS),
        ):
            path.mkdir(parents=True, exist_ok=True)
        if not layout.root.is_mount():
            options = f"lowerdir={root},upperdir={layout.upper},workdir={layout.folder / 'work'}"
            run(["mount", "-t", "overlay", "overlay", "-o", options, str(layout.root)])

    def _unmount(self) -> None:
        while self._layout.root.is_mount():
            run(["umount", "--lazy", str(self._layout.root)])

    def _personalise(self) -> None:
        """Give a host on its first start what tells it from the others."""
        root = self._layout.root
        if (root / "etc/hostname").exists():
            return
        ssh = root / "etc/ssh"
        for suffix, mode in (("", 0o600), (".pub", 0o644)):
            target = ssh / f"{HOST_KEY}{suffix}"
            shutil.copyfile(host_key(self._layout.lab, self.name).with_suffix(suffix), target)
            target.chmod(mode)
        authorized = root / "root/.ssh/authorized_keys"
        authorized.parent.mkdir(mode=0o700, exist_ok=True)
        authorized.write_text(self._layout.lab.key.with_suffix(".pub").read_text())
        authorized.chmod(0o600)
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self._host.address} {self.name}\n")
        (root / "etc/resolv.conf").write_text("")
        (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
        (root / "etc/hostname").write_text(f"{self.name}\n")

    def _leader_came(self) -> bool:
        began = time.monotonic()
        while time.monotonic() < began + _START_SECONDS:
            processes = list(cgroups.processes(self._layout.cgroup, self._layout.cgroup_record))
            for process in processes:
                if _is_first_process(process):
                    self._layout.running.write_text(f"{process} {_start_time(process)}")
                    return True
            if not processes and time.monotonic() > began + _BEGIN_SECONDS:
                return False
            time.sleep(0.02)
        return False


def _folder(path: str) -> str:
    return path.strip("/").replace("/", "-")


def _start_time(process: int) -> str | None:
    """Return when a process started, which tells it from a later one of the same number."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]


def _is_first_process(process: int) -> bool:
    """Return whether a process is number 1 of a namespace below ours, running its init."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        name = Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return False
    numbers = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
    return len(numbers) == 2 and numbers[-1] == "1" and name == "systemd"
