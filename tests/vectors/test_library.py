"""Every vector through the library."""

from __future__ import annotations

import pytest
from tests.vectors import library
from tests.vectors.vector import Vector, load_all


def judged_by_the_library(vector: Vector) -> bool:
    """All but what depends on what a lock has on its door, or a home in its wallet, already."""
    elsewhere = (vector.reader, vector.expected["class"]) in {
        ("enrolment", "refused"), ("handover_text", "untrusted")}
    return vector.reader in library.READERS and not elsewhere


@pytest.mark.parametrize(
    "vector", [*filter(judged_by_the_library, load_all())], ids=lambda vector: vector.name)
def test_the_library_says_what_the_vector_says(vector: Vector) -> None:
    found = library.outcome(vector)
    assert {key: found.get(key) for key in vector.outcome} == vector.outcome
