"""What a file of a model is, by its name and by its first bytes, and what may be carried.

What is carried is what can be read without running any of it. Everything else is refused, above all what looks
like one of these and is something else.
"""

from __future__ import annotations

import enum
import pickletools
import re
import struct
from pathlib import PurePosixPath

from installer.engine.models import is_licence

# Enough for every mark below; the last one is that of tar.
HEAD = 512


class Form(enum.Enum):
    """How a file is read before it is carried."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"
    ONNX = "onnx"
    JSON = "json"
    TOKENS = "model"
    TEXT = "text"


class Unfit(ValueError):
    """A file cannot be carried.

    Attributes:
        message: what is wrong with it, as the rest of a sentence that begins with its name.
        cure: what to do.
    """

    def __init__(self, message: str, cure: str) -> None:
        self.message = message
        self.cure = cure
        super().__init__(message)


GET_IT_AGAIN = "Get the file again, and compare its digest with what its maker publishes."
CONVERT = "Convert the weights to safetensors or GGUF where the file came from, and take it out of the folder."
TAKE_OUT = "Take it out of the folder."

_NOTICE = re.compile(r"notice(\.\w+)?", re.IGNORECASE)
_FORMS = {
    ".safetensors": Form.SAFETENSORS, ".gguf": Form.GGUF, ".onnx": Form.ONNX, ".json": Form.JSON,
    ".model": Form.TOKENS, ".txt": Form.TEXT, ".jinja": Form.TEXT, ".md": Form.TEXT,
}  # fmt: skip
_CARRIED = "safetensors, GGUF, ONNX, json, txt, model, jinja, md and licences"

_PICKLES = frozenset({".bin", ".ckpt", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pt2", ".pth"})
_CODE = frozenset({".dll", ".dylib", ".ipynb", ".js", ".lua", ".pl", ".py", ".pyc", ".pyd", ".pyw", ".sh", ".so"})
_KERAS = frozenset({".h5", ".hdf5", ".keras"})
_ARRAYS = frozenset({".npy", ".npz"})

_REFUSED = _PICKLES | _CODE | _KERAS | _ARRAYS

_PICKLE = "is a pickle, which runs whatever code it names when it is loaded."
_KERAS_FILE = "is a Keras file, whose Lambda layers run code when it is loaded."
_MARKS = (
    (b"\x89HDF\r\n\x1a\n", "is HDF5, in which Keras' Lambda layers run code when it is loaded."),
    (b"\x7fELF", "is a program or a library."),
    (b"MZ", "is a program or a library."),
    (b"\xcf\xfa\xed\xfe", "is a program or a library."),
    (b"#!", "is a script."),
    (b"\x1f\x8b", "is compressed, so that nobody sees what it holds."),
    (b"BZh", "is compressed, so that nobody sees what it holds."),
    (b"\x28\xb5\x2f\xfd", "is compressed, so that nobody sees what it holds."),
    (b"\xfd7zXZ\x00", "is compressed, so that nobody sees what it holds."),
    (b"7z\xbc\xaf\x27\x1c", "is compressed, so that nobody sees what it holds."),
)
# Objects among an array's types are pickled.
_OBJECTS = re.compile(rb"'\|?O\d*'")
_OPCODES = frozenset(ord(opcode.code) for opcode in pickletools.opcodes)
# The second byte of what Python 3 compiled.
_COMPILED = frozenset(b"\x0c\x0d\x0e")


def form_of(path: str) -> Form | None:
    """Return how a file is read, by its name; None when such a file is not carried."""
    name = PurePosixPath(path).name
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _REFUSED:
        return None
    return Form.TEXT if is_licence(name) or _NOTICE.fullmatch(name) else _FORMS.get(suffix)


def refusal(path: str, head: bytes) -> Unfit:
    """Return why a file whose name is none of those carried is refused."""
    suffix = PurePosixPath(path).suffix.lower()
    if (found := danger(head)) is not None:
        return found
    if suffix in _PICKLES:
        return Unfit("has the name of a pickle, which runs whatever code it names when it is loaded.", CONVERT)
    if suffix in _CODE:
        return Unfit("is code, which a model must not bring.", f"{TAKE_OUT} The engine has the model's architecture.")
    if suffix in _KERAS:
        return Unfit(_KERAS_FILE, CONVERT)
    if suffix in _ARRAYS:
        return Unfit("is an array of NumPy's, which engines do not read.", CONVERT)
    return Unfit(f"is none of the formats that are carried: {_CARRIED}.", TAKE_OUT)


def danger(head: bytes) -> Unfit | None:
    """Return what first bytes betray, whatever the file's name; None for what may be harmless."""
    if _is_pickle(head):
        return Unfit(_PICKLE, CONVERT)
    if head.startswith(b"PK\x03\x04"):
        return _archive(head)
    if head.startswith(b"\x93NUMPY"):
        objects = _OBJECTS.search(head) is not None
        kind = "with objects, which are pickles and run code when it is loaded." if objects else "that no engine reads."
        return Unfit(f"is an array of NumPy's {kind}", CONVERT)
    if head[257:262] == b"ustar":
        return Unfit("is a tar archive.", "Unpack it, and take the archive out of the folder.")
    if head[2:4] == b"\r\n" and head[1] in _COMPILED:
        return Unfit("is compiled Python.", TAKE_OUT)
    for mark, message in _MARKS:
        if head.startswith(mark):
            return Unfit(message, CONVERT if b"HDF" in mark else TAKE_OUT)
    return None


def _is_pickle(head: bytes) -> bool:
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5 and head[2] in _OPCODES


def _archive(head: bytes) -> Unfit:
    """Return what a zip archive is, by the name of its first member."""
    length = struct.unpack_from("<H", head, 26)[0] if len(head) >= 30 else 0
    member = head[30 : 30 + length]
    if member.endswith((b"data.pkl", b"/version", b"/byteorder", b".format_version")):
        return Unfit("is a PyTorch archive with a pickle in it, which runs code when it is loaded.", CONVERT)
    if member.endswith((b"config.json", b"metadata.json")):
        return Unfit(_KERAS_FILE, CONVERT)
    if member.endswith(b".npy"):
        return Unfit("is an archive of NumPy's, which no engine reads.", CONVERT)
    return Unfit("is a zip archive, so that nobody sees what it holds.", TAKE_OUT)
