"""Every vector that a visitor can show, shown to a real lock over its socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.lockd.bent import BentLoop
from tests.vectors import daemon, scenes
from tests.vectors.vector import Vector, load_all

from mortice.core import limits

READERS = daemon.READERS | {"scene": scenes.play}


def shown_at_a_door(vector: Vector) -> bool:
    right = vector.expected["class"] == "accepted"
    return vector.reader in READERS and not (right and vector.reader in daemon.ONLY_WRONG)


@pytest.fixture(autouse=True)
def _cheap_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vectors of the slow hash are the library's; here it need not be slow."""
    monkeypatch.setattr(limits, "ARGON2_KIB", 8)
    monkeypatch.setattr(limits, "ARGON2_PASSES", 1)


@pytest.mark.parametrize(
    "vector", [*filter(shown_at_a_door, load_all())], ids=lambda vector: vector.name)
def test_a_lock_does_what_the_vector_says(vector: Vector, folder: Path) -> None:
    with asyncio.Runner(loop_factory=BentLoop) as runner:
        runner.run(READERS[vector.reader](vector, folder))
