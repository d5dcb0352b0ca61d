"""Ansible's last words, heard to their end."""

from __future__ import annotations

import functools
from typing import Any

import pexpect

# What was said before is told of while the rest is read, which on a busy machine takes its time.
_PATIENCE = 600.0


@functools.cache
def hear_children_out() -> None:
    """Have a program that has ended listened to until it has said everything.

    ansible-runner, which is this process's only user of pexpect, gives what is left five seconds, and loses the
    whole run when telling of it takes longer.
    """
    expect = pexpect.spawn.expect

    def heard_out(child: Any, pattern: Any, timeout: float = -1, *further: Any, **named: Any) -> Any:
        if pattern is pexpect.EOF:
            timeout = max(timeout, _PATIENCE)
        return expect(child, pattern, timeout, *further, **named)

    pexpect.spawn.expect = heard_out
