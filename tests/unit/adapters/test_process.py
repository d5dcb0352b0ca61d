"""A program of the outside world that fails says why."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.adapters.process import CommandFailed, kill_running, run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_what_a_program_prints_is_returned() -> None:
    assert run(python("print('said')")) == b"said\n"


def test_a_program_reads_what_it_is_given() -> None:
    assert run(python("import sys; print(sys.stdin.read().upper())"), stdin=b"given") == b"GIVEN\n"


@pytest.fixture
def typed() -> Iterator[None]:
    """Have the operator type something."""
    own, (reader, writer) = os.dup(0), os.pipe()
    os.write(writer, b"typed")
    os.close(writer)
    os.dup2(reader, 0)
    yield
    os.dup2(own, 0)
    os.close(own)
    os.close(reader)


@pytest.mark.usefixtures("typed")
def test_a_program_does_not_read_what_the_operator_types() -> None:
    assert run(python("import sys; print(repr(sys.stdin.read()))")) == b"''\n"


def test_a_program_runs_where_it_is_told(tmp_path: Path) -> None:
    assert run(python("import os; print(os.getcwd())"), directory=tmp_path).decode().strip() == str(tmp_path.resolve())


def test_variables_are_added_to_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")

    said = run(python("import os; print(os.environ['OURS'], os.environ['NEW'])"), environment={"NEW": "2"})

    assert said == b"1 2\n"


def test_a_failure_carries_status_and_the_end_of_what_was_said() -> None:
    code = "import sys; print(*range(50), sep='\\n', file=sys.stderr); sys.exit(3)"

    with pytest.raises(CommandFailed) as caught:
        run(python(code))

    assert caught.value.status == 3
    assert caught.value.details == tuple(map(str, range(30, 50)))


def test_a_program_that_complains_on_stdout_is_heard() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(python("print('reason'); raise SystemExit(1)"))

    assert caught.value.details == ("reason",)
    assert caught.value.stdout == b"reason\n"


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(["no-such-program"])

    assert (caught.value.status, caught.value.details) == (127, ("no-such-program: not found",))


def test_a_program_that_does_not_end_is_ended() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(python("import time; time.sleep(60)"), seconds=0.01)

    assert caught.value.status == 124


def test_a_long_command_line_is_shortened() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(["false", *map(str, range(20))])

    assert caught.value.summary == "`false 0 1 2 3 4 …` ended with status 1."


def test_a_program_that_is_waited_for_can_be_ended_with_its_own(tmp_path: Path) -> None:
    """As an end from outside does, which reaches this process alone."""
    told = tmp_path / "child"
    os.mkfifo(told)
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(told)!r}, "w").write(str(child.pid))
child.wait()
"""
    failures: list[int] = []

    def work() -> None:
        try:
            run(python(code))
        except CommandFailed as error:
            failures.append(error.status)

    worker = threading.Thread(target=work)
    worker.start()
    assert told.read_text()

    kill_running()

    # Its output ends only when its child has ended as well.
    worker.join()
    assert failures == [-9]
