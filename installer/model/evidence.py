"""What explains a failure, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """Where to look on a host.

    Attributes:
        units: systemd units whose journals may explain it; those that failed are looked at anyhow.
        namespace: the Kubernetes namespace whose pods may explain it; none when empty.
    """

    host: str
    units: tuple[str, ...] = ()
    namespace: str = ""
