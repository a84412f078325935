"""May this key do this, at this door, now? Numbered rules; the first refusal wins.

Decides from values alone: a verified chain, what is asked, and the facts of the moment. It reads no
clock and no disk. The same function judges a phone, a PIN, a card and a passkey, because all of
them are the last link of a chain. Whatever is granted names the counts that must be durable, in
one transaction with the log entry, before the bolt moves.

Spec: spec/decision.md. Rules R1 to R17 carry the same numbers there. Change them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from mortice.core.commands import COMMANDS, Command
from mortice.core.freshness import Staple, vouchable
from mortice.core.grant import Grant, KeyClass
from mortice.core.limits import FORWARD_SECONDS, HOLD_SECONDS
from mortice.core.refusal import Reason
from mortice.core.revocation import Revocations, first_revoked
from mortice.core.schedule import Hours, admits, shut_at
from mortice.core.site import Place
from mortice.core.stages import (
    Count,
    CountKind,
    Factors,
    Granted,
    Instant,
    Refused,
    TimeState,
    Towards,
    Verified,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What the holder wants. `until` is for holding open, in Unix seconds."""

    command: Command
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """The durable counts that bear on one chain, as read from the store."""

    uses: Mapping[bytes, int] = field(default_factory=dict)  # link -> openings so far
    leaves: Mapping[bytes, frozenset[bytes]] = field(default_factory=dict)  # link -> today's leaves
    claimed: Mapping[bytes, bytes] = field(default_factory=dict)  # link -> its one child


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of the moment that a decision depends on."""

    place: Place
    now: Instant
    revoked: Revocations
    tally: Tally = Tally()
    staple: Staple | None = None
    second: Verified | None = None  # another person who has just shown a key here
    power_low: bool = False
    log_full: bool = False  # only the reserve is left
    rolled_back: bool = False  # the log is shorter than a receipt this lock signed
    opening: Hours = ()  # the door's opening hours, unless it is held open already


Rule = Refused | None
Rules = tuple[Callable[[Verified, Ask, Facts], Rule], ...]


def decide(verified: Verified, ask: Ask, facts: Facts) -> Granted | Refused:
    """Judge `ask` by rules R1 to R16, in order. Total: it answers whatever it is asked."""
    if refused := _first(RULES, verified, ask, facts):
        return refused
    until = ask.until if ask.command is Command.HOLD_OPEN else _shop_hours(verified, ask, facts)
    return Granted(
        verified, ask.command, COMMANDS[ask.command].towards, _counts(verified, ask, facts), until)


def standing(verified: Verified, facts: Facts) -> Rule:
    """Why the key counts for nothing at this door now, whatever is asked (R1, R2, R4 to R7).

    For what a key does besides opening: signing settings or the time, holding a door open.
    """
    return _first(STANDING, verified, Ask(Command.STATUS), facts)


def _first(rules: Rules, verified: Verified, ask: Ask, facts: Facts) -> Rule:
    return next((no for rule in rules if (no := rule(verified, ask, facts))), None)


def _door(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R1: the leaf names this door. Narrowing has already put every link above around it."""
    if facts.place.door in verified.leaf.doors:
        return None
    return Refused(Reason.WRONG_DOOR, "R1")


def _not_revoked(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R2: nothing in the chain was taken back, by its own id or by its holder's key."""
    link = first_revoked(verified.links, facts.revoked)
    return None if link is None else Refused(Reason.REVOKED, "R2", _which(verified, link))


def _which(verified: Verified, link: Grant) -> str:
    return f"link {verified.links.index(link) + 1} of {len(verified.links)}"


def _right(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R3: the leaf may use the right, and every link above may hand it on."""
    row = COMMANDS.get(ask.command)
    if row is None or row.right not in verified.leaf.use:
        return Refused(Reason.NO_RIGHT, "R3", "not in this key")
    for link in verified.links[:-1]:
        own_way_in = verified.leaf.credential is not None and link is verified.links[-2]
        if row.right not in (link.delegable | link.use if own_way_in else link.delegable):
            return Refused(Reason.NO_RIGHT, "R3", _which(verified, link))
    return None


def _timed(link: Grant) -> bool:
    return any(x is not None for x in (link.nbf, link.exp, link.hours, link.max_staleness))


def _by_floor(link: Grant, own: Grant, floor: int) -> bool:
    """Is it a resident's own link without hours, or a credential below it with the same times?

    It must have begun by the floor: it is later than the floor, but nobody knows by how much.
    """
    same = (link.nbf, link.exp) == (own.nbf, own.exp) and (link.nbf or 0) <= floor
    return own.resident and same and link.hours is None and link.max_staleness is None


def _time_known(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R4: while the clock is unsure only links without times count, and residents' by the floor."""
    if facts.now.state is not TimeState.UNSURE:
        return None
    for link in verified.links:
        if _timed(link) and not _by_floor(link, verified.own, facts.now.floor):
            return Refused(Reason.TIME_UNSURE, "R4", _which(verified, link))
    return None


def _window(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R5, R6: every link has started and none has ended. A link ends at its last second's start."""
    at = facts.now.floor if facts.now.state is TimeState.UNSURE else facts.now.at
    for link in verified.links:
        if link.nbf is not None and at < link.nbf:
            return Refused(Reason.NOT_YET, "R5", f"starts {link.nbf}, {_which(verified, link)}")
        if link.exp is not None and at >= link.exp:
            return Refused(Reason.ENDED, "R6", f"ended {link.exp}, {_which(verified, link)}")
    return None


def _hours(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R7: the instant, on the door's own clock, lies in the hours of every link that has hours."""
    for link in verified.links:
        if link.hours is not None and not admits(link.hours, facts.now.at, facts.place.zone):
            return Refused(Reason.OUTSIDE_HOURS, "R7", _which(verified, link))
    return None


def _fresh(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R8: where staleness is bounded, a staple for this leaf is young, and its signer stands."""
    bound, staple, at = verified.leaf.max_staleness, facts.staple, facts.now.at
    if bound is None:
        return None
    if staple is None or staple.leaf not in vouchable(verified.links):
        return Refused(Reason.TOO_STALE, "R8", "no staple for this key")
    if not at - bound <= staple.at <= at + FORWARD_SECONDS:
        return Refused(Reason.TOO_STALE, "R8", "the staple is too old, or from tomorrow")
    if not vouches(staple, facts):
        return Refused(Reason.TOO_STALE, "R8", "whoever vouched has no live key to do so")
    return None


def vouches(staple: Staple, facts: Facts) -> bool:
    """Does whoever signed it count here now? A key that may itself be stale vouches for nobody."""
    by = staple.signer
    return by is None or (by.leaf.max_staleness is None and standing(by, facts) is None)


def _factors(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R9: every factor that the leaf asks for was shown. Narrowing keeps those above."""
    missing = verified.leaf.factors and verified.leaf.factors & ~verified.factors & ~Factors.PERSON
    return Refused(Reason.NEEDS_FACTOR, "R9", missing.name or "") if missing else None


def _second_person(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R10: two people are two leaves under two different first links, no holder in common.

    Each could do it alone, were it not for this rule: the other's word is judged again, now.
    """
    if Factors.PERSON not in verified.leaf.factors:
        return None
    second = facts.second
    if second is None or _one_person(verified, second) or _first(ALONE, second, ask, facts):
        return Refused(Reason.NEEDS_PERSON, "R10")
    return None


def _one_person(one: Verified, other: Verified) -> bool:
    """Nobody is two by passing a second first link on to another key of their own.

    An enrolment is held by the lock, which is no person.
    """
    holders = {link.holder.id for link in one.links if link.credential is None}
    return any(link.holder.id in holders for link in other.links)


def _claimed(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R11: a claim key or key file is exchanged once; then its first child alone counts."""
    children = [*verified.links[1:], None]
    for link, child in zip(verified.links, children, strict=True):
        pinned = facts.tally.claimed.get(link.id)
        if pinned is not None and (child is None or child.id != pinned):
            return Refused(Reason.USED_UP, "R11", "claimed by another device")
    return None


def _uses(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R12: no link's uses are spent. An opening counts against every link with a number."""
    if COMMANDS[ask.command].towards is not Towards.DRAWN:
        return None
    for link in verified.links:
        if link.uses is not None and facts.tally.uses.get(link.id, 0) >= link.uses:
            return Refused(Reason.USED_UP, "R12", _which(verified, link))
    return None


def _quota(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R13: at most `quota` different leaves a day below a link that carries one."""
    for link in verified.links[:-1]:
        today = facts.tally.leaves.get(link.id, frozenset())
        if link.quota is not None and verified.leaf.id not in today and len(today) >= link.quota:
            return Refused(Reason.OVER_QUOTA, "R13", _which(verified, link))
    return None


def _powered(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R14: there is power to turn the bolt and write it down."""
    if facts.power_low and COMMANDS[ask.command].towards is not None:
        return Refused(Reason.LOW_POWER, "R14")
    return None


def _counted(verified: Verified) -> bool:
    return any(
        link.uses is not None or link.quota is not None or link.klass is KeyClass.FILE
        for link in verified.links)


def _recordable(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R15: what is decided can be recorded, and counts can be believed."""
    if facts.log_full and not verified.own.resident:
        return Refused(Reason.STORAGE_FULL, "R15")
    if facts.rolled_back and (_counted(verified) or verified.leaf.credential is not None):
        return Refused(Reason.LOG_ROLLED_BACK, "R15")
    return None


def _held_within(verified: Verified, ask: Ask, facts: Facts) -> Rule:
    """R16: holding open has an end, within 12 hours and within the life of every link."""
    if ask.command is not Command.HOLD_OPEN:
        return None
    latest = _while_good(verified, facts.now.at + HOLD_SECONDS)
    if ask.until is None or not facts.now.at < ask.until <= latest:
        return Refused(Reason.NO_RIGHT, "R16", f"holding open must end by {latest}")
    return None


def _while_good(verified: Verified, until: int) -> int:
    """`until`, or the first end of a link before it."""
    return min([until, *(link.exp for link in verified.links if link.exp is not None)])


RULES: Rules = (
    _door, _not_revoked, _right, _time_known, _window, _hours, _fresh, _factors, _second_person,
    _claimed, _uses, _quota, _powered, _recordable, _held_within,
)
STANDING: Rules = (_door, _not_revoked, _time_known, _window, _hours)
KEYHOLDER: Rules = (_right, _second_person)  # all else is the same for unlocking and holding open
ALONE: Rules = (*STANDING, _right, _factors, _claimed, _uses, _quota)  # R8's staple is not at hand


def _shop_hours(verified: Verified, ask: Ask, facts: Facts) -> int | None:
    """R17: in opening hours a keyholder who unlocks at the door holds it open until they end."""
    here, sure = Factors.TOUCH in verified.factors, facts.now.state is not TimeState.UNSURE
    shop = facts.opening and ask.command is Command.UNLOCK
    if not shop or not here or not sure or _first(
            KEYHOLDER, verified, Ask(Command.HOLD_OPEN), facts):
        return None
    hours = [facts.opening, *(link.hours for link in verified.links if link.hours is not None)]
    until = _while_good(
        verified, min(shut_at(each, facts.now.at, facts.place.zone) for each in hours))
    return until if until > facts.now.at else None


def day_of(at: int, zone: tzinfo) -> int:
    """Days since 1970 on the door's own calendar."""
    return datetime.fromtimestamp(at, zone).date().toordinal() - EPOCH_ORDINAL


EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()


def _counts(verified: Verified, ask: Ask, facts: Facts) -> tuple[Count, ...]:
    if COMMANDS[ask.command].towards is None or not _counted(verified):
        return ()
    counts: list[Count] = []
    drawn = COMMANDS[ask.command].towards is Towards.DRAWN
    day, leaf = day_of(facts.now.at, facts.place.zone), verified.leaf.id
    for link in verified.links:
        if link.uses is not None and drawn:
            counts.append(Count(CountKind.USES, link.id, leaf, day, link.exp))
        if link.quota is not None and link is not verified.leaf:
            counts.append(Count(CountKind.QUOTA, link.id, leaf, day, link.exp))
    for link, child in zip(verified.links, verified.links[1:], strict=False):
        if link.klass is KeyClass.FILE and link.id not in facts.tally.claimed:
            counts.append(Count(CountKind.CLAIM, link.id, child.id, day, link.exp))
    return tuple(counts)
