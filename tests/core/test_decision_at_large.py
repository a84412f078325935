"""The decision at large: against a plainer writing of its rules, along chains, and on anything.

Links here are made by the thousand and never signed; what a signature and narrowing keep out
(tests/core/test_chain.py) is kept out by hand.
"""

# ruff: noqa: ANN401 — a builder takes any field of what it builds
from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.cast import (
    AGENT,
    DAY,
    ENGINEER,
    FIRM,
    FRONT,
    HOUR,
    LOCK,
    METER,
    NOW,
    TENANT,
    facts,
)

from mortice.core.chain import narrower
from mortice.core.commands import COMMANDS, Command
from mortice.core.decision import Ask, Facts, Tally, decide, standing
from mortice.core.freshness import Staple
from mortice.core.grant import Credential, CredentialKind, Grant, KeyClass, Rights
from mortice.core.limits import TIME_MAX
from mortice.core.revocation import RevocationSet
from mortice.core.schedule import Window
from mortice.core.stages import Factors, Granted, Instant, Refused, TimeState, Verified

UNSURE, HOLDOVER, SYNCED = TimeState.UNSURE, TimeState.HOLDOVER, TimeState.SYNCED


# --- against a second, plainer writing of the same --------------------------------------------

KEYS = [AGENT.public, FIRM.public, ENGINEER.public, TENANT.public, LOCK.public]
WEDNESDAY_MORNING = (Window(4, 9 * 60, 12 * 60),)
ALL_WEEK = (Window(127, 0, 1440),)


def unsigned(number: int, **terms: Any) -> Grant:
    """A link that was never signed, with an id; for judging by the thousand."""
    name = hashlib.sha256(repr((number, terms)).encode()).digest()[:16]
    document: Any = SimpleNamespace(id=name)
    return Grant(KEYS[number], document=document, **terms)


MENU: dict[str, list[Any]] = {
    "doors": [frozenset({FRONT}), frozenset({FRONT, METER}), frozenset({METER})],
    "use": [Rights(n) for n in range(8)], "delegable": [Rights(n) for n in range(8)],
    "depth": [0, 1, 2], "nbf": [None, 0, NOW - 1, NOW, NOW + 1],
    "exp": [None, NOW, NOW + 1, NOW + DAY], "max_life": [None, DAY, 2 * DAY],
    "hours": [None, WEDNESDAY_MORNING, ALL_WEEK, (Window(2, 0, 1440),)],
    "factors": [Factors(n) for n in (0, 1, 2, 3, 16)], "max_staleness": [None, HOUR, DAY],
    "uses": [None, 1, 2], "quota": [None, 1, 2], "resident": [False, True],
    "klass": list(KeyClass),
}


def draw_link(chance: random.Random, number: int, like: Grant | None = None) -> Grant:
    """A link by chance; below another, one that differs from it in a few bounds."""
    if like is None:
        return unsigned(number, **{
            name: chance.choice(some[:2] if chance.random() < 0.7 else some)
            for name, some in MENU.items()})
    terms = {name: getattr(like, name) for name in MENU} | {
        "depth": max(0, like.depth - 1), "use": like.delegable, "resident": False}
    for name in chance.sample(sorted(set(MENU) - {"resident"}), chance.randrange(3)):
        terms[name] = chance.choice(MENU[name])  # only a first link is a resident's (G8)
    return unsigned(number, **terms)


def draw_facts(chance: random.Random, links: tuple[Grant, ...]) -> Facts:
    at = chance.choice([NOW - 1, NOW, NOW + 1, NOW + DAY])
    tally = Tally(
        uses={link.id: chance.randrange(3) for link in links},
        leaves={link.id: frozenset(chance.sample([b"a", b"b", links[-1].id], chance.randrange(3)))
                for link in links})
    named = chance.choice([b"nobody", chance.choice(links).id, chance.choice(links).holder.id])
    by = chance.choice([link.holder.id for link in links])
    revoked = RevocationSet(
        {named: frozenset({(by, chance.random() < 0.5)})} if chance.random() < 0.2 else {})
    state = chance.choice([SYNCED, SYNCED, HOLDOVER, UNSURE])
    return facts(
        at, state, floor=at - chance.randrange(2), tally=tally, revoked=revoked,
        door=chance.choice([FRONT, FRONT, METER]), log_full=chance.random() < 0.1,
        rolled_back=chance.random() < 0.1, power_low=chance.random() < 0.1,
        staple=Staple(links[-1].id, at - chance.choice([0, HOUR, DAY, DAY + 1]), None))


def plainly(links: tuple[Grant, ...], shown: Factors, command: Command, at: Facts) -> bool:
    """May it? Written again from the text of the rules, link by link, without order or reason."""
    leaf, now, right = links[-1], at.now, {1: 1, 2: 2, 4: 0}[int(command)]
    local = datetime.fromtimestamp(now.at, UTC)  # London is on Greenwich time in March
    minute = local.weekday() * 1440 + local.hour * 60 + local.minute
    above: list[bytes] = []
    for place, link in enumerate(links):
        last = place == len(links) - 1
        may = int(link.use) if last else int(link.delegable)
        begun = link.nbf is None or link.nbf <= now.at
        ended = link.exp is not None and link.exp <= now.at
        if now.state is UNSURE:
            times = [link.nbf, link.exp, link.hours, link.max_staleness]
            by_floor = link.resident and last and times[2:] == [None, None]
            if times != [None] * 4 and not by_floor:
                return False
            begun = link.nbf is None or link.nbf <= now.floor
            ended = link.exp is not None and link.exp <= now.floor
        in_hours = link.hours is None or any(
            w.days & 1 << day and day * 1440 + w.start <= minute < day * 1440 + w.end
            for w in link.hours for day in range(7))
        dead = any(
            over_all or signer in above
            for name in (link.id, link.holder.id)
            for signer, over_all in at.revoked.signers([name]).get(name, ()))
        above.append(link.holder.id)
        spent = link.uses is not None and at.tally.uses[link.id] >= link.uses and right == 1
        today = at.tally.leaves[link.id]
        full = (link.quota is not None and not last and leaf.id not in today
                and len(today) >= link.quota)
        counted = link.uses is not None or link.quota is not None or link.klass is KeyClass.FILE
        if (may & right != right or not begun or ended or not in_hours or dead or spent or full
                or (at.rolled_back and counted)):
            return False
    old = now.at - (at.staple.at if at.staple else 0)
    return (
        at.place.door in leaf.doors and int(leaf.factors) & ~int(shown) == 0
        and (leaf.max_staleness is None or old <= leaf.max_staleness)
        and not (at.power_low and right) and not (at.log_full and not leaf.resident))


def test_the_decision_is_that_of_a_plainer_writing_of_its_rules() -> None:
    chance, yes = random.Random(11), 0  # the same on every run
    for _ in range(20_000):
        links: tuple[Grant, ...] = (draw_link(chance, 0),)
        for number in range(1, chance.randrange(1, 4)):
            links = (*links, draw_link(chance, number, links[-1]))
        at, shown = draw_facts(chance, links), Factors(chance.choice([0, 3, 31]))
        command = chance.choice([Command.UNLOCK, Command.LOCK, Command.STATUS])
        decision = decide(Verified(links, shown), Ask(command), at)
        may = plainly(links, shown, command, at)
        assert isinstance(decision, Granted) is may, (links, shown, command, at, decision)
        yes += may
    assert yes > 1000  # or the comparison says little


def test_a_key_never_opens_what_the_key_above_could_not_have_opened() -> None:
    chance, yes = random.Random(12), 0
    while yes < 300:
        above = draw_link(chance, 0)
        below = draw_link(chance, 1, above)
        if narrower(above, below):
            continue
        at = draw_facts(chance, (above, below))
        shown, command = Factors(chance.choice([0, 3, 31])), chance.choice(
            [Command.UNLOCK, Command.LOCK, Command.STATUS])
        if isinstance(decide(Verified((above, below), shown), Ask(command), at), Refused):
            continue
        yes += 1
        # What the holder above could do if what they hand on were theirs to use, under the same
        # staple and, for a resident, judged as anybody else is.
        might = replace(above, use=above.delegable)
        at = replace(at, staple=Staple(above.id, at.staple.at if at.staple else 0, None))
        alone = decide(Verified((might,), shown), Ask(command), at)
        assert isinstance(alone, Granted), (above, below, at, alone)


def test_more_facts_against_a_key_never_open_a_door() -> None:
    chance = random.Random(13)
    worse: list[dict[str, Any]] = [
        {"power_low": True}, {"log_full": True}, {"rolled_back": True}, {"staple": None},
        {"second": None}]
    for _ in range(3000):
        links = (draw_link(chance, 0),)
        at, verified = draw_facts(chance, links), Verified(links, Factors(31))
        if isinstance(decide(verified, Ask(Command.UNLOCK), at), Granted):
            continue
        for change in worse:
            decision = decide(verified, Ask(Command.UNLOCK), replace(at, **change))
            assert isinstance(decision, Refused)


# --- total ----------------------------------------------------------------------------------

TIMES = st.none() | st.integers(0, TIME_MAX) | st.sampled_from([0, NOW, TIME_MAX])
IDS = st.sampled_from([b"", b"x" * 16, KEYS[0].id, KEYS[1].id])


@st.composite
def any_link(draw: st.DrawFn) -> Grant:
    number = draw(st.integers(0, 4))
    windows = st.builds(
        lambda days, start, length: Window(days, start, start + length),
        st.integers(0, 127), st.integers(0, 1439), st.integers(1, 1440))
    credential = st.builds(
        Credential, st.sampled_from(CredentialKind), st.integers(0, 1999), st.integers(1, 9),
        st.just(b"sealed"))
    return unsigned(
        number, doors=draw(st.frozensets(st.sampled_from([FRONT, METER]))),
        use=Rights(draw(st.integers(0, 1023))), delegable=Rights(draw(st.integers(0, 1023))),
        klass=draw(st.sampled_from(KeyClass)), depth=draw(st.integers(0, 4)),
        nbf=draw(TIMES), exp=draw(TIMES), max_life=draw(TIMES),
        hours=draw(st.none() | st.lists(windows, max_size=3).map(tuple)),
        factors=Factors(draw(st.integers(0, 31))), max_staleness=draw(TIMES),
        uses=draw(st.none() | st.integers(1, 3)), quota=draw(st.none() | st.integers(1, 3)),
        resident=draw(st.booleans()), credential=draw(st.none() | credential))


@st.composite
def any_verified(draw: st.DrawFn) -> Verified:
    links = draw(st.lists(any_link(), min_size=1, max_size=5))
    if len(links) == 1:  # an enrolment is never the first link
        links = [replace(links[0], credential=None)]
    return Verified(tuple(links), Factors(draw(st.integers(0, 31))))


@st.composite
def any_facts(draw: st.DrawFn, verified: Verified) -> Facts:
    ids = st.sampled_from([link.id for link in verified.links])
    revoked = RevocationSet(draw(st.dictionaries(
        ids | IDS, st.frozensets(st.tuples(IDS, st.booleans()), max_size=2), max_size=2)))
    tally = Tally(
        draw(st.dictionaries(ids, st.integers(0, 9), max_size=2)),
        draw(st.dictionaries(ids, st.frozensets(ids | IDS, max_size=3), max_size=2)),
        draw(st.dictionaries(ids, ids | IDS, max_size=2)))
    signer = draw(st.none() | any_verified())
    staple = draw(st.none() | st.builds(
        Staple, ids | IDS, st.integers(0, TIME_MAX), st.just(signer)))
    at, floor = draw(st.integers(0, TIME_MAX)), draw(st.integers(0, TIME_MAX))
    zone = ZoneInfo(draw(st.sampled_from(["Europe/London", "UTC", "Pacific/Kiritimati"])))
    base = facts(at, zone=zone, door=draw(st.sampled_from([FRONT, METER])))
    return replace(
        base, now=Instant(at, floor, draw(st.sampled_from(TimeState))), revoked=revoked,
        tally=tally, staple=staple, second=draw(st.none() | any_verified()),
        power_low=draw(st.booleans()), log_full=draw(st.booleans()),
        rolled_back=draw(st.booleans()))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_asked_the_answer_is_yes_or_no_and_never_an_error(data: st.DataObject) -> None:
    verified = data.draw(any_verified())
    ask = Ask(data.draw(st.sampled_from(Command)), data.draw(TIMES | st.integers(-9, 9)))
    at = data.draw(any_facts(verified))
    decision = decide(verified, ask, at)
    assert isinstance(decision, Granted | Refused)
    assert decision == decide(verified, ask, at)
    if isinstance(decision, Granted):
        assert decision.verified is verified
        assert decision.towards is COMMANDS[ask.command].towards
        assert standing(verified, at) is None
    else:
        assert decision.reason.words.coarse
