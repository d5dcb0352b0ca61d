"""Programs of the outside world, why they failed, and who runs this one."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from installer.errors import PlatformError

# Who ends this process from outside does not reach the programs it waits for, as a terminal's Ctrl-C does.
_running: set[int] = set()


class CommandFailed(PlatformError):
    """A program ended with an error; the tail of what it said is in the details."""

    def __init__(self, arguments: Sequence[str], status: int, output: str, stdout: bytes = b"") -> None:
        self.status = status
        self.output = output
        self.stdout = stdout
        super().__init__(
            f"`{' '.join(arguments[:6])}{' …' if len(arguments) > 6 else ''}` ended with status {status}.",
            details=output.strip().splitlines()[-20:],
        )


def run(
    arguments: Sequence[str],
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    seconds: float | None = None,
) -> bytes:
    """Run a program and return its standard output.

    Args:
        environment: variables added to this process's own.
        stdin: what it reads; nothing when None.
        seconds: how long it may take; unbounded when None.

    Raises:
        CommandFailed: it ended with another status than 0, or took too long.
    """
    try:
        process = subprocess.Popen(
            arguments,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            # Never the operator's: a terminal that ssh left without blocking stops Ansible, and nobody here answers it.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise CommandFailed(arguments, 127, f"{arguments[0]}: not found") from error
    with process:
        _running.add(process.pid)
        try:
            stdout, stderr = process.communicate(stdin or b"", seconds)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise CommandFailed(arguments, 124, f"no end after {seconds} s") from error
            raise
        finally:
            _running.discard(process.pid)
    if process.returncode:
        raise CommandFailed(arguments, process.returncode, (stderr or stdout).decode(errors="replace"), stdout)
    return stdout


def kill_running() -> None:
    """Kill every program that `run` waits for, and all that those began."""
    for process in tuple(_running):
        begun = descendants(process)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        kill_all(begun)


def descendants(process: int) -> dict[int, str]:
    """Return the processes that a process began, and those that they began, each with the time of its start."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (known := _parent_and_start(int(entry.name))) is not None:
            parents[int(entry.name)] = known
    found: dict[int, str] = {}
    waiting = [process]
    while waiting:
        above = waiting.pop()
        below = {number: start for number, (parent, start) in parents.items() if parent == above}
        found.update(below)
        waiting += below
    return found


def kill_all(processes: Mapping[int, str]) -> None:
    """Kill processes that still are the ones they were, by the times of their starts."""
    for number, start in processes.items():
        known = _parent_and_start(number)
        if known is not None and known[1] == start:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def left_behind(program: str, folder: Path) -> dict[int, str]:
    """Return the processes of a program that was given a file below a folder, with what they began.

    Args:
        program: its file's name.
        folder: one that only programs of this kind are given files of.
    """
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        arguments = _arguments(entry) if entry.name.isdigit() else []
        if any(Path(argument).name == program for argument in arguments) and any(
            Path(argument).is_relative_to(folder) for argument in arguments
        ):
            number = int(entry.name)
            known = _parent_and_start(number)
            found |= descendants(number) | ({number: known[1]} if known is not None else {})
    return found


def operator() -> str:
    """Return who sits at the terminal, also behind sudo."""
    user, behind = getpass.getuser(), os.environ.get("SUDO_USER")
    return f"{user}({behind})" if behind and behind != user else user


def _arguments(entry: Path) -> list[str]:
    """Return what a process was begun with; nothing when it has ended."""
    try:
        return [os.fsdecode(part) for part in (entry / "cmdline").read_bytes().split(b"\0") if part]
    except OSError:
        return []


def _parent_and_start(process: int) -> tuple[int, str] | None:
    """Return a process's parent and the time of its start; None when it has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    # The name may hold blanks and brackets: what counts comes after the last one.
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), fields[19]
