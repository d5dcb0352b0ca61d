"""Search a machine for secrets, however they are spelt. It is sent to hosts as it is, and knows only Python's own."""

from __future__ import annotations

import base64
import fnmatch
import gzip
import html
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

_CHUNK = 1 << 24
# A program that is young may be about to become another.
_LOOK_SECONDS, _YOUNG_SECONDS = 0.1, 1.0
# A group of a service's, which nobody logs in with.
_FIRST_PERSON = 1000
_PRIVATE = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----\n(?:[A-Za-z-]+: .*\n)*\n?([A-Za-z0-9+/=\n]+)-----END")
_CLIENT_KEY = re.compile(rb"client-key-data: *\"?([A-Za-z0-9+/=]+)")
# Which line has it, in keys whose public part is as long as the secret one.
_TELLING = {"EC ": 0, "OPENSSH ": 3}
_SHORT = 4


class Readable(Protocol):
    """What gives its bytes piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, so many at most."""


class Secret(NamedTuple):
    """A value that nobody may find, but where it is at home."""

    name: str
    value: str
    # Patterns of files that may hold it, if only their owner and the service's own group read them.
    homes: tuple[str, ...] = ()


def spellings(value: str) -> set[bytes]:
    """Return how a text may be written down: as it is, in URLs, JSON and HTML, and as a part of base64."""
    texts = {value, html.escape(value), urllib.parse.quote(value, safe=""), urllib.parse.quote(value)}
    texts.add(urllib.parse.quote_plus(value))
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        texts |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1]}
    return {text.encode() for text in texts} | set(_in_base64(value.encode()))


def _in_base64(content: bytes) -> Iterator[bytes]:
    """Yield what is the same in base64 whatever stands before and after, by how much stands before."""
    for before, mixed in enumerate((0, 2, 3)):
        whole = (before + len(content)) * 8 // 6
        text = base64.b64encode(b"\0" * before + content)[mixed:whole]
        yield text
        yield text.translate(bytes.maketrans(b"+/", b"-_"))


class Searcher:
    """Knows secrets in every spelling."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        """Spell them all once."""
        self._spelt = [(secret, spellings(secret.value)) for secret in secrets]
        self._longest = max((len(text) for _, texts in self._spelt for text in texts), default=1)

    def of(self, content: bytes) -> list[Secret]:
        """Return the secrets in some bytes."""
        return [secret for secret, texts in self._spelt if any(text in content for text in texts)]

    def of_stream(self, stream: Readable) -> list[Secret]:
        """Return the secrets in a stream of any length."""
        found: dict[Secret, None] = {}
        rest = b""
        while chunk := stream.read(_CHUNK):
            content = rest + chunk
            found |= dict.fromkeys(self.of(content))
            rest = content[-self._longest :]
        return list(found)

    def of_file(self, path: Path) -> list[Secret]:
        """Return the secrets in a file: in what is packed in it, when it is packed, and in a database's rows."""
        with path.open("rb") as stream:
            begin = stream.read(16)
            stream.seek(0)
            if begin.startswith(b"\x1f\x8b"):
                with gzip.open(stream) as unpacked:
                    return self.of_stream(unpacked)
            if begin.startswith(b"SQLite format 3"):
                return list(dict.fromkeys([*self.of_stream(stream), *self._of_database(path)]))
            return self.of_stream(stream)

    def _of_database(self, path: Path) -> list[Secret]:
        """What is long lies in pieces on a database's pages."""
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return self.of("\n".join(connection.iterdump()).encode())


def in_files(searcher: Searcher, folders: Sequence[str], without: Sequence[str] = ()) -> Iterator[str]:
    """Yield what is found in files below folders, and not at home there, or not closed to others.

    Args:
        without: patterns of paths that are not looked at.
    """
    for path in regular_files(folders, without):
        # What grows and goes meanwhile is no finding.
        with suppress(FileNotFoundError):
            for secret in searcher.of_file(path):
                if not any(fnmatch.fnmatchcase(str(path), home) for home in secret.homes):
                    yield f"{path}: {secret.name}"
                elif not is_closed(path.stat()):
                    yield f"{path}, which others may read: {secret.name}"


def regular_files(folders: Sequence[str], without: Sequence[str] = ()) -> Iterator[Path]:
    """Yield the files below folders, each where it lies and not by links."""
    for folder in folders:
        for place, names, files in os.walk(folder):
            names[:] = [name for name in names if not _matches(f"{place}/{name}", without)]
            for name in sorted(files):
                path = Path(place, name)
                with suppress(FileNotFoundError):
                    if stat.S_ISREG(path.lstat().st_mode) and not _matches(str(path), without):
                        yield path


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def is_closed(status: os.stat_result) -> bool:
    """Return whether a file belongs to who asks, and is read by nobody else but a service's group."""
    group = stat.S_IRWXG if status.st_gid >= _FIRST_PERSON else stat.S_IWGRP
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IRWXO | group)


def in_processes(searcher: Searcher, processes: Path = Path("/proc")) -> Iterator[str]:
    """Yield what is found in arguments and environments of what runs."""
    for folder in sorted(processes.glob("[0-9]*")):
        for part in ("cmdline", "environ"):
            # One that has ended has neither.
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                for secret in searcher.of((folder / part).read_bytes()):
                    program = (folder / "comm").read_text().strip()
                    yield f"the {part} of {program}, process {folder.name}: {secret.name}"


def tell_processes(processes: str = "/proc") -> None:
    """Write down what programs are told, each once, as they come and go, until whoever asked is gone."""
    asked_by = os.getppid()
    since: dict[str, float] = {}
    known: set[bytes] = set()
    while os.getppid() == asked_by:
        running = [entry.name for entry in Path(processes).iterdir() if entry.name.isdigit()]
        now = time.monotonic()
        since = {name: since.get(name, now) for name in running}
        for name in running:
            for part in ("cmdline", "environ") if now - since[name] <= _YOUNG_SECONDS else ():
                with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                    told = Path(processes, name, part).read_bytes()
                    if told not in known:
                        known.add(told)
                        sys.stdout.buffer.write(told + b"\n")
        sys.stdout.buffer.flush()
        time.sleep(_LOOK_SECONDS)


def in_journal(searcher: Searcher) -> Iterator[str]:
    """Yield what is found in what services said, and in how they were called."""
    command = ["journalctl", "--all", "--quiet", "--no-pager", "--output=export"]
    command.append("--output-fields=MESSAGE,_CMDLINE,SYSLOG_IDENTIFIER")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield from (f"the systemd journal: {secret.name}" for secret in searcher.of_stream(process.stdout))
    if process.returncode:
        raise RuntimeError(f"journalctl ended with {process.returncode}")


def in_containers(searcher: Searcher) -> Iterator[str]:
    """Yield what is found in what containers and their pods were told, those that have ended too."""
    for listing, showing in ((("ps", "--all"), "inspect"), (("pods",), "inspectp")):
        names = _said("crictl", *listing, "--quiet").decode().split()
        # All at once, which takes a tenth of the time; where one was removed meanwhile, one after another.
        for shown in (names, *([name] for name in names)):
            done = subprocess.run(["crictl", showing, *shown], capture_output=True, check=False)
            yield from (f"crictl {showing} {' '.join(shown)}: {secret.name}" for secret in searcher.of(done.stdout))
            if done.returncode == 0 and shown is names:
                break


def _said(*command: str) -> bytes:
    return subprocess.run(command, capture_output=True, check=True).stdout


def in_object(searcher: Searcher, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is found in an object of the cluster; of a Secret, in what is said about it.

    What Helm keeps of a release lies in a Secret, too: there, it is what the release was told.
    """
    metadata = document["metadata"]
    place = f"{document['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
    shown: Any = document
    if document["kind"] == "Secret":
        shown = {"metadata": metadata, "told": values_of(document)}
    yield from (f"{place}: {secret.name}" for secret in searcher.of(json.dumps(shown).encode()))


def values_of(secret: Mapping[str, Any]) -> Any:
    """Return the values of a Helm release, and its chart's own; nothing of another Secret."""
    if secret.get("type") != "helm.sh/release.v1":
        return None
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    return {"config": release.get("config"), "values": release.get("chart", {}).get("values")}


def telling_line(key: bytes) -> str:
    """Return a line of a private key in PEM that has a part of what is secret; empty when it is no such key."""
    match = _PRIVATE.search(key)
    if match is None:
        return ""
    label, lines = match[1].decode(), match[2].decode().split()
    return lines[min(_TELLING.get(label, 1 if len(lines) <= _SHORT else len(lines) // 2), len(lines) - 1)]


def keys_below(folders: Sequence[str]) -> dict[str, str]:
    """Return, by path, a line of each private key below folders, also of those in clients' settings."""
    found = {}
    for path in regular_files(folders):
        content = path.read_bytes()
        if client := _CLIENT_KEY.search(content):
            content = base64.b64decode(client[1])
        if line := telling_line(content):
            found[str(path)] = line
    return found


def search_host(
    secrets: Sequence[Sequence[Any]], folders: Sequence[str], without: Sequence[str], containers: bool
) -> list[str]:
    """Return what is found on a host."""
    searcher = Searcher(Secret(name, value, tuple(homes)) for name, value, homes in secrets)
    parts = [in_files(searcher, folders, without), in_processes(searcher), in_journal(searcher)]
    parts += [in_containers(searcher)] if containers else []
    return [finding for part in parts for finding in part]
