"""Programs that read a certificate once start anew when there is another one, and only then."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.repository import role_folder

PROGRAM = role_folder("certificates_carried") / "files/carry-certificates"
KUBECTL = """#!/bin/sh
case "$*" in
  *"get secret"*) cat "$FOLDER/certificate" ;;
  *patch*) echo "$*" >> "$FOLDER/patched" ;;
esac
"""
PAIRS = ("daemonset/watcher=watcher-tls", "deployment/sender=sender-tls")


def carried(folder: Path, kubectl: str, *pairs: str) -> tuple[int, list[str]]:
    """Carry certificates with a stand-in for the cluster, and return how it ended and what was patched."""
    (folder / "kubectl").write_text(kubectl)
    (folder / "kubectl").chmod(0o755)
    (folder / "patched").write_text("")
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "FOLDER": str(folder)}
    command = ["sh", str(PROGRAM), "/kubeconfig", "space", *pairs]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.returncode, (folder / "patched").read_text().splitlines()


def test_programs_are_marked_with_the_certificate_that_is_kept(tmp_path: Path) -> None:
    marks = []
    for certificate in ("first", "first", "second"):
        (tmp_path / "certificate").write_text(certificate)
        code, lines = carried(tmp_path, KUBECTL, *PAIRS)
        patches = [json.loads(line.partition("--patch=")[2]) for line in lines]
        marks.append(patches[0]["spec"]["template"]["metadata"]["annotations"]["platform.internal/certificate"])
        assert code == 0
        assert [line.partition(" patch ")[2].split()[0] for line in lines] == ["daemonset/watcher", "deployment/sender"]
        assert all("--namespace space" in line and "--kubeconfig /kubeconfig" in line for line in lines)

    assert marks[0] == marks[1] != marks[2]


@pytest.mark.parametrize(
    "kubectl",
    [
        pytest.param(KUBECTL.replace('cat "$FOLDER/certificate"', "exit 1"), id="the cluster does not answer"),
        pytest.param(KUBECTL.replace('cat "$FOLDER/certificate"', ":"), id="the secret is empty"),
    ],
)
def test_a_certificate_that_cannot_be_read_marks_nothing(kubectl: str, tmp_path: Path) -> None:
    code, patched = carried(tmp_path, kubectl, *PAIRS)

    assert code != 0
    assert patched == []
