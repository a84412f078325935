"""No link allows what the link above it does not let others have, and no door opens beyond a chain.

The reference is written as sets (reference.py). Random chains first; then a universe so small that
every chain in it is tried.
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from tests.core.cast import LOCK, NOW, SITE
from tests.properties.choices import (
    DOORS,
    FACTORS,
    MANY,
    PARTS,
    PEOPLE,
    QUICK,
    ROOT_OF_SITE,
    STALE,
    THOROUGH,
    Choices,
    Held,
    chain,
    first_link,
    link_below,
    strings,
)
from tests.properties.reference import (
    FOREVER,
    LONDON,
    allowed,
    instants,
    minutes,
    widenings,
)

from mortice.core.chain import narrower
from mortice.core.commands import Command
from mortice.core.decision import Ask, Facts, Tally, decide
from mortice.core.errors import Untrusted
from mortice.core.freshness import Staple
from mortice.core.grant import Grant, Rights
from mortice.core.keys import SoftwareKey
from mortice.core.revocation import NOTHING_REVOKED
from mortice.core.site import Place
from mortice.core.stages import Factors, Granted, Instant, TimeState, Verified

SIZE = 96  # bytes of choices: a chain of four links takes about eighty
COMMANDS = {Command.UNLOCK: Rights.UNLOCK, Command.LOCK: Rights.LOCK}


def accepted(held: Held) -> Verified | None:
    try:
        return held.verified()
    except Untrusted:
        return None


def check_narrowing(drawn: bytes) -> None:
    held = chain(Choices(drawn))
    if accepted(held) is None:
        return
    for above, below in zip(held.links, held.links[1:], strict=False):
        assert widenings(above, below) == []


@QUICK
@given(strings(SIZE))
def test_a_chain_that_is_accepted_is_narrower_in_every_dimension(drawn: bytes) -> None:
    check_narrowing(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@THOROUGH
@given(strings(SIZE))
def test_a_hundred_thousand_chains_are_narrower_in_every_dimension(
    part: int, drawn: bytes) -> None:
    check_narrowing(drawn)


# Which dimension each check of spec/grant.md, section 6, is about.
DIMENSIONS = {
    "C7": {"levels"}, "C8": {"doors"}, "C9": {"use", "hand on"}, "C12": {"life", "lives"},
    "C14": {"shown"}, "C15": {"ages"}, "C16": {"nth"}, "C17": {"keys"}}


@QUICK
@given(strings(SIZE))
def test_a_link_that_is_refused_as_too_wide_claims_a_point_too_many(drawn: bytes) -> None:
    held = chain(Choices(drawn))
    for above, below in zip(held.links, held.links[1:], strict=False):
        problem = narrower(above, below)
        if problem is not None and problem[0] in DIMENSIONS:
            assert DIMENSIONS[problem[0]] & set(widenings(above, below)), problem
        elif problem is not None:
            assert claims_more_time(problem[0], above, below), problem


def claims_more_time(check: str, above: Grant, below: Grant) -> bool:
    """Start, end and hours each stand for themselves, and one that is absent is unlimited."""
    if check == "C13":
        assert above.hours is not None
        return below.hours is None or not minutes(below.hours) <= minutes(above.hours)
    if check == "C10":
        return below.nbf is None or below.nbf < (above.nbf or 0)
    return check == "C11" and (below.exp or FOREVER) > (above.exp or FOREVER)


# --- deciding -------------------------------------------------------------------------------------


def moment(choices: Choices, held: Held) -> tuple[Ask, Facts, Factors, int]:
    """What is asked, when, with which factors, how old a staple, after how many openings."""
    at = NOW if choices.number(2) else choices.one(instants(held.links))
    leaf = held.links[-1]
    door = choices.one(sorted(leaf.doors) if choices.number(4) else DOORS)
    command = choices.one(
        [known for known, right in COMMANDS.items() if right in leaf.use] or [*COMMANDS])
    shown = Factors.NONE
    for factor in choices.some(FACTORS) if choices.number(3) == 2 else FACTORS:
        shown |= factor
    age = choices.one([edge for bound in STALE if bound for edge in (bound, bound + 1)])
    used = choices.number(3)
    facts = Facts(
        Place(ROOT_OF_SITE, door, LOCK.public.id, LONDON),
        Instant(at, at, TimeState.SYNCED), NOTHING_REVOKED,
        Tally(uses={link.id: used for link in held.links}), Staple(leaf.id, at - age, None))
    return Ask(command), facts, shown, used


def by_the_sets(held: Held, ask: Ask, facts: Facts, shown: Factors, used: int) -> bool:
    """Whether the reference lets the last holder do this now."""
    *above, leaf = [allowed(link, [facts.now.at]) for link in held.links]
    assert facts.staple is not None
    age, right = facts.now.at - facts.staple.at, COMMANDS[ask.command]
    nth = used + 1 if ask.command is Command.UNLOCK else 1
    return (
        int(right) in leaf.use and all(int(right) in link.hand_on for link in above)
        and all(
            facts.place.door in link.doors and facts.now.at in link.when
            and frozenset(int(f) for f in FACTORS if f in shown) in link.shown
            and _within(age, link.ages) and _within(nth, link.nth) for link in (*above, leaf)))


def _within(number: int, points: frozenset[int]) -> bool:
    return number <= max(points)


def check_deciding(drawn: bytes) -> None:
    choices = Choices(drawn)
    held = chain(choices)
    verified = accepted(held)
    if verified is None:
        return
    ask, facts, shown, used = moment(choices, held)
    decision = decide(Verified(verified.links, shown), ask, facts)
    assert isinstance(decision, Granted) == by_the_sets(held, ask, facts, shown, used), decision


@QUICK
@given(strings(SIZE + 8))
def test_a_door_opens_exactly_where_the_sets_allow_it(drawn: bytes) -> None:
    check_deciding(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@MANY
@given(strings(SIZE + 8))
def test_twenty_thousand_decisions_are_those_of_the_sets(part: int, drawn: bytes) -> None:
    check_deciding(drawn)


# --- a universe small enough for every chain in it ------------------------------------------------

BOTH = (Rights.UNLOCK, Rights.LOCK)
SOME_DOORS = [frozenset(one) for one in ([DOORS[0]], [DOORS[1]], DOORS[:2])]
SOME_RIGHTS = [Rights.NONE, BOTH[0], BOTH[1], BOTH[0] | BOTH[1]]
TIMES = (NOW, NOW + 1, NOW + 2)
WINDOWS = [(start, end) for start in TIMES for end in TIMES if start <= end]  # both included
OPTIONS = [*product(SOME_DOORS, SOME_RIGHTS, WINDOWS)]
Option = tuple[frozenset[bytes], Rights, tuple[int, int]]
Points = frozenset[tuple[bytes, Rights, int]]


def points(option: Option) -> Points:
    """The doors, rights and times of one link, multiplied out."""
    doors, rights, (start, end) = option
    return frozenset(
        (door, right, at) for door in doors for right in BOTH if right in rights
        for at in TIMES if start <= at <= end)


def terms(option: Option, *, depth: int) -> dict[str, object]:
    """A link that has `option` to use, if it is the last one, or to hand on."""
    doors, rights, (start, end) = option
    mine = {"use": rights} if depth == 0 else {"use": Rights.NONE, "delegable": rights}
    return {"doors": doors, "nbf": start, "exp": end + 1, "depth": depth} | mine


def claims_too_much(above: Option, below: Option) -> bool:
    """Dimension by dimension, so that a link that claims nothing at all is judged as well."""
    (doors, rights, (start, end)), (doors_, rights_, (start_, end_)) = above, below
    return bool(doors_ - doors or rights_ & ~rights or start_ < start or end_ > end)


def test_every_pair_of_links_is_judged_as_the_sets_are() -> None:
    holder = PEOPLE[0].public
    for depth in (1, 2):
        for above, below in product(OPTIONS, OPTIONS):
            one = Grant(holder, site=SITE, **terms(above, depth=depth))
            other = Grant(holder, parent=bytes(16), **terms(below, depth=depth - 1))
            assert (narrower(one, other) is not None) == claims_too_much(above, below)
            if narrower(one, other) is None:
                assert points(below) <= points(above)


def opened(verified: Verified) -> Points:
    """Every point at which the door opens or locks with a key."""
    found = set()
    for door, command, at in product(DOORS[:2], COMMANDS, TIMES):
        facts = Facts(
            Place(ROOT_OF_SITE, door, LOCK.public.id, LONDON), Instant(at, at, TimeState.SYNCED),
            NOTHING_REVOKED)
        if isinstance(decide(verified, Ask(command), facts), Granted):
            found.add((door, COMMANDS[command], at))
    return frozenset(found)


def below(above: Held, option: Option, depth: int, person: SoftwareKey) -> Held:
    return link_below(above, terms(option, depth=depth), person)


def test_every_chain_of_up_to_three_links_opens_what_all_of_its_links_allow() -> None:
    """One link, two and three: each that the sets call narrower is signed, verified and tried."""
    chains = 0
    for first in OPTIONS:
        alone = first_link(terms(first, depth=0), PEOPLE[0])
        assert opened(alone.verified()) == points(first)
        root = first_link(terms(first, depth=2), PEOPLE[0])
        for second in OPTIONS:
            if claims_too_much(first, second):
                continue
            leaf = below(root, second, 0, PEOPLE[1])
            assert opened(leaf.verified()) == points(first) & points(second)
            middle = below(root, second, 1, PEOPLE[1])
            for third in OPTIONS:
                if not claims_too_much(second, third):
                    last = below(middle, third, 0, PEOPLE[2])
                    both = points(first) & points(second)
                    assert opened(last.verified()) == both & points(third)
                    chains += 1
    assert chains > 1000


