"""kubeadm is asked once more where an answer came late, and a host that stays half joined is reset."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded

# systemd's unit begins when it was looked at once, and ends as the next line of `ends` says; what kubeadm was told is
# kept, a configuration a run.
SYSTEMD_RUN = """#!/bin/sh
runs=$(($(cat "$FOLDER/runs" 2>/dev/null || echo 0) + 1))
echo "$runs" > "$FOLDER/runs"
cp "$FOLDER/kubeadm.yml" "$FOLDER/config.$runs"
touch "$FOLDER/trace"
"""
SYSTEMCTL = """#!/bin/sh
[ "$1" = show ] || exit 0
run=$(cat "$FOLDER/runs" 2>/dev/null) || { printf 'ActiveState=inactive\\nResult=success\\n'; exit; }
looks=$(($(cat "$FOLDER/looks.$run" 2>/dev/null || echo 0) + 1))
echo "$looks" > "$FOLDER/looks.$run"
result=$(sed -n "${run}p" "$FOLDER/ends")
case $looks-$result in
1-*) state=inactive ;;
2-*) state=activating ;;
*-success) state=active ;;
*) state=failed ;;
esac
printf 'ActiveState=%s\\nResult=%s\\n' "$state" success
"""
KUBEADM = """#!/bin/sh
echo "$*" >> "$FOLDER/kubeadm.told"
"""


class Ended(Exception):
    """What the module says when it fails."""


def fail(**told: Any) -> NoReturn:
    raise Ended(told["msg"])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for systemd and kubeadm."""
    programs = {"systemd-run": SYSTEMD_RUN, "systemctl": SYSTEMCTL, "kubeadm": KUBEADM, "journalctl": "#!/bin/sh\n"}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "kubeadm.yml").write_text('ignore: ["Swap", "@RESUME@"]\n')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("FOLDER", str(tmp_path))
    return tmp_path


def made(host: Path, action: str, ends: str) -> tuple[bool, list[str]]:
    module: Any = loaded(role_folder("kubernetes") / "library/kubeadm_node.py")
    module._LOG, module._TRACES = str(host / "log"), (str(host / "trace"),)
    module._MARK = str(host / "mark")
    (host / "ends").write_text(ends)
    attempts: list[str] = []
    parameters = {"action": action, "config": str(host / "kubeadm.yml"), "seconds": 5}
    return module.make(SimpleNamespace(params=parameters, fail_json=fail), attempts), attempts


def test_what_ends_well_is_done_once(host: Path) -> None:
    assert made(host, "join", "success\n") == (True, ["join"])


def test_what_systemd_has_not_begun_yet_did_not_end_well(host: Path) -> None:
    assert made(host, "init", "failed\nfailed\n")[0] is False
    assert (host / "looks.1").read_text() == "3\n"


def test_what_another_run_has_finished_is_done(host: Path) -> None:
    (host / "mark").write_text("{}")

    assert made(host, "join", "failed\n") == (True, ["join"])


def test_what_ended_badly_is_continued_past_what_it_left(host: Path) -> None:
    assert made(host, "join", "failed\nsuccess\n") == (True, ["join", "continued"])

    first, second = ((host / f"config.{number}").read_text() for number in (1, 2))
    assert "DirAvailable--var-lib-etcd" not in first
    assert "DirAvailable--var-lib-etcd" in second


def test_a_host_that_cannot_be_joined_is_reset(host: Path) -> None:
    with pytest.raises(Ended, match="was reset"):
        made(host, "join", "failed\nfailed\n")

    assert (host / "kubeadm.told").read_text() == "reset --force\n"


def test_a_first_control_plane_keeps_what_it_has(host: Path) -> None:
    assert made(host, "init", "failed\nfailed\n") == (False, ["init", "continued"])
    assert not (host / "kubeadm.told").exists()
