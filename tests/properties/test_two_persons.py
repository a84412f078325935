"""Two people are two: no wealth of keys, and no passing them on, makes one person into a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.core.cast import LOCK, NOW
from tests.properties.choices import (
    DOORS,
    MANY,
    PARTS,
    PEOPLE,
    QUICK,
    ROOT_OF_SITE,
    Choices,
    Held,
    first_link,
    link_below,
    strings,
)
from tests.properties.reference import LONDON

from mortice.core.commands import Command
from mortice.core.decision import Ask, Facts, decide
from mortice.core.grant import Rights
from mortice.core.revocation import NOTHING_REVOKED
from mortice.core.site import Place
from mortice.core.stages import Factors, Granted, Instant, TimeState

SIZE = 16
FEW = PEOPLE[:3]  # so that chains often share a holder
TERMS = {"doors": frozenset(DOORS[:1]), "use": Rights.UNLOCK, "factors": Factors.PERSON}


def key_for_two(choices: Choices) -> Held:
    """A chain of one to three links that asks for two people, by few people."""
    more = [choices.one(FEW) for _ in range(choices.number(3))]
    passing = {"delegable": Rights.UNLOCK, "depth": 2}
    held = first_link(TERMS | passing, choices.one(FEW), about={1: str(choices.number(3))})
    for level, person in enumerate(more):
        depth = {"delegable": Rights.UNLOCK, "depth": 1} if level + 1 < len(more) else {}
        held = link_below(held, TERMS | depth, person)
    return held


def holders(held: Held) -> set[bytes]:
    return {link.holder.id for link in held.links}


def check_two(drawn: bytes) -> None:
    choices = Choices(drawn)
    one, other = key_for_two(choices), key_for_two(choices)
    facts = Facts(
        Place(ROOT_OF_SITE, DOORS[0], LOCK.public.id, LONDON),
        Instant(NOW, NOW, TimeState.SYNCED), NOTHING_REVOKED, second=other.verified())
    together = isinstance(decide(one.verified(), Ask(Command.UNLOCK), facts), Granted)
    two = one.links[0].id != other.links[0].id and not holders(one) & holders(other)
    assert together == two


@QUICK
@given(strings(SIZE))
def test_two_chains_are_two_persons_exactly_if_they_share_neither_root_nor_holder(
    drawn: bytes) -> None:
    check_two(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@MANY
@given(strings(SIZE))
def test_two_persons_twenty_thousand_times(part: int, drawn: bytes) -> None:
    check_two(drawn)
