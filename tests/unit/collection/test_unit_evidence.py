"""What explains a failure is looked for in the units that are in trouble, whether or not the failure names them."""

from __future__ import annotations

import pytest
from ansible_collections.platform.base.plugins.modules import evidence

RESTARTED = {
    "list-units": "web.service loaded activating auto-restart Web\n",
    "show": "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainStatus=1\n",
    "-u": "web: cannot read /etc/web.conf\n",
}


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*command: str) -> str:
        assert command[1] != "list-units" or "--state=failed,auto-restart" in command
        return RESTARTED[command[1]]

    monkeypatch.setattr(evidence, "run", run)


def test_a_unit_that_is_started_again_and_again_is_looked_at() -> None:
    assert evidence.of_units([], lines=5) == [
        "-- web.service: activating, auto-restart, exit-code, 1 --",
        "web: cannot read /etc/web.conf",
    ]


def test_a_unit_is_looked_at_once() -> None:
    assert len(evidence.of_units(["web.service"], lines=5)) == 2
