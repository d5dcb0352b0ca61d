"""Serve a model until SIGTERM, then until its answers have ended."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import xllamacpp

_LOOK_SECONDS = 0.2


def serve(options: argparse.Namespace) -> None:
    """Serve, and end the process: 0 when all answers ended, 1 when some did not in time, 2 for a file that is none."""
    if not options.model.is_file():
        sys.exit(f"ERROR There is no file {options.model}. Mount the model, or correct --model.")
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    signal.signal(signal.SIGINT, lambda *_: told.set())
    try:
        server = xllamacpp.Server(_parameters(options))
    except (RuntimeError, ValueError) as error:
        sys.exit(f"ERROR {options.model} cannot be served: {error}.")
    print(f"{options.alias} is served at {server.listening_address}.", flush=True)
    # Woken often enough that a signal which came between two waits is not slept over.
    while not told.wait(1):
        pass
    ended = drained(server.listening_address, options.drain_seconds)
    sys.stdout.flush()
    # Its threads take seconds to end, and there is nothing to keep.
    os._exit(0 if ended else 1)


def drained(address: str, seconds: float) -> bool:
    """Wait until no slot works any more, and return whether that came in time."""
    end = time.monotonic() + seconds
    while _is_busy(address):
        if time.monotonic() >= end:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _is_busy(address: str) -> bool:
    try:
        with urlopen(f"{address}/slots", timeout=5) as answer:
            return any(slot["is_processing"] for slot in json.load(answer))
    except HTTPError as error:
        # All threads of the server are taken: somebody is answered.
        return error.code == 503
    except (URLError, TimeoutError, OSError):
        return True


def _parameters(options: argparse.Namespace) -> xllamacpp.CommonParams:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.model)
    parameters.model_alias = {options.alias}
    parameters.hostnames = [options.host]
    parameters.port = options.port
    parameters.n_ctx = options.ctx_size
    parameters.n_parallel = options.parallel
    parameters.cpuparams.n_threads = options.threads
    parameters.cpuparams_batch.n_threads = options.threads
    parameters.n_threads_http = options.threads_http
    parameters.endpoint_metrics = options.metrics
    parameters.endpoint_slots = True
    parameters.warmup = False
    parameters.offline = True
    parameters.ui = False
    if options.embeddings:
        parameters.embedding = True
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return parameters
