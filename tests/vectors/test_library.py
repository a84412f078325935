"""Every vector through the library."""

from __future__ import annotations

import pytest
from tests.vectors import library
from tests.vectors.vector import Vector, load_all


def judged_by_the_library(vector: Vector) -> bool:
    """All but what depends on what a lock has on its door already."""
    return vector.reader in library.READERS and not (
        vector.reader == "enrolment" and vector.expected["class"] == "refused")


@pytest.mark.parametrize(
    "vector", [*filter(judged_by_the_library, load_all())], ids=lambda vector: vector.name)
def test_the_library_says_what_the_vector_says(vector: Vector) -> None:
    found = library.outcome(vector)
    assert {key: found.get(key) for key in vector.outcome} == vector.outcome
