"""Print a fact of the first item of a kind and name: fact.py MANIFEST FACT KIND NAME."""

import json
import sys
from pathlib import Path


def main() -> None:
    """Look it up."""
    manifest, fact, kind, name = sys.argv[1:]
    items = json.loads(Path(manifest).read_text())["items"]
    print(next(item[fact] for item in items if (item["kind"], item["name"]) == (kind, name)))


if __name__ == "__main__":
    main()
