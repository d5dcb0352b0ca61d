"""`python -m model_registry SETTINGS`: serve the registry."""

from __future__ import annotations

import argparse
from pathlib import Path

from model_registry.settings import read_settings


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="model_registry", description=__doc__)
    parser.add_argument("settings", type=Path, help="a JSON file; see the README")
    settings = read_settings(parser.parse_args().settings)
    # Its worker is another process, and the first one needs none of the libraries.
    from model_registry.serving import serve

    serve(settings)


if __name__ == "__main__":
    main()
