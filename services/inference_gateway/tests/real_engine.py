"""Serve a model file by llama.cpp, until standard input ends. Prints the address.

python real_engine.py FILE NAME [embeddings]
"""

from __future__ import annotations

import os
import sys

import xllamacpp


def main(path: str, name: str, *rest: str) -> None:
    """Serve."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.model_alias = name
    parameters.n_ctx = 2 * 32768
    parameters.n_parallel = 2
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.n_threads_http = 4
    parameters.warmup = False
    parameters.port = 0
    parameters.endpoint_slots = True
    if "embeddings" in rest:
        parameters.embedding = True
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    # Its threads take seconds to end, and there is nothing to keep.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
