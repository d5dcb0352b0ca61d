"""Copy Debian packages and what they need out of a bundle.

gather.py BUNDLE FOLDER PACKAGE... < INSTALLED
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Copy every package of the bundle that a wanted one leads to."""
    bundle, folder, wanted = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    items = {
        i["name"]: i for i in json.loads((bundle / "manifest.json").read_text())["items"] if i["kind"] == "package"
    }
    taken = set(sys.stdin.read().split())
    while wanted:
        name = wanted.pop()
        if name in taken or name not in items:
            continue
        taken.add(name)
        blob = bundle / "oci/blobs/sha256" / items[name]["digest"].removeprefix("sha256:")
        shutil.copy(blob, folder / f"{name}.deb")
        fields = subprocess.run(
            ["dpkg-deb", "-f", str(blob), "Depends", "Pre-Depends"], capture_output=True, text=True, check=True
        )
        wanted += re.findall(r"[a-z0-9][a-z0-9+.-]+", re.sub(r"\([^)]*\)|Pre-Depends:|Depends:", "", fields.stdout))


main()
