"""What a host's rules counted is told to monitoring, which never reads half of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.repository import role_folder

COUNTED = """table inet platform_egress {
	counter refused {
		packets 7 bytes 420
	}
	counter untranslated {
		packets 0 bytes 0
	}
}
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "metrics/egress.prom"


def tell(told: Path, nft: str) -> subprocess.CompletedProcess[str]:
    programs = told.parents[1] / "programs"
    programs.mkdir()
    (programs / "nft").write_text(f"#!/bin/sh\n{nft}\n")
    (programs / "nft").chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    command = ["sh", str(role_folder("egress_guard") / "files/tell-egress"), str(told)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_each_counter_is_told_by_its_name(told: Path) -> None:
    tell(told, f"cat <<'END'\n{COUNTED}END")

    lines = [line for line in told.read_text().splitlines() if not line.startswith("#")]
    assert lines == [
        'platform_egress_packets_total{counter="refused"} 7',
        'platform_egress_packets_total{counter="untranslated"} 0',
    ]
    assert list(told.parent.iterdir()) == [told]


def test_where_the_rules_are_gone_nothing_new_is_told(told: Path) -> None:
    told.parent.mkdir()
    told.write_text("old\n")

    done = tell(told, "echo gone >&2; exit 1")

    assert (done.returncode, told.read_text()) == (1, "old\n")
