"""Small models out of generated numbers: whole ones, and parts to make broken ones of."""

from __future__ import annotations

import importlib.util
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from installer.model.models import ModelEntry

PROJECT = Path(__file__).parents[1]
# Formats of GGUF's values.
UINT32, STRING, ARRAY, UINT64 = 4, 8, 9, 10


def entry_of(directory: Path, name: str = "letters", version: str = "1.0.0", **more: Any) -> ModelEntry:
    """Return what a list says of a model."""
    return ModelEntry(name, version, directory, **{"licence": "Apache-2.0", "where": "models.yml:3", **more})


def write_safetensors_model(folder: Path, weights: bytes | None = None) -> Path:
    """Write a model that lacks nothing, of eight parameters, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "LICENSE").write_text("You may.\n")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Letters\n")
    config = {"architectures": ["LettersForCausalLM"], "max_position_embeddings": 2048}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    (folder / "model.safetensors").write_bytes(safetensors_of() if weights is None else weights)
    return folder


def write_gguf_model(folder: Path, seed: int = 1) -> Path:
    """Write the tiny model that sites have, with a licence, and return its folder."""
    place = PROJECT / "services/llamacpp_server/llamacpp_server/tiny_model.py"
    spec = importlib.util.spec_from_file_location("tiny_model", place)
    assert spec is not None and spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    folder.mkdir(parents=True, exist_ok=True)
    tiny.write_model(folder / "tiny.gguf", seed)
    (folder / "LICENSE").write_text("You may.\n")
    return folder


def tensor(begin: int = 0, shape: tuple[int, ...] = (2, 4), dtype: str = "BF16", size: int = 2) -> dict[str, Any]:
    """Return what a header says of some weights."""
    count = 1
    for length in shape:
        count *= length
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, begin + count * size]}


def safetensors_of(header: Mapping[str, Any] | bytes | None = None, weights: int = 16) -> bytes:
    """Return a file of a header and as many bytes of weights."""
    if header is None:
        header = {"__metadata__": {"format": "pt"}, "layer.weight": tensor()}
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + bytes(weights)


def gguf_text(text: str) -> bytes:
    """Return a text as GGUF writes it."""
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(value: str | int | list[str]) -> bytes:
    """Return a value with its kind."""
    if isinstance(value, str):
        return struct.pack("<I", STRING) + gguf_text(value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    return struct.pack("<IIQ", ARRAY, STRING, len(value)) + b"".join(map(gguf_text, value))


def gguf_tensor(name: str, shape: tuple[int, ...] = (64,), kind: int = 0, begin: int = 0) -> bytes:
    """Return what a header says of some weights."""
    return gguf_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, begin)


GGUF_VALUES: Mapping[str, str | int | list[str]] = {
    "general.architecture": "llama",
    "general.license": "mit",
    "llama.context_length": 4096,
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": ["a", "b"],
    "tokenizer.chat_template": "{{ messages }}",
}


def gguf_of(
    values: Mapping[str, str | int | list[str]] = GGUF_VALUES,
    tensors: tuple[bytes, ...] = (gguf_tensor("blk.0.weight"),),
    weights: int = 256,
    start: bytes = b"GGUF" + struct.pack("<I", 3),
    counts: tuple[int, int] | None = None,
) -> bytes:
    """Return a file of a header and as many bytes of weights.

    Args:
        counts: how many tensors and keys it claims to have.
    """
    pairs = [gguf_text(key) + gguf_value(value) for key, value in values.items()]
    content = start + struct.pack("<QQ", *(counts or (len(tensors), len(pairs)))) + b"".join([*pairs, *tensors])
    return content + bytes(-len(content) % 32) + bytes(weights)


def message(*fields: tuple[int, bytes | int]) -> bytes:
    """Return a message of protocol buffers, of texts, messages and small numbers."""
    content = b""
    for number, value in fields:
        if isinstance(value, int):
            content += varint(number << 3) + varint(value)
        else:
            content += varint(number << 3 | 2) + varint(len(value)) + value
    return content


def varint(number: int) -> bytes:
    """Return a number as protocol buffers write it."""
    content = b""
    while number > 0x7F:
        content += bytes([number & 0x7F | 0x80])
        number >>= 7
    return content + bytes([number])


def onnx_of(*nodes: bytes, initializer: bytes = b"", domain: bytes = b"", functions: tuple[bytes, ...] = ()) -> bytes:
    """Return a model of these nodes and this one weight."""
    graph = message(*((1, node) for node in nodes), (5, initializer or message((1, 2), (9, bytes(8)))))
    sets = message((1, domain), (2, 21))
    return message((1, 10), (8, sets), (7, graph), *((25, function) for function in functions))
