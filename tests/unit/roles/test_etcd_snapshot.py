"""Snapshots of etcd are kept encrypted, the newest of them, and nothing in clear beside."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.repository import role_folder

_FAKES = {
    "crictl": 'case $1 in ps) [ -e "$STATE/gone" ] || echo id ;; exec) test -s "$6" ;; esac',
    "etcdctl": '[ "$1 $2" = "snapshot save" ] && echo "planted /registry/secrets" > "$3"',
}


class Host:
    """A control plane with an etcd of two shell scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kept, self.database = folder, folder / "kept", folder / "etcd"
        self.told = folder / "metrics/etcd-snapshot.prom"
        self.database.mkdir()
        programs = folder / "programs"
        programs.mkdir()
        for name, text in _FAKES.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
        text = (role_folder("kubernetes") / "files/etcd-snapshot").read_text()
        self.program = folder / "etcd-snapshot"
        self.program.write_text(
            text.replace("/var/lib/etcd", str(self.database)).replace("/usr/local/lib/platform", str(programs))
        )
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "STATE": str(folder)}
        self.key, self.certificate = folder / "ca.key", folder / "ca.crt"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes",
             "-subj", "/CN=a", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.key,
             "-out", self.certificate],
            check=True, capture_output=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", str(self.program), *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def keep(self, count: int) -> subprocess.CompletedProcess[str]:
        return self.run("keep", str(self.kept), str(count), str(self.certificate), str(self.told))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_monitoring_is_told_when_a_snapshot_was_kept(host: Host) -> None:
    host.keep(3)

    name, moment = host.told.read_text().split()
    assert (name, host.told.stat().st_mode & 0o777) == ("platform_etcd_snapshot_timestamp_seconds", 0o644)
    assert int(moment) > host.database.stat().st_ctime - 10


def test_monitoring_is_not_told_of_a_snapshot_that_failed(host: Host) -> None:
    (host.folder / "gone").touch()

    host.keep(3)

    assert not host.told.exists()


def test_a_snapshot_is_kept_for_who_has_the_authoritys_key(host: Host) -> None:
    done = host.keep(3)

    (kept,) = host.kept.iterdir()
    opened = subprocess.run(
        ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", host.key, "-in", kept],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert (done.returncode, opened) == (0, "planted /registry/secrets\n"), done.stderr
    assert b"planted" not in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0
    assert list(host.database.iterdir()) == []


def test_the_oldest_go_and_what_was_broken_off(host: Host) -> None:
    host.kept.mkdir()
    for name in ("20250101T000000Z.cms", "20250102T000000Z.cms", "20250103T000000Z.cms", ".half.17.clear"):
        (host.kept / name).write_text("old")

    assert host.keep(2).returncode == 0

    names = sorted(path.name for path in host.kept.iterdir())
    assert names[0] == "20250103T000000Z.cms"
    assert len(names) == 2


def test_without_an_etcd_nothing_is_kept_and_it_says_so(host: Host) -> None:
    (host.folder / "gone").touch()

    done = host.keep(2)

    assert done.returncode != 0
    assert "etcd does not run on this host" in done.stderr
    assert list(host.kept.iterdir()) == []
