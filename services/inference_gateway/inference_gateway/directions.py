"""Measure a vector by few numbers that show when vectors come to lie elsewhere: its length, and fixed directions.

A direction is a few coordinates, each with a sign: a very sparse random projection, which keeps what a full one does
and costs a tenth. They hang on nothing but the number of dimensions, so that gateways and years can be compared.
"""

from __future__ import annotations

import base64
import math
import struct
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter

DIRECTIONS = 4
_COORDINATES = 64
_NUMBERS = struct.Struct("<16I")
# Of a longer vector nothing is measured: the sum over it would cost more than all else.
MOST_DIMENSIONS = 4096

Vector = Sequence[float]
Picks = tuple[tuple[Callable[[Vector], Vector], Callable[[Vector], Vector]], ...]


def read_vector(found: object) -> Vector | None:
    """Return an engine's vector: numbers, or the base64 of them as 32-bit floats; None where it is neither."""
    if isinstance(found, list) and 0 < len(found) <= MOST_DIMENSIONS:
        return found
    if isinstance(found, str) and 0 < len(found) <= 6 * MOST_DIMENSIONS:
        numbers = array("f")
        numbers.frombytes(base64.b64decode(found, validate=True))
        return numbers
    return None


def measured(vector: Vector) -> tuple[float, tuple[float, ...]]:
    """Return a vector's length, and its cosines to the fixed directions.

    Cosines are multiplied by the root of the number of dimensions: those of vectors without a preference have a mean of
    0 and a variance of 1 then, however many dimensions there are. A vector of zeros has none.
    """
    length = math.hypot(*vector)
    if not 0 < length < math.inf:
        return length, ()
    scale = math.sqrt(len(vector) / _COORDINATES) / length
    return length, tuple(scale * (sum(plus(vector)) - sum(minus(vector))) for plus, minus in _picks(len(vector)))


@lru_cache(maxsize=16)
def _picks(dimensions: int) -> Picks:
    """Return for each direction what takes the coordinates that are added, and those that are taken away."""
    made = []
    for direction in range(DIRECTIONS):
        numbers: list[int] = []
        while len(numbers) < _COORDINATES:
            seed = b"%d/%d/%d" % (dimensions, direction, len(numbers))
            numbers += _NUMBERS.unpack(blake2b(seed).digest())
        # The highest bit is the sign. As many of one as of the other would be blind to what moves all coordinates.
        plus, minus = ([number % dimensions for number in numbers if number >> 31 == sign] for sign in (0, 1))
        made.append((itemgetter(*plus), itemgetter(*minus)))
    return tuple(made)
