"""Write down what programs on hosts are told while the command is at work: most of them are gone when it ends."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.system.planted import sent
from tests.system.site import HOSTS, LabSite, eventually, kill_tree

# Programs are told this, and their arguments are there without it.
_ENVIRONMENT = b"PATH="


@contextmanager
def watching(site: LabSite) -> Iterator[None]:
    """Watch every host meanwhile, from before this begins, and have the site know what was seen."""
    with ExitStack() as stack:
        for host in HOSTS:
            stack.enter_context(_watched(site, host))
        yield


@contextmanager
def _watched(site: LabSite, host: str) -> Iterator[None]:
    """Watch a host.

    Raises:
        AssertionError: the watcher ended before it should.
    """
    with tempfile.NamedTemporaryFile() as told, tempfile.TemporaryFile() as mistakes:
        watcher = subprocess.Popen(
            site.ssh(host), env=site.environment, stdin=subprocess.PIPE, stdout=told, stderr=mistakes
        )
        assert watcher.stdin is not None
        watcher.stdin.write(site.heard_by_python(sent("tell_processes")).encode())
        watcher.stdin.close()
        place = Path(told.name)
        try:
            eventually(lambda: _ENVIRONMENT in place.read_bytes(), 60, f"{host} is watched")
            yield
        finally:
            ended = watcher.poll()
            if ended is None:
                kill_tree(watcher.pid)
                watcher.wait()
            site.seen[host] = site.seen.get(host, b"") + place.read_bytes()
            mistakes.seek(0)
            assert ended is None, f"The watcher of {host} ended with {ended}: {mistakes.read()[-2000:]!r}"
