"""A door's life at random, again and again: what must never happen does not happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.world import live

from mortice.core.log import Kind

SEEDS, STEPS = 5, 300
MANY_SEEDS, MANY_STEPS = 200, 1000
USUAL = {Kind.GRANTED, Kind.REFUSED, Kind.MOVED, Kind.STARTED, Kind.BOLT_SEEN}


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_nothing_that_must_not_happen_happens(tmp_path: Path, seed: int) -> None:
    world = await live(tmp_path / "lock", seed, STEPS)
    assert {entry.kind for entry in world.witness.log} >= USUAL, "and a good deal did"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS, MANY_SEEDS))
async def test_nothing_that_must_not_happen_happens_in_many_lives(
    tmp_path: Path, seed: int,
) -> None:
    world = await live(tmp_path / "lock", seed, MANY_STEPS)
    assert {entry.kind for entry in world.witness.log} >= USUAL
