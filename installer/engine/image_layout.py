"""The files that make a bundle's blobs an OCI image layout."""

from __future__ import annotations

import json
from collections.abc import Iterable

from installer.model.artifact import Kind, LockedItem


def image_layout(items: Iterable[LockedItem]) -> dict[str, bytes]:
    """Return the files that make `oci/` an OCI image layout any tool can read."""
    entries = [
        {
            "mediaType": item.blobs[0].media_type,
            "digest": item.digest,
            "size": item.blobs[0].size,
            "annotations": {"org.opencontainers.image.ref.name": f"{item.name}:{item.version}"},
        }
        for item in items
        if item.kind is Kind.IMAGE
    ]
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    return {
        "oci/oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "oci/index.json": json.dumps(index, sort_keys=True, separators=(",", ":")).encode(),
    }
