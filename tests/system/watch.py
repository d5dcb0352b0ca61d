"""Write down what programs on hosts are told while the command is at work: most of them are gone when it ends."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.system.planted import sent
from tests.system.site import HOSTS, LabSite, kill_tree


@contextmanager
def watching(site: LabSite) -> Iterator[None]:
    """Watch every host meanwhile, and have the site know what was seen."""
    with ExitStack() as stack:
        files = {host: stack.enter_context(tempfile.TemporaryFile()) for host in HOSTS}
        watchers = [
            subprocess.Popen(
                site.ssh(host),
                env=site.environment,
                stdin=subprocess.PIPE,
                stdout=files[host],
                stderr=subprocess.DEVNULL,
            )
            for host in HOSTS
        ]
        try:
            for watcher in watchers:
                assert watcher.stdin is not None
                watcher.stdin.write(site.heard_by_python(sent("tell_processes")).encode())
                watcher.stdin.close()
            yield
        finally:
            for watcher in watchers:
                kill_tree(watcher.pid)
                watcher.wait()
            for host, file in files.items():
                file.seek(0)
                site.seen[host] = site.seen.get(host, b"") + file.read()
