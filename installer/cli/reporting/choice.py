"""Which reporter fits what the operator looks at."""

from __future__ import annotations

import os
import sys

from installer.cli.reporting.heartbeat import Heartbeat
from installer.cli.reporting.json_lines import JsonLines
from installer.cli.reporting.plain_lines import PlainLines
from installer.ports import Reporter


def reporter_for(json: bool, verbose: bool, streams: bool) -> Reporter:
    """Return the reporter for a command.

    Args:
        json: stdout carries JSON.
        streams: the command takes steps on hosts.
    """
    if json:
        return Heartbeat(JsonLines(sys.stdout)) if streams else JsonLines(sys.stderr)
    if streams and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        # A tenth of a second of imports that only a terminal needs.
        from installer.cli.reporting.live_tree import LiveTree

        return LiveTree(verbose)
    lines = PlainLines(sys.stderr, verbose)
    return Heartbeat(lines) if streams else lines
