"""A llama model that is real in all but its sense: random weights, half a megabyte, equal for an equal seed.

With it a site knows in seconds whether what lies around models works, without a card and without a licence. The file
is GGUF, version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

WIDTH, HIDDEN, HEADS, LAYERS, CONTEXT = 64, 128, 4, 2, 32768
WORDS = "yes no the a model answers from site without internet and says hello node card ok".split()
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"

_UINT32, _INT32, _FLOAT32, _STRING, _ARRAY = 4, 5, 6, 8, 9
_UNKNOWN, _CONTROL, _NORMAL, _BYTE = 2, 3, 1, 6
_ALIGNMENT = 32
# How much louder words are than bytes.
_LOUD = 40.0


def write_model(path: Path, seed: int) -> None:
    """Write the model of a seed."""
    values, tensors = _values(seed), list(_tensors(Random(seed)))
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values)))
        for key, value in values.items():
            file.write(_string(key) + value)
        offset = 0
        for name, shape, weights in tensors:
            # Dimensions are written from the innermost outwards.
            dimensions = struct.pack(f"<{len(shape)}Q", *reversed(shape))
            file.write(_string(name) + struct.pack("<I", len(shape)) + dimensions + struct.pack("<IQ", 0, offset))
            offset += _aligned(len(weights) * weights.itemsize)
        file.write(bytes(-file.tell() % _ALIGNMENT))
        for _, _, weights in tensors:
            weights.tofile(file)
            file.write(bytes(-file.tell() % _ALIGNMENT))


def _vocabulary() -> list[tuple[bytes, int]]:
    """Return the tokens: three of control, every byte, and a few words, so that any text can be read and written."""
    control = [(b"<unk>", _UNKNOWN), (b"<s>", _CONTROL), (b"</s>", _CONTROL)]
    # The sentencepiece mark of a word's beginning.
    words = [(f"\u2581{word}".encode(), _NORMAL) for word in WORDS]
    return [*control, *((f"<0x{byte:02X}>".encode(), _BYTE) for byte in range(256)), *words]


def _values(seed: int) -> dict[str, bytes]:
    tokens = _vocabulary()
    return {
        "general.architecture": _text("llama"),
        "general.name": _text(f"tiny-{seed}"),
        "llama.context_length": _number(CONTEXT),
        "llama.embedding_length": _number(WIDTH),
        "llama.block_count": _number(LAYERS),
        "llama.feed_forward_length": _number(HIDDEN),
        "llama.attention.head_count": _number(HEADS),
        "llama.attention.head_count_kv": _number(HEADS),
        "llama.attention.layer_norm_rms_epsilon": struct.pack("<If", _FLOAT32, 1e-5),
        "llama.rope.dimension_count": _number(WIDTH // HEADS),
        "llama.vocab_size": _number(len(tokens)),
        "tokenizer.ggml.model": _text("llama"),
        "tokenizer.ggml.tokens": _list(_STRING, [_string(token) for token, _ in tokens]),
        "tokenizer.ggml.scores": _list(_FLOAT32, [struct.pack("<f", 0)] * len(tokens)),
        "tokenizer.ggml.token_type": _list(_INT32, [struct.pack("<i", kind) for _, kind in tokens]),
        "tokenizer.ggml.unknown_token_id": _number(0),
        "tokenizer.ggml.bos_token_id": _number(1),
        "tokenizer.ggml.eos_token_id": _number(2),
        "tokenizer.chat_template": _text(TEMPLATE),
    }


def _tensors(random: Random) -> Iterator[tuple[str, tuple[int, ...], array[float]]]:
    """Yield all weights; norms are ones, as an untrained model's are."""
    size = len(_vocabulary())

    def drawn(*shape: int) -> tuple[tuple[int, ...], array[float]]:
        count = shape[0] * shape[1]
        return shape, array("f", [random.gauss(0, 0.05) for _ in range(count)])

    ones = (WIDTH,), array("f", [1.0] * WIDTH)
    yield "token_embd.weight", *drawn(size, WIDTH)
    yield "output_norm.weight", *ones
    shape, output = drawn(size, WIDTH)
    # It answers in words: a byte alone may be no text, of which a stream and a whole answer make different things.
    words = WIDTH * (size - len(WORDS))
    yield "output.weight", shape, output[:words] + array("f", [_LOUD * weight for weight in output[words:]])
    for layer in range(LAYERS):
        yield f"blk.{layer}.attn_norm.weight", *ones
        yield f"blk.{layer}.ffn_norm.weight", *ones
        for part in ("q", "k", "v", "output"):
            yield f"blk.{layer}.attn_{part}.weight", *drawn(WIDTH, WIDTH)
        for part in ("gate", "up"):
            yield f"blk.{layer}.ffn_{part}.weight", *drawn(HIDDEN, WIDTH)
        yield f"blk.{layer}.ffn_down.weight", *drawn(WIDTH, HIDDEN)


def _aligned(size: int) -> int:
    return size + -size % _ALIGNMENT


def _string(text: str | bytes) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(content)) + content


def _text(text: str) -> bytes:
    return struct.pack("<I", _STRING) + _string(text)


def _number(number: int) -> bytes:
    return struct.pack("<II", _UINT32, number)


def _list(kind: int, items: Sequence[bytes]) -> bytes:
    return struct.pack("<IIQ", _ARRAY, kind, len(items)) + b"".join(items)
