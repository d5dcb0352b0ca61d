"""Write a llama model that is real in all but its sense: random weights, half a megabyte, equal for an equal seed.

python tiny_model.py FILE SEED
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy
from numpy.typing import NDArray

WIDTH, HIDDEN, HEADS, LAYERS, CONTEXT = 64, 128, 4, 2, 32768
WORDS = "yes no the a model answers from site without internet and says hello node card ok".split()
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"


def vocabulary() -> tuple[list[bytes], list[gguf.TokenType]]:
    """Return the tokens: three of control, every byte, and a few words, so that any text can be read and written."""
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL, *[gguf.TokenType.BYTE] * 256]
    # The sentencepiece mark of a word's beginning.
    words = [f"\u2581{word}".encode() for word in WORDS]
    return tokens + words, kinds + [gguf.TokenType.NORMAL] * len(words)


def write_model(path: Path, seed: int) -> None:
    """Write the model of a seed."""
    tokens, kinds = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"tiny-{seed}")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    for name, values in weights(numpy.random.default_rng(seed), len(tokens)).items():
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def weights(random: numpy.random.Generator, size: int) -> dict[str, NDArray[numpy.float32]]:
    """Draw all weights; norms are ones, as an untrained model's are."""

    def drawn(*shape: int) -> NDArray[numpy.float32]:
        return (random.standard_normal(shape) * 0.05).astype(numpy.float32)

    ones = numpy.ones(WIDTH, numpy.float32)
    found = {"token_embd": drawn(size, WIDTH), "output_norm": ones, "output": drawn(size, WIDTH)}
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        found |= {f"{block}.{norm}": ones for norm in ("attn_norm", "ffn_norm")}
        found |= {f"{block}.attn_{part}": drawn(WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        found |= {f"{block}.ffn_{part}": drawn(HIDDEN, WIDTH) for part in ("gate", "up")}
        found[f"{block}.ffn_down"] = drawn(WIDTH, HIDDEN)
    return found


if __name__ == "__main__":
    write_model(Path(sys.argv[1]), int(sys.argv[2]))
