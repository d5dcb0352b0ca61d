"""A Debian archive of packages of one file on the loopback server, signed by a key of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pysequoia import SignatureMode, Tsk, sign

from tests.integration.sources.loopback import Answer, Server


@dataclass(frozen=True)
class Package:
    """What a package says of itself."""

    name: str
    version: str = "1.0"
    depends: str = ""


class ToyArchive:
    """Publishes one suite, `trixie`."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.keyring = folder / "archive.asc"
        self._folder = folder
        self._key = Tsk.generate(user_id="Toy archive")
        self.keyring.write_bytes(str(self._key.extract_certificate()).encode())

    @property
    def url(self) -> str:
        return f"{self.server.url}/debian"

    def publish(self, *packages: Package) -> None:
        """Publish these packages and no others; what is not among them any more is gone."""
        self.withdraw()
        self._publish_lists("\n".join(self._stanza(package) for package in packages).encode())

    def withdraw(self) -> None:
        """Take all packages away; the lists stay."""
        for path in [path for path in self.server.answers if "/pool/" in path]:
            del self.server.answers[path]

    def forge(self) -> None:
        """Change the lists without signing them."""
        self.server.answer("/debian/dists/trixie/main/binary-amd64/Packages", b"Package: evil\n")

    def sign_with_another_key(self) -> None:
        """Have the lists signed by someone else from now on."""
        self._key = Tsk.generate(user_id="Someone else")

    def _publish_lists(self, packages: bytes) -> None:
        dists = "/debian/dists/trixie"
        release = (
            "Origin: Toy\nSuite: trixie\nCodename: trixie\nArchitectures: amd64\nComponents: main\n"
            "Date: Sat, 01 Mar 2025 12:00:00 +0000\n"
            f"SHA256:\n {sha256(packages).hexdigest()} {len(packages)} main/binary-amd64/Packages\n"
        )
        signed = bytes(sign(self._key.signer(), release.encode(), mode=SignatureMode.CLEAR))
        self.server.answer(f"{dists}/InRelease", Answer(200, signed))
        self.server.answer(f"{dists}/main/binary-amd64/Packages", Answer(200, packages))

    def _stanza(self, package: Package) -> str:
        content = self._made(package)
        place = f"pool/main/{package.name}_{package.version}_all.deb"
        self.server.answer(f"/debian/{place}", content)
        lines = [*_control(package), f"Filename: {place}", f"Size: {len(content)}"]
        return "\n".join([*lines, f"SHA256: {sha256(content).hexdigest()}", ""])

    def _made(self, package: Package) -> bytes:
        root = self._folder / f"{package.name}-{package.version}"
        (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
        (root / "DEBIAN" / "control").write_text("\n".join(_control(package)) + "\n")
        (root / "usr" / "lib").mkdir(parents=True, exist_ok=True)
        (root / "usr" / "lib" / package.name).write_text(package.version)
        made = root.parent / f"{root.name}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", root, made], check=True, capture_output=True)
        return made.read_bytes()


def _control(package: Package) -> Iterable[str]:
    yield f"Package: {package.name}"
    yield f"Version: {package.version}"
    yield "Architecture: all"
    yield "Maintainer: Nobody <nobody@example.com>"
    if package.depends:
        yield f"Depends: {package.depends}"
    yield "Description: one file"
