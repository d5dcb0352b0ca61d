"""A PostgreSQL by its own programs, wherever they are run: all of a database out of it, and into it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, Any

USER = "postgres"
_CHUNK = 1 << 20
# What a whole copy ends with.
_END = b"-- PostgreSQL database dump complete"
_TAIL = 400
_STRICT = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
# All of it or nothing, and nothing that only the former content had. What is cut off ends without the last word, so
# that the database forgets it; psql's own way to make one transaction would keep it.
_BEFORE, _AFTER = b"BEGIN;\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n", b"COMMIT;\n"


class DatabaseProblem(Exception):
    """What the operator must know, with its cure."""


def dump(run: Sequence[str], database: str, write: Callable[[bytes], Any]) -> int:
    """Copy a database as it is at one moment, while it is in use, and return the copy's size.

    Args:
        run: what runs a program beside the database; empty for here.
        database: its name.
        write: takes the copy, piece by piece.

    Raises:
        DatabaseProblem: the copy is not whole.
    """
    command = [*run, "pg_dump", f"--username={USER}", "--no-owner", "--no-privileges", database]
    size, tail = 0, b""
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as process:
            assert process.stdout is not None
            while piece := process.stdout.read(_CHUNK):
                write(piece)
                size, tail = size + len(piece), (tail + piece)[-_TAIL:]
        if process.returncode or _END not in tail:
            raise DatabaseProblem(
                f"The database {database} was not copied whole: {_words(said) or 'the copy has no end'}. Run it again."
            )
    return size


def put(run: Sequence[str], database: str, copy: IO[bytes] | Any, user: str = USER) -> None:
    """Replace all that a database has by a copy, or leave it as it is.

    Args:
        run: as `dump` has it.
        database: its name.
        copy: what is read.
        user: who has all of it afterwards.

    Raises:
        DatabaseProblem: it does not take the copy.
    """
    command = [*run, "psql", f"--username={user}", f"--dbname={database}", *_STRICT]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said) as process:
            assert process.stdin is not None
            try:
                process.stdin.write(_BEFORE)
                while piece := copy.read(_CHUNK):
                    process.stdin.write(piece)
                process.stdin.write(_AFTER)
            except BrokenPipeError:
                # It ended before: what it said is told below.
                pass
            except BaseException:
                process.kill()
                raise
            finally:
                # What it no longer reads is not written at the end either, in place of why it ended.
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
        if process.returncode:
            raise DatabaseProblem(
                f"The database {database} did not take the copy, and is as it was: {_words(said)}. "
                "Is what is deployed older than the set?"
            )


def ask(run: Sequence[str], statement: str) -> str:
    """Have a statement carried out, which no process list shows, and return what came of it.

    Raises:
        DatabaseProblem: it was refused.
    """
    command = [*run, "psql", f"--username={USER}", *_STRICT, "--no-align", "--tuples-only"]
    done = subprocess.run(command, input=statement, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DatabaseProblem(f"The database refused: {done.stderr.strip()[-_TAIL:]}.")
    return done.stdout.strip()


def knows_password(run: Sequence[str], password: str) -> bool:
    """Return whether a password is the one that the database's user logs in with."""
    kept = ask(run, f"SELECT rolpassword FROM pg_authid WHERE rolname = '{USER}';\n")
    if kept.startswith("md5"):
        digest = hashlib.md5((password + USER).encode(), usedforsecurity=False).hexdigest()
        return hmac.compare_digest(kept, f"md5{digest}")
    if not kept.startswith("SCRAM-SHA-256$"):
        return False
    rounds, _, rest = kept.removeprefix("SCRAM-SHA-256$").partition(":")
    salt, _, keys = rest.partition("$")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    server = hmac.digest(salted, b"Server Key", "sha256")
    return hmac.compare_digest(base64.b64decode(keys.partition(":")[2]), server)


def set_password(run: Sequence[str], password: str) -> None:
    """Have the database's user log in with a password from now on.

    Raises:
        DatabaseProblem: it was refused.
    """
    quoted = password.replace("'", "''")
    ask(run, f"ALTER ROLE {USER} PASSWORD '{quoted}';\n")


def _words(said: IO[bytes]) -> str:
    """Return the end of what a program said."""
    said.seek(0)
    return " ".join(said.read().decode(errors="replace").split())[-_TAIL:]
