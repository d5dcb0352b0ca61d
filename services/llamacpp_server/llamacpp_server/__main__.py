"""`python -m llamacpp_server`: serve a model file, or write the tiny one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from llamacpp_server.tiny_model import write_model


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command: without one of its own it serves, as llama.cpp's program does."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["write-tiny-model"]:
        options = _writer().parse_args(given[1:])
        write_model(options.file, options.seed)
        return
    # The library is a hundred megabytes, of which who writes a file needs none.
    from llamacpp_server.serving import serve

    serve(_server().parse_args(given))


def _writer() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llamacpp_server write-tiny-model", description="Write the tiny model.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="equal seeds give equal files; the answers tell them apart")
    return parser


def _server() -> argparse.ArgumentParser:
    """Return the parser of what llama.cpp's own server is told by the same names."""
    parser = argparse.ArgumentParser(prog="llamacpp_server", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--alias", required=True, help="the model's name in requests and answers")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--ctx-size", type=int, default=4096, help="tokens of all slots together")
    parser.add_argument("--parallel", type=int, default=1, help="slots: requests that are answered side by side")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--threads-http", type=int, default=8)
    parser.add_argument("--metrics", action="store_true", help="answer at /metrics")
    parser.add_argument("--embeddings", action="store_true", help="answer embeddings alone")
    parser.add_argument("--drain-seconds", type=float, default=60, help="on SIGTERM, for answers that still run")
    return parser


if __name__ == "__main__":
    main()
