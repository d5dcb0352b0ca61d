"""Helm charts packed from a module's files, the same bytes on every machine."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from installer.adapters.sources.errors import SourceUnavailable
from installer.model.artifact import ChartSpec

_DEFINITION = "CustomResourceDefinition"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MEDIA_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class ChartUnavailable(SourceUnavailable):
    """A chart or its version cannot be had."""


def pack(spec: ChartSpec, source: Path) -> bytes:
    """Return the archive of a chart that is made of a module's files.

    Raises:
        ChartUnavailable: they are no such chart, or no definitions.
    """
    assert spec.build is not None  # the caller chose this by it
    if spec.is_made:
        return pack_definitions(source, spec.name, spec.version)
    return pack_chart(source, spec.name, spec.version, spec.build.unreleased)


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
    files = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    if unreleased:
        stamped = {**described, "version": version, "appVersion": version}
        files[Path("Chart.yaml")] = yaml.safe_dump(stamped).encode()
    return _packed(name, {path.as_posix(): content for path, content in files.items()})


def pack_definitions(source: Path, name: str, version: str) -> bytes:
    """Return a chart of custom resource definitions, the same bytes on every machine.

    Each is a line of its `crds/`, which Helm shows as it is, and has the chart's name as a label, by which it is found
    when it shall go.

    Args:
        source: a file, or a folder whose files are read; what is no definition in them is left out.

    Raises:
        ChartUnavailable: there is no definition.
    """
    paths = sorted(path for path in source.rglob("*.y*ml")) if source.is_dir() else [source]
    documents = [document for path in paths for document in yaml.load_all(path.read_text(), _Loader)]
    found = [_labelled(document, name) for document in documents if document and document.get("kind") == _DEFINITION]
    if not found:
        raise ChartUnavailable(
            f"{source.name} holds no custom resource definition for the chart {name} {version}.",
            hint="Correct the `path` of the component's chart.",
        )
    text = "".join(f"---\n{json.dumps(entry, sort_keys=True, separators=(',', ':'))}\n" for entry in found)
    described = {"apiVersion": "v2", "name": name, "version": version, "appVersion": version}
    return _packed(name, {"Chart.yaml": yaml.safe_dump(described).encode(), "crds/definitions.yaml": text.encode()})


def _labelled(definition: dict[str, Any], name: str) -> dict[str, Any]:
    metadata = definition["metadata"]
    labels = {**(metadata.get("labels") or {}), "app.kubernetes.io/name": name}
    return {**definition, "metadata": {**metadata, "labels": labels}}


def _packed(name: str, files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
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
