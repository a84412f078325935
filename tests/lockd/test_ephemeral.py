"""Key pairs for conversations: each given out once, the next one made while nobody waits."""

from __future__ import annotations

import itertools

import pytest

from mortice.lockd.ephemeral import Ephemerals, StuckRandom


class Generator:
    """Counts what is drawn of it, and can stick."""

    def __init__(self) -> None:
        self.drawn = itertools.count(1)
        self.count = 0
        self.stuck = False

    def random(self, size: int) -> bytes:
        if not self.stuck:
            self.count = next(self.drawn)
        return self.count.to_bytes(size, "big")


def test_no_pair_is_given_out_twice() -> None:
    ephemerals = Ephemerals(Generator().random, list)
    given = set()
    for turn in range(20):
        if turn % 3:
            ephemerals.make_ready()
        given.add(ephemerals.take().public)
    assert len(given) == 20


def test_a_pair_made_ready_is_the_next_one_and_only_one_is_kept() -> None:
    generator = Generator()
    ephemerals = Ephemerals(generator.random, list)
    for _ in range(3):
        ephemerals.make_ready()
    assert generator.count == 1
    ephemerals.take()
    assert generator.count == 1
    ephemerals.take()
    assert generator.count == 2


def test_a_stuck_generator_is_told_of_once_and_again_after_it_has_recovered() -> None:
    generator, alarms = Generator(), list[str]()
    ephemerals = Ephemerals(generator.random, lambda: alarms.append("stuck"))
    ephemerals.make_ready()
    generator.stuck = True
    ephemerals.take()  # drawn while all was well
    for _ in range(3):
        ephemerals.make_ready()
        with pytest.raises(StuckRandom):
            ephemerals.take()
    assert alarms == ["stuck"]
    generator.stuck = False
    ephemerals.take()
    generator.stuck = True
    ephemerals.make_ready()
    assert alarms == ["stuck", "stuck"]
