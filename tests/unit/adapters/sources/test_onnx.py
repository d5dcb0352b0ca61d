"""An ONNX file is carried when all it runs is the engine's, and all its weights are in it."""

from __future__ import annotations

import io

import pytest

from installer.adapters.sources.model_formats import Unfit
from installer.adapters.sources.onnx import read_onnx
from tests.models import message, onnx_of

ADD = message((1, b"x"), (4, b"Add"))


def inner(node: bytes) -> bytes:
    """Return a node with a graph of its own."""
    return message((4, b"If"), (5, message((6, message((1, node))))))


def nested(depth: int) -> bytes:
    node = ADD
    for _ in range(depth):
        node = inner(node)
    return node


@pytest.mark.parametrize(
    "content",
    [
        onnx_of(ADD, nested(3)),
        onnx_of(message((4, b"FusedMatMul"), (7, b"com.microsoft"))),
        onnx_of(message((4, b"Mine"), (7, b"own")), functions=(message((1, b"Mine"), (10, b"own")),)),
    ],
    ids=["ONNX's own operators", "operators of the usual engine", "functions that the model brings"],
)
def test_a_model_of_known_operators_is_taken(content: bytes) -> None:
    assert read_onnx(io.BytesIO(content), len(content)).form == "ONNX"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (onnx_of(message((4, b"PyOp"))), "has the operator PyOp, which runs Python"),
        (onnx_of(message((4, b"PythonOp"), (7, b"com.microsoft"))), "has the operator PythonOp"),
        (onnx_of(inner(message((4, b"PyOp")))), "has the operator PyOp"),
        (onnx_of(message((4, b"X"), (7, b"ai.onnx.contrib"))), "operators of 'ai.onnx.contrib', which a library"),
        (onnx_of(ADD, domain=b"ai.onnx.contrib"), "operators of 'ai.onnx.contrib'"),
        (onnx_of(ADD, functions=(message((7, message((4, b"PyOp")))),)), "has the operator PyOp"),
        (onnx_of(ADD, initializer=message((13, b"weights"), (14, 1))), "keeps weights in a file beside it"),
        (onnx_of(message((4, b"C"), (5, message((5, message((14, 1)))))),), "keeps weights in a file beside it"),
        (onnx_of(nested(20)), "graphs within graphs"),
        (onnx_of(message((4, b"x" * 2000))), "has a name of 2000 bytes"),
        (onnx_of(ADD)[:-1], "is no ONNX, or is cut short"),
        (message((1, 10)), "is no ONNX: it has no graph"),
        (b"\x0b\x0c", "is no ONNX: it has a field of the kind 3"),
        (b"\x80" * 20, "is no ONNX, or is cut short"),
    ],
)  # fmt: skip
def test_what_runs_code_or_lies_elsewhere_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        read_onnx(io.BytesIO(content), len(content))

    assert said in caught.value.message
    assert caught.value.cure
