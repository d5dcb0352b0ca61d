"""Keys of a lab: one that opens the hosts, and each host's own, known before the first connection."""

from __future__ import annotations

from pathlib import Path

from pysequoia import Tsk

from installer.adapters.lab.layout import LabLayout
from installer.adapters.process import run
from installer.model.lab import Lab

HOST_KEY = "ssh_host_ed25519_key"
_OPERATORS = 5


def prepare_keys(lab: Lab, layout: LabLayout) -> None:
    """Make the keys that are missing, and the ssh program that reaches the hosts."""
    folder = layout.key.parent
    for path in (folder, layout.sockets):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make_key(layout.key, f"operator of the lab {lab.name}")
    _make_operators(folder / "operators")
    lines = []
    for host in lab.hosts:
        key = host_key(layout, host.name)
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_key(key, host.name)
        public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
        lines.append(f"{host.address},{host.name} {public}\n")
    layout.known_hosts.write_text("".join(lines))
    # Host keys are checked: the lab knows them all. nsenter keeps the operator's own file system.
    layout.ssh.write_text(
        "#!/bin/sh\n"
        f"exec nsenter --net=/run/netns/{layout.namespace} ssh -o UserKnownHostsFile={layout.known_hosts} "
        '-o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o HashKnownHosts=no "$@"\n'
    )
    layout.ssh.chmod(0o755)


def _make_operators(folder: Path) -> None:
    """Make OpenPGP keys of operators whom a site's secrets are given to in shares."""
    folder.mkdir(exist_ok=True, mode=0o700)
    for number in range(1, _OPERATORS + 1):
        public = folder / f"operator{number}.asc"
        if public.exists():
            continue
        key = Tsk.generate(f"operator{number} of a lab")
        secret = public.with_suffix(".key")
        secret.touch(mode=0o600)
        secret.write_text(str(key))
        public.write_text(str(key.extract_certificate()))


def host_key(layout: LabLayout, host: str) -> Path:
    """Return the private key of a host."""
    return layout.folder / "keys" / host / HOST_KEY


def _make_key(path: Path, comment: str) -> None:
    if not path.exists() or not path.with_suffix(".pub").exists():
        path.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
