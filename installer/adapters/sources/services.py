"""Services of our own in Python: what lies in their images above the user land.

First the libraries, which change seldom and are one layer, then the service's own package. Both lie
where Debian's interpreter looks, so that nothing needs a search path of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from installer.adapters.sources.images import Tree
from installer.adapters.sources.tools import Tools
from installer.adapters.sources.wheel_trees import read_pins, unpack_wheels
from installer.errors import InvalidConfiguration, Problem
from installer.model.artifact import LockedItem, PythonLayer
from installer.ports import ArtifactStore

_LIBRARIES = "usr/local/lib/python{version}/dist-packages"
_COMPILED = ("__pycache__", "__pycache__/*", "*/__pycache__", "*/__pycache__/*", "*.pyc")


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        layer: how its component describes it.
        package: the folder of its own code.
        wheels: its libraries.
    """

    layer: PythonLayer
    package: Path
    wheels: tuple[LockedItem, ...]

    def facts(self) -> dict[str, object]:
        """Return what decides the bytes of its layers."""
        told = hashlib.sha256()
        for path, content in sorted(self._own().files.items()):
            assert content.source is not None  # the package is a folder
            told.update(f"{path}\0{content.mode}\0{content.source.stat().st_size}\0".encode())
            told.update(content.source.read_bytes())
        return {"wheels": [wheel.digest for wheel in self.wheels], "package": told.hexdigest()}

    def layers(self, store: ArtifactStore) -> tuple[Tree, ...]:
        """Return its libraries and its own code."""
        files = [(str(wheel.origin["file"]), store.path(wheel.digest)) for wheel in self.wheels]
        return unpack_wheels(files, self.layer.version, self._libraries), self._own()

    @property
    def _libraries(self) -> str:
        return _LIBRARIES.format(version=self.layer.version)

    def _own(self) -> Tree:
        tree = Tree()
        tree.add_folder(self.package, f"{self._libraries}/{self.package.name}", _COMPILED)
        return tree


def read_service(layer: PythonLayer, services: Path, tools: Tools, scope: str) -> Service:
    """Return a service with its wheels in the store.

    Args:
        layer: how its component describes it.
        services: the folder of all services.
        tools: has the wheels, pinned for `scope`.
        scope: the image.

    Raises:
        InvalidConfiguration: there is no such service, or its requirements are not pinned by hashes.
        WheelUnavailable: a pin has no wheel for its Python, or the index does not answer.
    """
    package = services / layer.service / layer.service
    if not (package / "__init__.py").is_file():
        problem = Problem(str(package), "holds no package.", "Correct the component's `python.service`.")
        raise InvalidConfiguration([problem], "the catalogue")
    pins = read_pins(services / layer.service / "requirements.txt")
    return Service(layer, package, tools.wheels(pins, layer.version, f"{scope} libraries"))
