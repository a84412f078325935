"""Every vector through the library, and the vectors themselves: whole, known, and made anew alike."""

from __future__ import annotations

import pytest

from tests.vectors import library
from tests.vectors.vector import Vector, load_all


@pytest.mark.parametrize("vector", load_all(), ids=lambda vector: vector.name)
def test_the_library_says_what_the_vector_says(vector: Vector) -> None:
    found = library.outcome(vector)
    assert {key: found.get(key) for key in vector.outcome} == vector.outcome
