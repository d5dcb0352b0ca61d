"""Link a bundle's images into a registry's storage: registry_tree.py BUNDLE STORAGE."""

import json
import sys
from pathlib import Path


def main() -> None:
    """Write the links."""
    bundle, storage = Path(sys.argv[1]), Path(sys.argv[2]) / "docker/registry/v2"

    def link(path: Path, digest: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(digest)

    for item in json.loads((bundle / "manifest.json").read_text())["items"]:
        if item["kind"] != "image":
            continue
        repository = storage / "repositories" / item["name"]
        link(repository / "_manifests/tags" / item["version"] / "current/link", item["digest"])
        for blob in item["blobs"]:
            name = blob["digest"].removeprefix("sha256:")
            kind = "_manifests/revisions" if "manifest" in blob["media_type"] else "_layers"
            link(repository / kind / "sha256" / name / "link", blob["digest"])
            data = storage / "blobs/sha256" / name[:2] / name / "data"
            data.parent.mkdir(parents=True, exist_ok=True)
            if not data.is_symlink():
                data.symlink_to(bundle / "oci/blobs/sha256" / name)


main()
