"""The decision, rule by rule: each once right and once wrong, at the second, the use, the right."""

# ruff: noqa: ANN401 — a builder takes any field of what it builds

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.core.cast import (
    AGENT,
    DAY,
    ENGINEER,
    FIRM,
    FRONT,
    GUEST,
    HOUR,
    LONDON,
    METER,
    NOW,
    REVOKER,
    STRANGER,
    TENANT,
    Chain,
    facts,
    first,
    key,
    passer,
    site,
    taken_back,
)

from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import COMMANDS, Command
from mortice.core.decision import (
    ALONE,
    RULES,
    STANDING,
    Ask,
    Facts,
    Tally,
    day_of,
    decide,
    standing,
)
from mortice.core.freshness import Staple
from mortice.core.grant import ALL_FACTORS, KeyClass, Rights
from mortice.core.limits import FORWARD_SECONDS, HOLD_SECONDS, TIME_MAX
from mortice.core.refusal import Reason
from mortice.core.schedule import Window
from mortice.core.stages import (
    Count,
    CountKind,
    Factors,
    Granted,
    Refused,
    TimeState,
    Towards,
    Verified,
)

UNSURE, HOLDOVER, SYNCED = TimeState.UNSURE, TimeState.HOLDOVER, TimeState.SYNCED
EVERYTHING = Rights(1023)
OPENING = EVERYTHING & ~Rights.HOLD_OPEN


def asked(chain: Chain | Verified, at: Facts | None = None, command: Command = Command.UNLOCK,
          until: int | None = None) -> Granted | Refused:
    verified = chain.verified() if isinstance(chain, Chain) else chain
    return decide(verified, Ask(command, until), at or facts())


def opens(*args: Any, **more: Any) -> bool:
    return isinstance(asked(*args, **more), Granted)


def no(decision: Granted | Refused, check: str, reason: Reason) -> None:
    """`decision` is a refusal by exactly this rule and for this reason."""
    assert isinstance(decision, Refused), decision
    assert (decision.check, decision.reason) == (check, reason)


# --- the rules themselves -------------------------------------------------------------------


def test_a_plain_key_opens_its_door_and_counts_nothing() -> None:
    verified = first(TENANT).verified()
    assert asked(verified) == Granted(verified, Command.UNLOCK, Towards.DRAWN, (), None)


def test_the_rules_stand_in_their_order() -> None:
    numbers = [(rule.__doc__ or "").split(":")[0] for rule in RULES]
    assert numbers == ["R1", "R2", "R3", "R4", "R5, R6", *(f"R{n}" for n in range(7, 17))]


def test_what_only_bears_on_a_moment_is_not_asked_of_a_standing_key_or_a_second_person() -> None:
    assert [rule.__name__ for rule in STANDING] == [
        "_door", "_not_revoked", "_time_known", "_window", "_hours"]
    left_out = [rule.__name__ for rule in RULES if rule not in ALONE]
    assert left_out == ["_fresh", "_second_person", "_powered", "_recordable", "_held_within"]


def test_the_first_rule_that_is_broken_gives_the_reason() -> None:
    chain = first(TENANT, doors=frozenset({METER}), exp=NOW, use=Rights.NONE)
    revoked = taken_back(chain.leaf.id)
    no(asked(chain, facts(revoked=revoked)), "R1", Reason.WRONG_DOOR)
    no(asked(chain, facts(revoked=revoked, door=METER)), "R2", Reason.REVOKED)
    no(asked(chain, facts(door=METER)), "R3", Reason.NO_RIGHT)
    no(asked(chain, facts(door=METER), Command.STATUS), "R6", Reason.ENDED)


# --- R1 and R2 ------------------------------------------------------------------------------


def test_a_key_for_another_door_is_refused() -> None:
    no(asked(first(TENANT), facts(door=METER)), "R1", Reason.WRONG_DOOR)
    assert opens(first(TENANT, doors=frozenset({FRONT, METER})), facts(door=METER))


def test_the_doors_of_the_leaf_count_and_not_those_above() -> None:
    chain = passer(doors=frozenset({FRONT, METER})).pass_on(FIRM, doors=frozenset({METER}))
    no(asked(chain), "R1", Reason.WRONG_DOOR)
    assert opens(chain, facts(door=METER))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_link_taken_back_by_id_or_by_its_holders_key_ends_the_chain(place: int) -> None:
    chain = passer().pass_on(FIRM, delegable=Rights.UNLOCK, depth=1).pass_on(ENGINEER)
    link = chain.verified().links[place]
    for named in (link.id, link.holder.id):
        refused = asked(chain, facts(revoked=taken_back(named)))
        no(refused, "R2", Reason.REVOKED)
        assert isinstance(refused, Refused)
        assert refused.detail == f"link {place + 1} of 3"


def test_a_pin_ends_with_the_key_that_it_was_enrolled_under() -> None:
    tenant = first(TENANT)
    pin = tenant.enrol()
    assert opens(pin)
    for named in (tenant.leaf.id, TENANT.public.id, pin.leaf.id):
        no(asked(pin, facts(revoked=taken_back(named))), "R2", Reason.REVOKED)


# --- R3 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_exactly_its_right(command: Command) -> None:
    right = COMMANDS[command].right
    until = NOW + 1 if command is Command.HOLD_OPEN else None
    assert opens(first(TENANT, use=right), command=command, until=until)
    if right:
        no(asked(first(TENANT, use=EVERYTHING & ~right), command=command, until=until),
           "R3", Reason.NO_RIGHT)


def test_looking_at_the_door_needs_a_live_key_and_no_right() -> None:
    assert opens(first(TENANT, use=Rights.NONE), command=Command.STATUS)
    no(asked(first(TENANT, exp=NOW), command=Command.STATUS), "R6", Reason.ENDED)


def test_a_command_without_a_row_in_the_table_is_refused_whatever_the_key() -> None:
    no(asked(first(TENANT, use=EVERYTHING), command=Command.COMMISSION), "R3", Reason.NO_RIGHT)


def test_whoever_may_only_hand_on_opens_nothing() -> None:
    hub = passer(use=Rights.NONE)
    no(asked(hub), "R3", Reason.NO_RIGHT)
    assert opens(hub.pass_on(GUEST))


def test_every_link_above_must_hand_the_right_on() -> None:
    # Narrowing refuses such chains before; the decision does not lean on that.
    agent, firm = passer().pass_on(FIRM).verified().links
    agent = replace(agent, delegable=Rights.LOCK)
    no(asked(Verified((agent, firm))), "R3", Reason.NO_RIGHT)


def test_a_pin_may_do_what_its_holder_does_or_hands_on() -> None:
    assert opens(first(TENANT, use=Rights.UNLOCK).enrol())
    assert opens(passer(use=Rights.NONE).enrol())
    own = passer(use=Rights.UNLOCK).pass_on(FIRM, use=Rights.UNLOCK)
    assert opens(own.enrol())


def test_a_pin_does_not_do_what_only_somebody_further_up_may_use() -> None:
    agent, firm = passer(use=Rights.UNLOCK).pass_on(FIRM).verified().links
    pin = first(TENANT).enrol().verified().leaf
    assert opens(Verified((agent, firm, pin)))
    top = replace(agent, delegable=Rights.NONE)
    no(asked(Verified((top, firm, pin))), "R3", Reason.NO_RIGHT)
    nobody = replace(firm, use=Rights.NONE)
    no(asked(Verified((agent, nobody, pin))), "R3", Reason.NO_RIGHT)


# --- R4: what counts while the clock is unsure ------------------------------------------------


def test_a_key_without_times_opens_while_the_clock_is_unsure() -> None:
    assert opens(first(TENANT), facts(state=UNSURE))
    assert opens(passer().pass_on(FIRM), facts(state=UNSURE))


@pytest.mark.parametrize("timed", [
    {"nbf": 0}, {"exp": TIME_MAX}, {"hours": (Window(127, 0, 1440),)}, {"max_staleness": DAY},
])
def test_any_time_on_any_link_refuses_while_the_clock_is_unsure(timed: dict[str, Any]) -> None:
    at = facts(state=UNSURE)
    no(asked(first(TENANT, **timed), at), "R4", Reason.TIME_UNSURE)
    no(asked(passer().pass_on(FIRM, **timed), at), "R4", Reason.TIME_UNSURE)
    no(asked(first(TENANT).enrol(**timed), at), "R4", Reason.TIME_UNSURE)
    if "max_staleness" not in timed:  # asked of the leaf alone, and without a staple here
        assert opens(first(TENANT, **timed))
        assert opens(first(TENANT, **timed), facts(state=HOLDOVER))


def test_a_resident_is_judged_by_the_floor_while_the_clock_is_unsure() -> None:
    unsure = facts(NOW, UNSURE, floor=NOW - DAY)
    assert opens(first(TENANT, resident=True, exp=NOW - DAY + 1), unsure)
    no(asked(first(TENANT, resident=True, exp=NOW - DAY), unsure), "R6", Reason.ENDED)


def test_a_resident_who_may_not_have_begun_yet_is_refused_while_the_clock_is_unsure() -> None:
    unsure = facts(NOW, UNSURE, floor=NOW - DAY)
    assert opens(first(TENANT, resident=True, nbf=NOW - DAY), unsure)
    no(asked(first(TENANT, resident=True, nbf=NOW - DAY + 1), unsure), "R4", Reason.TIME_UNSURE)


def test_hours_are_not_judged_by_an_unsure_clock_not_even_a_residents() -> None:
    chain = first(TENANT, resident=True, hours=(Window(127, 0, 1440),))
    no(asked(chain, facts(state=UNSURE)), "R4", Reason.TIME_UNSURE)


def test_a_residents_guest_is_no_resident() -> None:
    guest = passer(resident=True).pass_on(GUEST, exp=NOW + DAY)
    no(asked(guest, facts(state=UNSURE)), "R4", Reason.TIME_UNSURE)
    guest = passer(resident=True, exp=NOW + DAY).pass_on(GUEST, exp=NOW + DAY)
    no(asked(guest, facts(state=UNSURE)), "R4", Reason.TIME_UNSURE)


def test_a_residents_pin_with_the_same_times_is_the_residents() -> None:
    unsure = facts(state=UNSURE)
    resident = first(TENANT, resident=True, nbf=NOW, exp=NOW + DAY)
    assert opens(resident.enrol(nbf=NOW, exp=NOW + DAY), unsure)
    for nbf, exp in ((NOW + 1, NOW + DAY), (NOW, NOW + DAY - 1)):
        no(asked(resident.enrol(nbf=nbf, exp=exp), unsure), "R4", Reason.TIME_UNSURE)
    no(asked(first(TENANT, resident=True).enrol(exp=NOW + DAY), unsure), "R4", Reason.TIME_UNSURE)
    no(asked(resident.enrol(nbf=NOW, exp=NOW + DAY, max_staleness=DAY), unsure),
       "R4", Reason.TIME_UNSURE)
    no(asked(resident.enrol(nbf=NOW, exp=NOW + DAY, hours=(Window(127, 0, 1440),)), unsure),
       "R4", Reason.TIME_UNSURE)


def test_a_pin_of_somebody_who_is_no_resident_is_refused_while_the_clock_is_unsure() -> None:
    chain = first(TENANT, exp=NOW + DAY).enrol(exp=NOW + DAY)
    no(asked(chain, facts(state=UNSURE)), "R4", Reason.TIME_UNSURE)


# --- R5 and R6: to the second -----------------------------------------------------------------


@pytest.mark.parametrize("state", [SYNCED, HOLDOVER])
def test_a_key_begins_at_its_second_and_ends_before_its_second(state: TimeState) -> None:
    chain = first(TENANT, nbf=NOW, exp=NOW + DAY)
    no(asked(chain, facts(NOW - 1, state)), "R5", Reason.NOT_YET)
    assert opens(chain, facts(NOW, state))
    assert opens(chain, facts(NOW + DAY - 1, state))
    no(asked(chain, facts(NOW + DAY, state)), "R6", Reason.ENDED)


def test_a_key_that_begins_at_zero_or_ends_at_zero_is_not_one_without_times() -> None:
    no(asked(first(TENANT, exp=0)), "R6", Reason.ENDED)
    no(asked(first(TENANT, nbf=TIME_MAX)), "R5", Reason.NOT_YET)
    no(asked(first(TENANT, nbf=1), facts(0)), "R5", Reason.NOT_YET)
    assert opens(first(TENANT, nbf=0), facts(0))


@pytest.mark.parametrize("at", [0, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**33, TIME_MAX - 1])
def test_no_year_is_special_between_the_first_second_and_the_latest(at: int) -> None:
    assert opens(first(TENANT, nbf=at, exp=at + 1), facts(at))
    no(asked(first(TENANT, exp=at), facts(at)), "R6", Reason.ENDED)


@pytest.mark.parametrize("place", [0, 1])
def test_the_times_of_every_link_count(place: int) -> None:
    verified = passer().pass_on(FIRM).verified()
    for times, check, reason in (
        ({"exp": NOW}, "R6", Reason.ENDED), ({"nbf": NOW + 1}, "R5", Reason.NOT_YET),
    ):
        links = [*verified.links]
        links[place] = replace(links[place], **times)
        no(asked(Verified(tuple(links))), check, reason)


# --- R7 -------------------------------------------------------------------------------------

AROUND_NOW = (Window(4, 11 * 60, 11 * 60 + 1),)  # Wednesday, the minute that begins at NOW


def test_hours_are_kept_to_the_minute() -> None:
    chain = first(TENANT, hours=AROUND_NOW)
    no(asked(chain, facts(NOW - 1)), "R7", Reason.OUTSIDE_HOURS)
    assert opens(chain, facts(NOW))
    assert opens(chain, facts(NOW + 59))
    no(asked(chain, facts(NOW + 60)), "R7", Reason.OUTSIDE_HOURS)
    no(asked(chain, facts(NOW + DAY)), "R7", Reason.OUTSIDE_HOURS)


def test_hours_are_read_on_the_clock_of_the_door() -> None:
    chain = first(TENANT, hours=AROUND_NOW)
    no(asked(chain, facts(zone=ZoneInfo("Europe/Paris"))), "R7", Reason.OUTSIDE_HOURS)
    assert opens(chain, facts(NOW - HOUR, zone=ZoneInfo("Europe/Paris")))


def test_the_hours_of_every_link_count() -> None:
    agent, firm = passer(hours=AROUND_NOW).pass_on(FIRM, hours=AROUND_NOW).verified().links
    late = facts(NOW + 60)
    no(asked(Verified((agent, replace(firm, hours=None))), late), "R7", Reason.OUTSIDE_HOURS)
    no(asked(Verified((replace(agent, hours=None), firm)), late), "R7", Reason.OUTSIDE_HOURS)


# --- R8 -------------------------------------------------------------------------------------


def stale(chain: Chain, at: int = NOW, signer: Verified | None = None, **more: Any) -> Facts:
    return facts(staple=Staple(chain.leaf.id, at, signer), **more)


def test_a_staple_as_old_as_allowed_counts_and_one_a_second_older_does_not() -> None:
    chain = first(TENANT, max_staleness=DAY)
    assert opens(chain, stale(chain, NOW - DAY))
    no(asked(chain, stale(chain, NOW - DAY - 1)), "R8", Reason.TOO_STALE)


def test_a_staple_from_a_slightly_faster_clock_counts_and_one_from_tomorrow_does_not() -> None:
    chain = first(TENANT, max_staleness=DAY)
    assert opens(chain, stale(chain, NOW + FORWARD_SECONDS))
    no(asked(chain, stale(chain, NOW + FORWARD_SECONDS + 1)), "R8", Reason.TOO_STALE)


def test_without_a_staple_a_key_that_goes_stale_is_refused() -> None:
    no(asked(first(TENANT, max_staleness=DAY)), "R8", Reason.TOO_STALE)


def test_a_staple_for_another_key_counts_for_nothing() -> None:
    chain, other = first(TENANT, max_staleness=DAY), first(GUEST, max_staleness=DAY)
    no(asked(chain, stale(other)), "R8", Reason.TOO_STALE)


def test_a_staple_for_a_link_above_is_none_for_the_leaf() -> None:
    agent = passer(max_staleness=DAY)
    firm = agent.pass_on(FIRM, max_staleness=DAY)
    no(asked(firm, stale(agent)), "R8", Reason.TOO_STALE)
    assert opens(firm, stale(firm))


@pytest.mark.parametrize("above", [DAY, 2 * DAY, None])
def test_a_credential_lives_by_a_staple_for_itself_or_for_the_key_above_if_that_asks(
    above: int | None,
) -> None:
    holder = first(TENANT, use=Rights.UNLOCK | Rights.ENROL, max_staleness=above)
    pin = holder.enrol(max_staleness=DAY)
    assert opens(pin, stale(pin, NOW - DAY))
    no(asked(pin, stale(pin, NOW - DAY - 1)), "R8", Reason.TOO_STALE)
    if above is None:
        no(asked(pin, stale(holder, NOW)), "R8", Reason.TOO_STALE)
    else:
        assert opens(pin, stale(holder, NOW - DAY))
        no(asked(pin, stale(holder, NOW - DAY - 1)), "R8", Reason.TOO_STALE)


def test_a_credential_does_not_live_by_a_staple_for_a_link_further_up() -> None:
    top = passer(delegable=Rights.UNLOCK | Rights.ENROL, max_staleness=DAY)
    holder = top.pass_on(TENANT, use=Rights.UNLOCK | Rights.ENROL, max_staleness=DAY)
    no(asked(holder.enrol(max_staleness=DAY), stale(top, NOW)), "R8", Reason.TOO_STALE)


def test_a_key_that_never_goes_stale_needs_no_staple() -> None:
    assert opens(first(TENANT), facts(staple=None))


def vouching(**terms: Any) -> Verified:
    return first(REFRESHING, use=Rights.REFRESH, **terms).verified()


REFRESHING = key("somebody who refreshes")


@pytest.mark.parametrize(("terms", "counts"), [
    ({}, True), ({"nbf": NOW, "exp": NOW + 1}, True), ({"nbf": NOW + 1}, False),
    ({"exp": NOW}, False), ({"doors": frozenset({METER})}, False),
    ({"doors": frozenset({FRONT, METER})}, True), ({"max_staleness": DAY}, False),
    ({"hours": (Window(127, 0, 1),)}, False),
])
def test_a_staple_counts_while_its_signers_key_does(
    terms: dict[str, Any], *, counts: bool,
) -> None:
    chain = first(TENANT, max_staleness=DAY)
    decision = asked(chain, stale(chain, signer=vouching(**terms)))
    if counts:
        assert isinstance(decision, Granted)
    else:
        no(decision, "R8", Reason.TOO_STALE)


def test_a_staple_by_a_key_taken_back_counts_for_nothing() -> None:
    chain, signer = first(TENANT, max_staleness=DAY), vouching()
    for named in (signer.leaf.id, REFRESHING.public.id):
        no(asked(chain, stale(chain, signer=signer, revoked=taken_back(named))),
           "R8", Reason.TOO_STALE)


def test_nobody_vouches_for_a_key_that_may_itself_have_gone_stale() -> None:
    mine = first(TENANT, use=Rights.UNLOCK | Rights.REFRESH, max_staleness=DAY)
    no(asked(mine, stale(mine, signer=mine.verified())), "R8", Reason.TOO_STALE)


# --- R9 and R10 -----------------------------------------------------------------------------

BESIDE = [f for f in Factors if f and f is not Factors.PERSON]


@pytest.mark.parametrize("factor", BESIDE)
def test_a_second_check_that_was_shown_counts_and_another_does_not(factor: Factors) -> None:
    chain = first(TENANT, factors=factor)
    assert opens(chain.verified(factors=factor))
    assert opens(chain.verified(factors=ALL_FACTORS))
    for shown in (Factors.NONE, ALL_FACTORS & ~factor):
        no(asked(chain.verified(factors=shown)), "R9", Reason.NEEDS_FACTOR)


def test_of_two_second_checks_both_are_needed() -> None:
    chain = first(TENANT, factors=Factors.PIN | Factors.TOUCH)
    refused = asked(chain.verified(factors=Factors.PIN))
    no(refused, "R9", Reason.NEEDS_FACTOR)
    assert isinstance(refused, Refused)
    assert refused.detail == "TOUCH"
    assert opens(chain.verified(factors=Factors.PIN | Factors.TOUCH))


def test_a_second_check_that_nobody_asked_for_does_no_harm() -> None:
    assert opens(first(TENANT).verified(factors=ALL_FACTORS))


TWO = {"factors": Factors.PERSON}


def both(one: Chain, other: Chain, command: Command = Command.UNLOCK, **more: Any) -> bool:
    """Does `one` open after `other` has shown a key?"""
    decision = decide(
        one.verified(), Ask(command), facts(second=other.verified(), **more))
    if isinstance(decision, Refused):
        no(decision, "R10", Reason.NEEDS_PERSON)
    return isinstance(decision, Granted)


def test_two_people_open_together_and_neither_opens_alone() -> None:
    no(asked(first(TENANT, **TWO)), "R10", Reason.NEEDS_PERSON)
    no(asked(first(GUEST, **TWO)), "R10", Reason.NEEDS_PERSON)
    assert both(first(TENANT, **TWO), first(GUEST, **TWO))


def test_one_person_is_not_asked_for_a_second() -> None:
    assert opens(first(TENANT))
    assert opens(first(TENANT), facts(second=first(TENANT).verified()))


def test_the_same_key_twice_is_one_person() -> None:
    assert not both(first(TENANT, **TWO), first(TENANT, **TWO))


def test_two_first_links_to_one_key_are_one_person() -> None:
    assert not both(first(TENANT, **TWO), first(TENANT, **TWO, about={1: "renewed"}))


def test_two_keys_handed_on_by_one_holder_are_one_person() -> None:
    agent = passer(**TWO)
    assert not both(agent.pass_on(FIRM, **TWO), agent.pass_on(GUEST, **TWO))
    assert not both(agent, agent.pass_on(GUEST, **TWO))


def test_nobody_is_two_by_handing_two_first_links_on_to_keys_of_their_own() -> None:
    old, new = passer(**TWO), passer(**TWO, about={1: "renewed"})
    assert not both(old.pass_on(FIRM, **TWO), new.pass_on(GUEST, **TWO))
    assert not both(old, new.pass_on(GUEST, **TWO))


def test_whoever_stands_in_both_chains_is_one_person() -> None:
    through_agent = passer(**TWO).pass_on(TENANT, **TWO)
    assert not both(first(TENANT, **TWO), through_agent)
    assert not both(through_agent, first(TENANT, **TWO))


def test_a_persons_pin_and_phone_are_one_person_also_under_two_first_links() -> None:
    phone, other = first(TENANT, **TWO), first(TENANT, **TWO, about={1: "second"})
    assert not both(phone, phone.enrol(**TWO))
    assert not both(phone, other.enrol(**TWO))
    assert not both(phone.enrol(**TWO), other.enrol(**TWO))


def test_two_peoples_pins_are_two_people_although_the_lock_holds_both() -> None:
    assert both(first(TENANT, **TWO).enrol(**TWO), first(GUEST, **TWO).enrol(**TWO))


@pytest.mark.parametrize("terms", [
    {"exp": NOW}, {"nbf": NOW + 1}, {"hours": (Window(127, 0, 1),)}, {"doors": frozenset({METER})},
    {"use": Rights.LOCK}, {"factors": Factors.PERSON | Factors.PIN},
])
def test_a_second_person_who_could_not_open_is_none(terms: dict[str, Any]) -> None:
    assert not both(first(TENANT, **TWO), first(GUEST, **TWO | terms))


def test_a_second_person_who_was_taken_back_meanwhile_is_none() -> None:
    second = first(GUEST, **TWO)
    for named in (second.leaf.id, GUEST.public.id):
        assert not both(first(TENANT, **TWO), second, revoked=taken_back(named))


def test_a_second_person_whose_key_is_used_up_or_claimed_is_none() -> None:
    counted = first(GUEST, **TWO, uses=1)
    spent = Tally(uses={counted.leaf.id: 1})
    assert both(first(TENANT, **TWO), counted)
    assert not both(first(TENANT, **TWO), counted, tally=spent)
    file = first(GUEST, **TWO, klass=KeyClass.FILE)
    assert not both(first(TENANT, **TWO), file, tally=Tally(claimed={file.leaf.id: b"other"}))
    below = passer(**TWO, quota=1).pass_on(GUEST, **TWO)
    full = Tally(leaves={below.verified().first.id: frozenset({b"another leaf"})})
    assert not both(first(TENANT, **TWO), below, tally=full)


def test_whoever_may_not_do_it_cannot_agree_to_it() -> None:
    locker = first(GUEST, **TWO, use=Rights.LOCK)
    both_ways = first(TENANT, **TWO, use=Rights.LOCK | Rights.UNLOCK)
    assert both(both_ways, locker, Command.LOCK)
    assert not both(both_ways, locker, Command.UNLOCK)


def test_while_the_clock_is_unsure_a_second_person_is_judged_as_strictly() -> None:
    assert both(first(TENANT, **TWO), first(GUEST, **TWO), state=UNSURE)
    assert not both(first(TENANT, **TWO), first(GUEST, **TWO, exp=NOW + DAY), state=UNSURE)


def test_two_people_still_need_their_second_checks() -> None:
    chain = first(TENANT, factors=Factors.PERSON | Factors.PIN)
    no(asked(chain, facts(second=first(GUEST, **TWO).verified())), "R9", Reason.NEEDS_FACTOR)
    assert opens(chain.verified(factors=Factors.PIN), facts(second=first(GUEST, **TWO).verified()))


# --- R11 to R13: counts -----------------------------------------------------------------------


def test_a_claim_key_counts_for_the_child_that_was_first_and_no_other() -> None:
    claim = passer(klass=KeyClass.FILE)
    mine, theirs = claim.pass_on(GUEST), claim.pass_on(STRANGER)
    pinned = facts(tally=Tally(claimed={claim.leaf.id: mine.leaf.id}))
    assert opens(mine, pinned)
    no(asked(theirs, pinned), "R11", Reason.USED_UP)
    no(asked(claim, pinned), "R11", Reason.USED_UP)


def test_a_claim_is_judged_where_it_stands_in_the_chain() -> None:
    claim = passer().pass_on(GUEST, klass=KeyClass.FILE, delegable=Rights.UNLOCK, depth=2)
    mine = claim.pass_on(TENANT, delegable=Rights.UNLOCK, depth=1)
    pinned = facts(tally=Tally(claimed={claim.leaf.id: mine.leaf.id}))
    assert opens(mine.pass_on(ENGINEER), pinned)
    no(asked(claim.pass_on(STRANGER), pinned), "R11", Reason.USED_UP)
    no(asked(claim.enrol(), pinned), "R11", Reason.USED_UP)


def test_the_first_opening_below_a_claim_key_pins_its_child() -> None:
    claim = passer(klass=KeyClass.FILE, exp=NOW + DAY)
    child = claim.pass_on(GUEST, exp=NOW + DAY)
    granted = asked(child)
    assert isinstance(granted, Granted)
    today = day_of(NOW, LONDON)
    assert granted.counts == (
        Count(CountKind.CLAIM, claim.leaf.id, child.leaf.id, today, NOW + DAY),)
    again = asked(child, facts(tally=Tally(claimed={claim.leaf.id: child.leaf.id})))
    assert isinstance(again, Granted)
    assert again.counts == ()


def test_locking_claims_as_well_and_looking_does_not() -> None:
    child = passer(klass=KeyClass.FILE, delegable=EVERYTHING).pass_on(GUEST, use=EVERYTHING)
    locked, looked = asked(child, command=Command.LOCK), asked(child, command=Command.STATUS)
    assert isinstance(locked, Granted)
    assert isinstance(looked, Granted)
    assert [count.kind for count in locked.counts] == [CountKind.CLAIM]
    assert looked.counts == ()


@pytest.mark.parametrize(("used", "opened"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_key_opens_as_often_as_it_says(used: int, *, opened: bool) -> None:
    chain = first(TENANT, uses=2)
    at = facts(tally=Tally(uses={chain.leaf.id: used}))
    assert opens(chain, at) is opened
    if not opened:
        no(asked(chain, at), "R12", Reason.USED_UP)


def test_a_key_that_was_never_used_is_not_used_up() -> None:
    assert opens(first(TENANT, uses=1))


def test_the_uses_of_every_link_above_count_too() -> None:
    agent = passer(uses=5)
    leaf = agent.pass_on(FIRM, uses=5)
    no(asked(leaf, facts(tally=Tally(uses={agent.leaf.id: 5}))), "R12", Reason.USED_UP)
    granted = asked(leaf)
    assert isinstance(granted, Granted)
    today = day_of(NOW, LONDON)
    assert granted.counts == tuple(
        Count(CountKind.USES, link.id, leaf.leaf.id, today, None)
        for link in leaf.verified().links)


def test_a_pin_uses_up_the_key_that_it_was_enrolled_under() -> None:
    phone = first(TENANT, uses=1)
    pin = phone.enrol(uses=1)
    no(asked(pin, facts(tally=Tally(uses={phone.leaf.id: 1}))), "R12", Reason.USED_UP)
    granted = asked(pin)
    assert isinstance(granted, Granted)
    assert {count.link for count in granted.counts} == {phone.leaf.id, pin.leaf.id}


def test_holding_open_is_an_opening_and_locking_is_none() -> None:
    chain = first(TENANT, use=EVERYTHING, uses=1)
    spent = facts(tally=Tally(uses={chain.leaf.id: 1}))
    no(asked(chain, spent, Command.HOLD_OPEN, NOW + 1), "R12", Reason.USED_UP)
    held = asked(chain, None, Command.HOLD_OPEN, NOW + 1)
    assert isinstance(held, Granted)
    assert [count.kind for count in held.counts] == [CountKind.USES]
    for command in (Command.LOCK, Command.STATUS):
        granted = asked(chain, spent, command)
        assert isinstance(granted, Granted)
        assert granted.counts == ()


def quota(*leaves: bytes, of: Chain) -> Facts:
    return facts(tally=Tally(leaves={of.leaf.id: frozenset(leaves)}))


def test_one_more_key_a_day_than_the_quota_is_refused() -> None:
    hub = passer(use=Rights.NONE, quota=2)
    guest = hub.pass_on(GUEST)
    assert opens(guest, quota(b"a", of=hub))
    no(asked(guest, quota(b"a", b"b", of=hub)), "R13", Reason.OVER_QUOTA)
    no(asked(guest, quota(b"a", b"b", b"c", of=hub)), "R13", Reason.OVER_QUOTA)


def test_a_key_that_counted_today_may_come_again() -> None:
    hub = passer(quota=2)
    guest = hub.pass_on(GUEST)
    assert opens(guest, quota(b"a", guest.leaf.id, of=hub))


def test_a_quota_counts_different_keys_and_against_every_link_that_has_one() -> None:
    agent = passer(quota=3)
    firm = agent.pass_on(FIRM, quota=2, delegable=Rights.UNLOCK, depth=1)
    leaf = firm.pass_on(ENGINEER)
    granted = asked(leaf)
    assert isinstance(granted, Granted)
    today = day_of(NOW, LONDON)
    assert granted.counts == tuple(
        Count(CountKind.QUOTA, link.leaf.id, leaf.leaf.id, today, None) for link in (agent, firm))
    no(asked(leaf, quota(b"a", b"b", of=firm)), "R13", Reason.OVER_QUOTA)
    no(asked(leaf, quota(b"a", b"b", b"c", of=agent)), "R13", Reason.OVER_QUOTA)


def test_a_quota_bounds_those_below_and_not_its_own_holder() -> None:
    agent = passer(quota=1)
    assert opens(agent, quota(b"a", of=agent))
    granted = asked(agent)
    assert isinstance(granted, Granted)
    assert granted.counts == ()


def test_each_pin_below_a_quota_is_a_key_of_its_own() -> None:
    agent = passer(quota=1)
    one, two = agent.enrol(slot=1), agent.enrol(slot=2)
    assert one.leaf.id != two.leaf.id
    assert opens(one)
    no(asked(two, quota(one.leaf.id, of=agent)), "R13", Reason.OVER_QUOTA)


def test_a_key_that_locks_counts_against_a_quota_and_one_that_looks_does_not() -> None:
    leaf = passer(quota=1, delegable=EVERYTHING).pass_on(FIRM, use=EVERYTHING)
    kinds = []
    for command in (Command.LOCK, Command.STATUS, Command.READ_LOG):
        granted = asked(leaf, command=command)
        assert isinstance(granted, Granted)
        kinds.append([count.kind for count in granted.counts])
    assert kinds == [[CountKind.QUOTA], [], []]


def test_a_count_may_be_forgotten_when_its_link_has_ended() -> None:
    leaf = passer(quota=1, exp=NOW + DAY).pass_on(FIRM, exp=NOW + HOUR, uses=1)
    granted = asked(leaf)
    assert isinstance(granted, Granted)
    assert [(count.kind, count.expires) for count in granted.counts] == [
        (CountKind.QUOTA, NOW + DAY), (CountKind.USES, NOW + HOUR)]


@pytest.mark.parametrize(("moment", "zone", "day"), [
    ("1970-01-01T00:00:00", "UTC", 0), ("1970-01-01T23:59:59", "UTC", 0),
    ("1970-01-02T00:00:00", "UTC", 1), ("2026-07-01T22:59:59", "Europe/London", 20_635),
    ("2026-07-01T23:00:00", "Europe/London", 20_636), ("2026-01-01T23:00:00", "UTC", 20_454),
    ("2026-01-01T23:00:00", "Europe/Paris", 20_455),
])
def test_a_day_begins_at_midnight_on_the_clock_of_the_door(
    moment: str, zone: str, day: int,
) -> None:
    at = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
    assert day_of(at, ZoneInfo(zone)) == day


# --- R14 to R16 -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_a_low_supply_moves_no_bolt_and_still_answers(command: Command) -> None:
    decision = asked(
        first(TENANT, use=EVERYTHING), facts(power_low=True), command, until=NOW + 1)
    if COMMANDS[command].towards is None:
        assert isinstance(decision, Granted)
    else:
        no(decision, "R14", Reason.LOW_POWER)


def test_a_full_log_serves_residents_and_their_pins_and_nobody_else() -> None:
    full = facts(log_full=True)
    assert opens(first(TENANT, resident=True), full)
    assert opens(first(TENANT, resident=True).enrol(), full)
    no(asked(first(TENANT), full), "R15", Reason.STORAGE_FULL)
    no(asked(first(TENANT).enrol(), full), "R15", Reason.STORAGE_FULL)
    no(asked(passer(resident=True).pass_on(GUEST), full), "R15", Reason.STORAGE_FULL)


@pytest.mark.parametrize("chain", [
    first(TENANT, uses=9), passer(quota=9), passer(quota=9).pass_on(FIRM),
    passer(uses=9).pass_on(FIRM, uses=9), first(TENANT, klass=KeyClass.FILE),
    passer(klass=KeyClass.FILE).pass_on(GUEST), first(TENANT).enrol(),
    first(TENANT, resident=True).enrol(),
])
def test_a_lock_whose_memory_was_put_back_trusts_no_count_and_no_pin(chain: Chain) -> None:
    assert opens(chain)
    no(asked(chain, facts(rolled_back=True)), "R15", Reason.LOG_ROLLED_BACK)


def test_a_lock_whose_memory_was_put_back_serves_plain_keys() -> None:
    assert opens(first(TENANT), facts(rolled_back=True))
    assert opens(passer().pass_on(FIRM), facts(rolled_back=True))


def held(chain: Chain, until: int | None, **more: Any) -> Granted | Refused:
    return asked(chain, facts(**more), Command.HOLD_OPEN, until)


def test_holding_open_ends_within_twelve_hours() -> None:
    chain = first(TENANT, use=EVERYTHING)
    granted = held(chain, NOW + HOLD_SECONDS)
    assert isinstance(granted, Granted)
    assert (granted.until, granted.towards) == (NOW + HOLD_SECONDS, Towards.DRAWN)
    assert isinstance(held(chain, NOW + 1), Granted)
    for until in (NOW + HOLD_SECONDS + 1, NOW, NOW - 1, 0, -1, TIME_MAX, None):
        no(held(chain, until), "R16", Reason.NO_RIGHT)


@pytest.mark.parametrize("place", [0, 1])
def test_holding_open_ends_with_the_first_link_that_ends(place: int) -> None:
    verified = passer(delegable=EVERYTHING).pass_on(FIRM, use=EVERYTHING).verified()
    links = [*verified.links]
    links[place] = replace(links[place], exp=NOW + HOUR)
    links[1 - place] = replace(links[1 - place], exp=NOW + DAY)
    for until, good in ((NOW + HOUR, True), (NOW + HOUR + 1, False)):
        decision = decide(Verified(tuple(links)), Ask(Command.HOLD_OPEN, until), facts())
        assert isinstance(decision, Granted) is good


@pytest.mark.parametrize("command", [c for c in COMMANDS if c is not Command.HOLD_OPEN])
def test_no_other_command_holds_a_door_open_whatever_it_asks(command: Command) -> None:
    decision = asked(first(TENANT, use=OPENING), None, command, until=NOW + 1)
    assert isinstance(decision, Granted)
    assert decision.until is None


def test_unlocking_is_no_right_to_hold_open() -> None:
    no(asked(first(TENANT), None, Command.HOLD_OPEN, NOW + 1), "R3", Reason.NO_RIGHT)


# --- R17: opening hours -----------------------------------------------------------------------

SHOP = (Window(127, 9 * 60, 17 * 60 + 30),)
WEDNESDAY = int(datetime(2026, 12, 2, 11, tzinfo=UTC).timestamp())
SHUT = int(datetime(2026, 12, 2, 17, 30, tzinfo=UTC).timestamp())
KEYHOLDER = Rights.UNLOCK | Rights.LOCK | Rights.HOLD_OPEN


def opened(chain: Chain, command: Command = Command.UNLOCK, at: int = WEDNESDAY,
           state: TimeState = SYNCED, **more: Any) -> int | None:
    """Until when the door is held open, by somebody whom it lets in."""
    verified = replace(chain.verified(), factors=more.pop("shown", Factors.TOUCH))
    decision = asked(verified, facts(at, state, **{"opening": SHOP} | more), command)
    assert isinstance(decision, Granted)
    return decision.until


def keyholder(**terms: Any) -> Chain:
    return first(TENANT, **{"use": KEYHOLDER} | terms)


def test_the_first_keyholder_in_opening_hours_holds_the_door_open_until_they_end() -> None:
    assert opened(keyholder()) == SHUT
    assert opened(keyholder(), at=SHUT - 1) == SHUT
    assert opened(keyholder(), state=HOLDOVER) == SHUT


def test_outside_of_opening_hours_nobody_holds_it_open_by_unlocking() -> None:
    for at in (SHUT, SHUT + HOUR, WEDNESDAY - 2 * HOUR - 1):
        assert opened(keyholder(), at=at) is None
    assert opened(keyholder(), opening=()) is None


def test_who_unlocks_from_away_opens_no_shop() -> None:
    for shown in (Factors.NONE, Factors.PASSKEY, ALL_FACTORS & ~Factors.TOUCH):
        assert opened(keyholder(), shown=Factors(shown)) is None
    assert opened(keyholder(), shown=Factors(ALL_FACTORS)) == SHUT


def test_a_key_without_the_right_opens_no_shop() -> None:
    assert opened(first(TENANT)) is None
    assert opened(first(TENANT, use=Rights.UNLOCK | Rights.LOCK)) is None
    above = passer(use=KEYHOLDER, delegable=Rights.UNLOCK)
    assert opened(above.pass_on(FIRM, use=Rights.UNLOCK)) is None
    assert opened(passer(delegable=KEYHOLDER).pass_on(FIRM, use=KEYHOLDER)) == SHUT


@pytest.mark.parametrize("command", [c for c in COMMANDS if c is not Command.HOLD_OPEN])
def test_no_command_but_unlocking_opens_a_shop(command: Command) -> None:
    assert opened(first(TENANT, use=EVERYTHING), command) == (
        SHUT if command is Command.UNLOCK else None)


def test_opening_hours_do_not_bind_a_command_to_hold_open() -> None:
    at = facts(WEDNESDAY, opening=SHOP)
    granted = asked(keyholder(), at, Command.HOLD_OPEN, SHUT + HOUR)
    assert isinstance(granted, Granted)
    assert granted.until == SHUT + HOUR
    no(asked(keyholder(), at, Command.HOLD_OPEN), "R16", Reason.NO_RIGHT)


def test_a_lock_that_is_unsure_of_the_time_opens_no_shop() -> None:
    assert opened(keyholder(), state=UNSURE) is None
    assert opened(keyholder(resident=True), state=UNSURE) is None


def test_a_shop_is_held_open_no_longer_than_its_key_is_good() -> None:
    assert opened(keyholder(exp=WEDNESDAY + HOUR)) == WEDNESDAY + HOUR
    morning = (Window(127, 8 * 60, 13 * 60),)
    assert opened(keyholder(hours=morning)) == WEDNESDAY + 2 * HOUR
    above = passer(delegable=KEYHOLDER, hours=morning)
    assert opened(above.pass_on(FIRM, use=KEYHOLDER, hours=morning)) == WEDNESDAY + 2 * HOUR


def test_where_two_are_asked_for_both_must_be_keyholders() -> None:
    two = {"factors": Factors.PERSON}
    other = first(GUEST, use=KEYHOLDER, **two).verified()
    assert opened(keyholder(**two), second=other) == SHUT
    assert opened(keyholder(**two), second=first(GUEST, **two).verified()) is None
    assert opened(first(TENANT, **two), second=other) is None


def test_a_refused_keyholder_opens_no_shop() -> None:
    at = facts(WEDNESDAY, opening=SHOP, power_low=True)
    no(asked(keyholder(), at), "R14", Reason.LOW_POWER)


# --- a key that stands ------------------------------------------------------------------------


@pytest.mark.parametrize(("terms", "more", "check"), [
    ({}, {}, None), ({"use": Rights.NONE, "uses": 1, "factors": ALL_FACTORS}, {}, None),
    ({"max_staleness": 1}, {}, None), ({}, {"power_low": True, "log_full": True}, None),
    ({}, {"door": METER}, "R1"), ({}, {"revoked": taken_back(TENANT.public.id)}, "R2"),
    ({"exp": NOW + 1}, {"state": UNSURE}, "R4"), ({"nbf": NOW + 1}, {}, "R5"),
    ({"exp": NOW}, {}, "R6"), ({"hours": (Window(127, 0, 1),)}, {}, "R7"),
])
def test_a_key_stands_by_place_time_and_not_being_taken_back_alone(
    terms: dict[str, Any], more: dict[str, Any], check: str | None,
) -> None:
    refused = standing(first(TENANT, **terms).verified(), facts(**more))
    assert (refused and refused.check) == check


# --- one engineer, end to end -----------------------------------------------------------------


def test_the_engineer_opens_once_on_thursday_morning_and_at_no_other_time() -> None:
    thursday = NOW + DAY
    agent = passer(AGENT, doors=frozenset({FRONT, METER}), max_life=DAY)
    firm = agent.pass_on(
        FIRM, doors=frozenset({METER}), nbf=thursday, exp=thursday + DAY, delegable=Rights.UNLOCK,
        depth=1, max_life=DAY)
    leaf = firm.pass_on(
        ENGINEER, doors=frozenset({METER}), nbf=thursday, exp=thursday + 2 * HOUR, uses=1)
    verified = verify_chain(read_chain(leaf.wire), site().chain_keys())
    assert opens(verified, facts(thursday, door=METER))
    no(asked(verified, facts(thursday - 1, door=METER)), "R5", Reason.NOT_YET)
    no(asked(verified, facts(thursday + 2 * HOUR, door=METER)), "R6", Reason.ENDED)
    no(asked(verified, facts(thursday)), "R1", Reason.WRONG_DOOR)
    used = Tally(uses={leaf.leaf.id: 1})
    no(asked(verified, facts(thursday, door=METER, tally=used)), "R12", Reason.USED_UP)
    by_agent = taken_back(firm.leaf.id, by=AGENT.public.id, over_all=False)
    no(asked(verified, facts(thursday, door=METER, revoked=by_agent)), "R2", Reason.REVOKED)
    by_firm = taken_back(firm.leaf.id, by=FIRM.public.id, over_all=False)
    assert opens(verified, facts(thursday, door=METER, revoked=by_firm))
    by_owner = taken_back(AGENT.public.id, by=REVOKER.public.id)
    no(asked(verified, facts(thursday, door=METER, revoked=by_owner)), "R2", Reason.REVOKED)
