"""Encrypt a file of any size with a passphrase, so that whoever opens it notices every change."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

# What a file begins with: what it is, the salt of its key, and what its pieces' numbers stand behind.
_WHAT = b"platform-sealed/1\n"
_SALT_BYTES, _PREFIX_BYTES, _TAG_BYTES = 16, 7, 16
_PIECE = 1 << 20
# What a laptop does in a tenth of a second; the passphrase is long as well.
_SCRYPT_COST, _SCRYPT_BLOCK, _SCRYPT_PARALLEL = 2**15, 8, 1


class SealBroken(Exception):
    """A file cannot be opened: it was changed or cut off, is another one, or the passphrase is."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} cannot be opened: {why}.")


def key_of(passphrase: bytes, salt: bytes) -> bytes:
    """Return the key that a passphrase makes with a salt."""
    kdf = Scrypt(salt, length=32, n=_SCRYPT_COST, r=_SCRYPT_BLOCK, p=_SCRYPT_PARALLEL)
    return kdf.derive(passphrase)


class _Pieces:
    """The pieces of one file: each is encrypted with its number, and with whether it is the last one."""

    def __init__(self, passphrase: str, salt: bytes, prefix: bytes, label: str) -> None:
        self._cipher = AESGCM(key_of(passphrase.encode(), salt))
        self._prefix = prefix
        self._label = label.encode()
        self._number = 0

    def seal(self, piece: bytes, last: bool) -> bytes:
        return self._cipher.encrypt(self._next(last), piece, self._label)

    def unseal(self, piece: bytes, last: bool) -> bytes:
        return self._cipher.decrypt(self._next(last), piece, self._label)

    def _next(self, last: bool) -> bytes:
        self._number += 1
        return self._prefix + self._number.to_bytes(4, "big") + bytes([last])


class Sealer:
    """Takes bytes as a file does."""

    def __init__(self, stream: IO[bytes], passphrase: str, label: str) -> None:
        """Begin a file; who opens it must know the passphrase and the label."""
        salt, prefix = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_PREFIX_BYTES)
        self._stream = stream
        self._pieces = _Pieces(passphrase, salt, prefix, label)
        self._waiting = bytearray()
        stream.write(_WHAT + salt + prefix)

    def write(self, content: bytes | bytearray | memoryview, /) -> int:
        """Take bytes; a piece is written when it is known not to be the last."""
        self._waiting += content
        while len(self._waiting) > _PIECE:
            self._stream.write(self._pieces.seal(bytes(self._waiting[:_PIECE]), False))
            del self._waiting[:_PIECE]
        return len(content)

    def end(self) -> None:
        """Write what is left, as the last piece."""
        self._stream.write(self._pieces.seal(bytes(self._waiting), True))
        self._waiting.clear()


@contextlib.contextmanager
def sealing(path: str, passphrase: str, label: str) -> Iterator[Sealer]:
    """Write a sealed file, which is there when it is whole."""
    half = f"{path}.half"
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            sealer = Sealer(stream, passphrase, label)
            yield sealer
            sealer.end()
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(half, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half)
        raise


class Unsealer:
    """Gives the bytes of a sealed file, as a file does."""

    def __init__(self, stream: IO[bytes], passphrase: str, label: str, path: str) -> None:
        """Read from a file's begin.

        Raises:
            SealBroken: it is no sealed file.
        """
        begin = stream.read(len(_WHAT) + _SALT_BYTES + _PREFIX_BYTES)
        if not begin.startswith(_WHAT) or len(begin) < len(_WHAT) + _SALT_BYTES + _PREFIX_BYTES:
            raise SealBroken(path, "it is no file that the platform encrypted")
        salt, prefix = begin[len(_WHAT) : -_PREFIX_BYTES], begin[-_PREFIX_BYTES:]
        self._stream, self._path = stream, path
        self._pieces = _Pieces(passphrase, salt, prefix, label)
        self._ahead = stream.read(_PIECE + _TAG_BYTES)
        self._there = bytearray()
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        """Return bytes, fewer than asked for at the end alone.

        Raises:
            SealBroken: what comes next is not what was written.
        """
        while not self._ended and (size < 0 or len(self._there) < size):
            self._there += self._piece()
        taken = bytes(self._there if size < 0 else self._there[:size])
        del self._there[: len(taken)]
        return taken

    def _piece(self) -> bytes:
        piece, self._ahead = self._ahead, self._stream.read(_PIECE + _TAG_BYTES)
        self._ended = not self._ahead
        try:
            return self._pieces.unseal(piece, self._ended)
        except InvalidTag as error:
            why = "it was changed or cut off, belongs to another set, or was encrypted with another passphrase"
            raise SealBroken(self._path, why) from error


@contextlib.contextmanager
def unsealing(path: str, passphrase: str, label: str) -> Iterator[Unsealer]:
    """Open a sealed file.

    Raises:
        SealBroken: it is not what was sealed with that passphrase and label.
    """
    with open(path, "rb") as stream:
        yield Unsealer(stream, passphrase, label, path)
