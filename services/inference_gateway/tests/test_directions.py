"""A vector's length and directions show where vectors lie, the same on every gateway."""

from __future__ import annotations

import base64
import math
import random
import struct

import pytest
from inference_gateway.directions import MOST_DIMENSIONS, measured, read_vector


def test_a_vector_means_the_same_as_numbers_and_as_base64() -> None:
    numbers = [0.5, -0.25, 0.125] * 50
    packed = base64.b64encode(struct.pack("<150f", *numbers)).decode()

    one, other = read_vector(numbers), read_vector(packed)

    assert one is not None and other is not None
    assert measured(one) == measured(other)


def test_cosines_of_vectors_without_a_preference_are_spread_as_by_chance() -> None:
    chance = random.Random(7)
    found = [measured([chance.gauss(0, 1) for _ in range(768)])[1] for _ in range(500)]

    for direction in zip(*found, strict=True):
        mean = sum(direction) / len(direction)
        assert abs(mean) < 0.2
        assert 0.7 < sum((value - mean) ** 2 for value in direction) / len(direction) < 1.4


def test_cosines_show_vectors_that_come_to_lie_elsewhere_and_not_longer_ones() -> None:
    chance = random.Random(7)
    vector = [chance.gauss(0, 1) for _ in range(384)]
    elsewhere = [value + 1 for value in vector]

    assert measured([10 * value for value in vector])[1] == pytest.approx(measured(vector)[1])
    assert max(abs(a - b) for a, b in zip(measured(vector)[1], measured(elsewhere)[1], strict=True)) > 0.5


def test_directions_are_the_same_on_every_gateway_and_in_every_year() -> None:
    found = measured([math.sin(number) for number in range(1000)])[1]

    assert found == pytest.approx((0.4064962713, 0.901376644, 0.2491767634, -1.2244463353))


@pytest.mark.parametrize("vector", [[0.0] * 8, [math.nan] * 8, [math.inf] * 8])
def test_a_vector_without_a_direction_has_no_cosines(vector: list[float]) -> None:
    assert measured(vector)[1] == ()


def test_of_too_long_a_vector_nothing_is_measured() -> None:
    assert read_vector([0.5] * (MOST_DIMENSIONS + 1)) is None
