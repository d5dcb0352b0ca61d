"""Helm charts packed from a module's folder, the same bytes on every machine."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from pathlib import Path

import yaml

from installer.adapters.sources.errors import SourceUnavailable

MEDIA_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class ChartUnavailable(SourceUnavailable):
    """A chart or its version cannot be had."""


def pack_chart(folder: Path, name: str, version: str, unreleased: str | None = None) -> bytes:
    """Return the chart archive of a folder, the same bytes on every machine.

    Args:
        unreleased: the version the folder has until upstream's release writes the real one into it.

    Raises:
        ChartUnavailable: the folder holds another chart or version.
    """
    described = yaml.safe_load((folder / "Chart.yaml").read_text())
    if (described.get("name"), str(described.get("version"))) != (name, unreleased or version):
        raise ChartUnavailable(
            f"The chart in {folder.name} is {described.get('name')} {described.get('version')}, not {name} {version}.",
            hint="Write the version it has into the component's `charts`.",
        )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = path.read_bytes()
            if unreleased and path == folder / "Chart.yaml":
                content = yaml.safe_dump({**described, "version": version, "appVersion": version}).encode()
            entry = tarfile.TarInfo(f"{name}/{path.relative_to(folder).as_posix()}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stored_gzip(buffer.getvalue())


def stored_gzip(content: bytes) -> bytes:
    """Return content in a gzip envelope without compressing it.

    Compressed bytes differ between zlib's versions; stored ones do not, and charts are small.
    """
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    blocks = []
    size = 0xFFFF
    for start in range(0, max(len(content), 1), size):
        block = content[start : start + size]
        last = start + size >= len(content)
        blocks.append(struct.pack("<BHH", int(last), len(block), len(block) ^ 0xFFFF) + block)
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return header + b"".join(blocks) + trailer
