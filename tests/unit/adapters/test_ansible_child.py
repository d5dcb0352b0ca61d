"""A program's last words are heard, however long it takes to tell of those before."""

from __future__ import annotations

import pexpect

from installer.adapters.ansible_child import hear_children_out


def test_whoever_is_impatient_hears_the_end() -> None:
    hear_children_out()
    child = pexpect.spawn("sh", ["-c", "echo first; sleep 0.2; echo last"])

    child.expect(pexpect.EOF, timeout=0)

    assert child.before.split() == [b"first", b"last"]


def test_other_words_are_waited_for_as_long_as_whoever_asks_wants() -> None:
    hear_children_out()
    child = pexpect.spawn("cat")

    assert child.expect(["never", pexpect.TIMEOUT], timeout=0) == 1
    child.close(force=True)
