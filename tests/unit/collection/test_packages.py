"""Packages that were brought go again, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils import packages

Program = Callable[..., Path]


@pytest.mark.parametrize("content", [None, {"brought": []}, {"brought": [], "accounts": ["user haproxy"]}])
def test_without_a_record_nothing_was_brought(tmp_path: Path, program: Program, content: object) -> None:
    record = tmp_path / "packages.json"
    if content is not None:
        record.write_text(json.dumps(content))
    program("dpkg-query", "bash installed\nsystemd installed\n")

    assert packages.brought(str(record)) == []


@pytest.mark.parametrize("content", [None, {"brought": []}, {"brought": [], "accounts": ["user haproxy"]}])
def test_without_a_record_nothing_is_purged(tmp_path: Path, program: Program, content: object) -> None:
    record = tmp_path / "packages.json"
    if content is not None:
        record.write_text(json.dumps(content))
    program("dpkg-query", "bash installed\nsystemd installed\n")
    marked, purged = program("apt-mark"), program("apt-get")

    packages.give_back(str(record))

    assert (marked.read_text(), purged.read_text()) == ("", "")


def test_what_was_brought_and_is_there_still_is_known(tmp_path: Path, program: Program) -> None:
    record = tmp_path / "packages.json"
    record.write_text(json.dumps({"brought": ["chrony", "haproxy"]}))
    program("dpkg-query", "chrony installed\nhaproxy config-files\n")

    assert packages.brought(str(record)) == ["chrony"]


def test_an_installation_that_was_killed_is_known_by_what_is_new(tmp_path: Path, program: Program) -> None:
    record = tmp_path / "packages.json"
    record.write_text(json.dumps({"before": {"packages": ["bash"], "accounts": packages._accounts()}}))
    program("dpkg-query", "bash installed\nchrony installed\n")

    assert "chrony" in packages.brought(str(record))


def test_what_a_package_runs_is_stopped_before_it_goes(program: Program) -> None:
    program(
        "dpkg-query",
        "/usr/sbin/rotate\n/usr/lib/systemd/system/rotate.timer\n/usr/lib/systemd/system/rotate@.service\n",
    )
    asked = program("systemctl")

    packages._stop_units(["rotate"])

    assert asked.read_text() == "stop rotate.timer\n"


def test_packages_that_run_nothing_stop_nothing(program: Program) -> None:
    program("dpkg-query", "/usr/bin/tool\n")
    asked = program("systemctl")

    packages._stop_units(["tool"])

    assert asked.read_text() == ""
