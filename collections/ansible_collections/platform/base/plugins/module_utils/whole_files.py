"""Write a file so that a crash leaves the old one or the new one."""

from __future__ import annotations

import os


def replace_file(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file, on the disk when this returns; half of it is never seen.

    Args:
        mode: of the file, with what the process masks taken away.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    half = f"{path}.half"
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(half, path)
