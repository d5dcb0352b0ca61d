"""Compose container images from programs, trees of files, unpacked Debian packages and wheels.

No container engine is needed, and the same inputs give the same digest: entries are sorted, times
and owners are zero, and layers are compressed with a pinned library.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import zstandard

from installer.model.artifact import Blob, ImageBuild
from installer.ports import ArtifactStore

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"

_LEVEL = 6  # a third smaller than level 1, still faster to make than the programs are to build
_SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Its file system is read-only, and what it says is read while it runs.
_OF_PYTHON = ("PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")
_NEVER_IN_IMAGES = (
    "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*", "usr/share/info/*", "usr/share/lintian/*",
    "usr/share/bash-completion/*", "var/cache/*", "var/log/*", "usr/lib/systemd/*", "etc/init.d/*", "etc/cron*",
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """One file of an image: either bytes or a file on disk."""

    source: Path | None = None
    data: bytes = b""
    mode: int = 0o644


@dataclass
class Tree:
    """A file system being composed: paths without a leading slash."""

    files: dict[str, Content] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    directories: dict[str, int] = field(default_factory=dict)

    def add_folder(self, folder: Path, to: str, exclude: tuple[str, ...] = (), executable: bool = False) -> None:
        """Add everything below a folder, except what matches a pattern of paths below it."""
        for path in sorted(folder.rglob("*")):
            below = path.relative_to(folder).as_posix()
            if any(fnmatch.fnmatch(below, pattern) for pattern in exclude):
                continue
            target = str(PurePosixPath(to.strip("/")) / below) if to.strip("/") else below
            if path.is_symlink():
                self.links[target] = str(path.readlink())
            elif path.is_file():
                runs = executable or bool(path.stat().st_mode & stat.S_IXUSR)
                self.files[target] = Content(source=path, mode=0o755 if runs else 0o644)
            elif path.is_dir():
                self.directories.setdefault(target, 0o755)

    def resolve(self, path: str, below: Tree | None) -> str:
        """Return the path with links to directories followed: `/bin/x` is `usr/bin/x` where `/bin` is a link."""
        links = {**(below.links if below else {}), **self.links}
        done = PurePosixPath()
        for part in PurePosixPath(path.strip("/")).parts[:-1]:
            done = done / part
            target = links.get(str(done))
            if target is not None:
                done = PurePosixPath(target.lstrip("/")) if target.startswith("/") else done.parent / target
        return str(done / PurePosixPath(path).name)


@dataclass(frozen=True)
class Inputs:
    """What an image is composed of, by where it was had.

    Attributes:
        programs: program name to built file.
        debian_root: unpacked packages, when the image has a user land.
        trees: for each of the build's `module_files`, the folder in the module.
        certificates: the public authorities' file.
        layers: what lies above the user land, each a layer of its own.
        wheel_programs: path in the image to the program out of a wheel.
    """

    programs: Mapping[str, Path]
    debian_root: Path | None = None
    trees: tuple[Path, ...] = ()
    certificates: Path | None = None
    layers: tuple[Tree, ...] = ()
    wheel_programs: Mapping[str, Path] = field(default_factory=dict)


def compose(build: ImageBuild, inputs: Inputs, store: ArtifactStore, title: str, version: str) -> tuple[Blob, ...]:
    """Write an image into the store and return its blobs, the manifest first."""
    layers: list[tuple[Blob, str]] = []
    base: Tree | None = None
    if inputs.debian_root is not None and build.debian is not None:
        base = _user_land(inputs.debian_root, build.debian.exclude)
        layers.append(write_layer(base, store))
    layers += [write_layer(tree, store) for tree in inputs.layers]
    layers.append(write_layer(_own_files(build, inputs, base), store))
    config = store.put_bytes(_json(_config(build, [diff_id for _, diff_id in layers])), CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(config),
        "layers": [_descriptor(layer) for layer, _ in layers],
        "annotations": {"org.opencontainers.image.title": title, "org.opencontainers.image.version": version},
    }
    return (store.put_bytes(_json(manifest), MANIFEST), config, *(layer for layer, _ in layers))


def write_layer(tree: Tree, store: ArtifactStore) -> tuple[Blob, str]:
    """Write a layer and return its blob and the digest of its uncompressed bytes."""
    uncompressed = hashlib.sha256()
    with store.writer() as write:
        packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False).compressobj()
        sink = _TarSink(uncompressed, packer, write)
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT, bufsize=1 << 20) as archive:
            _fill(archive, tree)
        sink.close_layer()
    return Blob(write.blob.digest, write.blob.size, LAYER), "sha256:" + uncompressed.hexdigest()


def _fill(archive: tarfile.TarFile, tree: Tree) -> None:
    directories = dict(tree.directories)
    for path in [*tree.files, *tree.links, *tree.directories]:
        for parent in list(PurePosixPath(path).parents)[:-1]:
            directories.setdefault(str(parent), 0o755)
    for path in sorted({*directories, *tree.files, *tree.links}):
        entry = tarfile.TarInfo(path)
        if path in tree.links:
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, tree.links[path], 0o777
            archive.addfile(entry)
        elif path in tree.files:
            _add_file(archive, entry, tree.files[path])
        else:
            entry.type, entry.mode = tarfile.DIRTYPE, directories[path]
            archive.addfile(entry)


def _add_file(archive: tarfile.TarFile, entry: tarfile.TarInfo, content: Content) -> None:
    entry.mode = content.mode
    if content.source is None:
        entry.size = len(content.data)
        archive.addfile(entry, io.BytesIO(content.data))
        return
    entry.size = content.source.stat().st_size
    with content.source.open("rb") as stream:
        archive.addfile(entry, stream)


class _TarSink(io.RawIOBase):
    """Takes the tar stream, hashes it, compresses it and hands it on."""

    def __init__(self, uncompressed: Any, packer: Any, write: Any) -> None:
        self._uncompressed = uncompressed
        self._packer = packer
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, chunk: Any) -> int:
        data = bytes(chunk)
        self._uncompressed.update(data)
        self._write(self._packer.compress(data))
        return len(data)

    def close_layer(self) -> None:
        self._write(self._packer.flush())


def _user_land(root: Path, exclude: tuple[str, ...]) -> Tree:
    tree = Tree()
    tree.add_folder(root, "", (*_NEVER_IN_IMAGES, *exclude))
    # Packages' scripts would write these; the images need no other accounts.
    tree.files["etc/passwd"] = Content(
        data=b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
    )
    tree.files["etc/group"] = Content(data=b"root:x:0:\nnogroup:x:65534:\n")
    tree.directories.update({"tmp": 0o1777, "var/tmp": 0o1777, "run": 0o755, "proc": 0o755, "sys": 0o755, "dev": 0o755})
    return tree


def _own_files(build: ImageBuild, inputs: Inputs, base: Tree | None) -> Tree:
    tree = Tree()
    for directory in build.directories:
        tree.directories[directory.strip("/")] = 0o1777 if directory.strip("/") == "tmp" else 0o755
    for module_files, folder in zip(build.module_files, inputs.trees, strict=True):
        if folder.is_file():
            tree.files[tree.resolve(module_files.to, base)] = Content(
                folder, mode=0o755 if module_files.executable else 0o644
            )
        else:
            tree.add_folder(folder, module_files.to, module_files.exclude, module_files.executable)
    programs = {path: inputs.programs[name] for name, path in build.programs.items()}
    for path, program in {**programs, **inputs.wheel_programs}.items():
        tree.files[tree.resolve(path, base)] = Content(source=program, mode=0o755)
    for path, target in build.links.items():
        tree.links[tree.resolve(path, base)] = target
    if build.ca_certificates and inputs.certificates is not None:
        tree.files["etc/ssl/certs/ca-certificates.crt"] = Content(source=inputs.certificates)
    return tree


def _config(build: ImageBuild, diff_ids: list[str]) -> dict[str, Any]:
    environment = [_SEARCH_PATH, *(_OF_PYTHON if build.python is not None else ())]
    settings: dict[str, Any] = {"Env": environment, "Entrypoint": list(build.entrypoint)}
    if build.user is not None:
        settings["User"] = build.user
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def _descriptor(blob: Blob) -> dict[str, Any]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
