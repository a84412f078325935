"""The door's state table: total, and never a comfortable word for what was not seen."""

from __future__ import annotations

from itertools import product

import pytest

from mortice.core.door import STATES, Bolt, DoorState, Leaf, Motor, Sight, state_of


def test_every_reading_has_exactly_one_state() -> None:
    assert set(STATES) == set(product(Bolt, Leaf))
    for bolt, leaf, motor in product(Bolt, Leaf, Motor):
        assert isinstance(state_of(Sight(bolt, leaf, motor)), DoorState)


def test_locked_is_a_bolt_seen_out_a_leaf_seen_closed_and_a_motor_at_rest() -> None:
    locked = [s for s in map(Sight, *zip(*product(Bolt, Leaf, Motor), strict=True))
              if state_of(s) is DoorState.LOCKED]
    assert locked == [Sight(Bolt.THROWN, Leaf.CLOSED, Motor.STILL)]


def test_unlocked_is_a_bolt_seen_in_and_a_leaf_seen_closed() -> None:
    unlocked = [pair for pair, state in STATES.items() if state is DoorState.UNLOCKED]
    assert unlocked == [(Bolt.DRAWN, Leaf.CLOSED)]


@pytest.mark.parametrize(("bolt", "leaf", "state"), [
    (Bolt.THROWN, Leaf.OPEN, DoorState.BOLT_OUT_DOOR_OPEN),
    (Bolt.THROWN, Leaf.UNKNOWN, DoorState.UNKNOWN),
    (Bolt.DRAWN, Leaf.OPEN, DoorState.OPEN),
    (Bolt.DRAWN, Leaf.UNKNOWN, DoorState.UNKNOWN),
    (Bolt.BETWEEN, Leaf.CLOSED, DoorState.JAMMED),
    (Bolt.BETWEEN, Leaf.OPEN, DoorState.JAMMED),
    (Bolt.BETWEEN, Leaf.UNKNOWN, DoorState.UNKNOWN),
    (Bolt.UNKNOWN, Leaf.CLOSED, DoorState.UNKNOWN),
    (Bolt.UNKNOWN, Leaf.OPEN, DoorState.OPEN),
    (Bolt.UNKNOWN, Leaf.UNKNOWN, DoorState.UNKNOWN),
])
def test_every_other_pair_says_what_was_seen(bolt: Bolt, leaf: Leaf, state: DoorState) -> None:
    assert state_of(Sight(bolt, leaf)) is state


@pytest.mark.parametrize(("motor", "state"), [
    (Motor.THROWING, DoorState.LOCKING), (Motor.DRAWING, DoorState.UNLOCKING),
    (Motor.STALLED, DoorState.JAMMED),
])
def test_a_motor_at_work_or_stalled_says_more_than_the_bolt(
    motor: Motor, state: DoorState,
) -> None:
    for bolt, leaf in product(Bolt, Leaf):
        assert state_of(Sight(bolt, leaf, motor)) is state


def test_a_sight_without_word_of_the_motor_is_of_one_at_rest() -> None:
    assert Sight(Bolt.THROWN, Leaf.CLOSED).motor is Motor.STILL
