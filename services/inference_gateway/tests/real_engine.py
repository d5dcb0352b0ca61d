"""Serve a model file by llama.cpp, until standard input ends. Prints the address.

    python real_engine.py FILE NAME [embeddings]
"""

from __future__ import annotations

import sys

import xllamacpp


def main(path: str, name: str, *rest: str) -> None:
    """Serve."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.model_alias = name
    parameters.n_ctx = 2048
    parameters.n_parallel = 2
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.n_threads_http = 4
    parameters.warmup = False
    parameters.port = 0
    parameters.hostnames = ["127.0.0.1"] if isinstance(parameters.hostnames, list) else parameters.hostnames
    if "embeddings" in rest:
        parameters.embedding = True
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
