"""PINs: what is typed, what is too weak, what a lock keeps, and what guessing can win.

P in the names of checks is that of spec/pin.md. The odds are held against arithmetic written out
here in another way: exact counting of PINs, and strangers who play against the count of tries.
"""

from __future__ import annotations

import hmac
import math
import re
from fractions import Fraction
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import DAY, FRONT, METER, refused

from mortice.core.limits import (
    PIN_DIGITS_MAX,
    PIN_DIGITS_MIN,
    PIN_ODDS_INCIDENT,
    PIN_ODDS_YEAR,
    PIN_REST_SECONDS,
    PIN_TRIES,
    PIN_TRIES_SECONDS,
)
from mortice.core.pin import (
    STRONG_SHARE,
    YEAR_SECONDS,
    Entry,
    Odds,
    PinKeys,
    PinPolicy,
    Spent,
    Tries,
    Typed,
    choose,
    digits_needed,
    odds,
    read_typed,
    tries_in,
    verifier,
    weakness,
)

PLAIN, INDEX = PinPolicy(), PinPolicy(Entry.INDEX)
OFF = PinPolicy(Entry.INDEX, Spent.OFF)
POLICIES = pytest.mark.parametrize("policy", [PLAIN, INDEX, OFF], ids=["plain", "index", "off"])


# --- what was typed: P1 ---------------------------------------------------------------------


@pytest.mark.parametrize("pin", ["271828", "27182818", "271828182845"])
def test_six_to_twelve_digits_are_a_pin(pin: str) -> None:
    assert read_typed(pin, Entry.PLAIN) == Typed("", pin)
    assert read_typed("07" + pin, Entry.INDEX) == Typed("07", pin)


@pytest.mark.parametrize("typed", ["", "2", "27182", "2718281828459"])
def test_fewer_or_more_digits_are_none(typed: str) -> None:
    with refused("P1"):
        read_typed(typed, Entry.PLAIN)
    with refused("P1"):
        read_typed("07" + typed, Entry.INDEX)


def test_the_index_is_no_part_of_the_pin() -> None:
    assert read_typed("071828", Entry.PLAIN).pin == "071828"
    with refused("P1"):
        read_typed("071828", Entry.INDEX)


@pytest.mark.parametrize("typed", [
    "٢٧١٨٢٨", "२७१८२८", "\uff12\uff17\uff11\uff18\uff12\uff18", "27182²", "271 828", " 271828",
    "271828\n", "+271828", "-271828", "2_71828", "271828.0", "0x2718", "271828\0", "Ⅱ71828",
    "abcdef"])
def test_only_the_ten_digits_of_a_keypad_count(typed: str) -> None:
    """Python takes other scripts' digits, signs, spaces and underscores for numbers."""
    for entry in Entry:
        with refused("P1"):
            read_typed(typed, entry)


def test_a_pin_is_not_looked_for_within_what_was_typed() -> None:
    """A keypad that slides a window over its input tests a million codes in a million presses."""
    for stream in ("00271828", "271828271828", "99999271828"):
        assert read_typed(stream, Entry.PLAIN).pin == stream
    with refused("P1"):
        read_typed("0123456789" * 2 + "271828", Entry.PLAIN)


def test_neither_errors_nor_representations_tell_a_pin() -> None:
    assert "271828" not in repr(read_typed("07271828", Entry.INDEX))
    with pytest.raises(Exception, match="6 to 12 digits") as error:
        read_typed("27182", Entry.PLAIN)
    assert "27182" not in str(error.value)
    assert "pepper" not in repr(PinKeys(b"the pepper", b"the salt", FRONT))


# --- what is easy to guess: P2 --------------------------------------------------------------


@pytest.mark.parametrize(("pin", "why"), [
    ("111111", "different"), ("121212", "different"), ("112222", "different"),
    ("123456", "counts"), ("987654", "counts"), ("789012", "counts"), ("135791", "counts"),
    ("482482", "twice"), ("27182718", "twice"), ("271828271828", "twice"),
    ("241285", "date"), ("850412", "date"), ("010203", "date"), ("24121985", "date"),
    ("19851224", "date"), ("31122099", "date"), ("01011900", "date")])
def test_a_pin_that_people_choose_is_weak(pin: str, why: str) -> None:
    assert why in (weakness(pin) or "")


@pytest.mark.parametrize("pin", [
    "271828", "112223", "482483", "123457", "2718281", "32013285", "24131985", "00121985",
    "24121899", "24122100", "24001985", "271827181"])
def test_what_stands_just_beside_it_is_not(pin: str) -> None:
    assert weakness(pin) is None


def weak_six() -> set[str]:
    """Every weak PIN of six digits, made from what makes it weak."""
    days, months = [f"{n:02d}" for n in range(1, 32)], [f"{n:02d}" for n in range(1, 13)]
    years = [f"{n:02d}" for n in range(100)]
    weak = {day + month + year for day in days for month in months for year in years}
    weak |= {year + month + day for day in days for month in months for year in years}
    weak |= {f"{n:03d}" * 2 for n in range(1000)}
    weak |= {"".join(str((start + place * step) % 10) for place in range(6))
             for start in range(10) for step in range(10)}
    return weak | {
        "".join(one if bits >> place & 1 else other for place in range(6))
        for one in "0123456789" for other in "0123456789" for bits in range(64)}


def test_weak_pins_are_those_of_the_list_and_no_others() -> None:
    weak = weak_six()
    assert len(weak) == 66_187
    assert all(weakness(pin) for pin in weak)
    others = (f"{n:06d}" for n in range(0, 10**6, 7))
    assert not any(weakness(pin) for pin in others if pin not in weak)


@pytest.mark.parametrize("digits", range(PIN_DIGITS_MIN, PIN_DIGITS_MAX + 1))
def test_few_enough_pins_are_weak(digits: int) -> None:
    """The odds count on at least nine in ten being strong: whoever guesses skips the weak ones."""
    two_digits = math.comb(10, 2) * 2**digits
    twice = 10 ** (digits // 2) if digits % 2 == 0 else 0
    dates = {6: 2 * 31 * 12 * 100, 8: 2 * 31 * 12 * 200}.get(digits, 0)
    assert two_digits + 100 + twice + dates <= (1 - STRONG_SHARE) * 10**digits


# --- what a lock keeps ----------------------------------------------------------------------

KEYS = PinKeys(b"p" * 32, b"s" * 16, FRONT)


def test_a_verifier_is_the_slow_hash_of_a_keyed_one() -> None:
    tag = hmac.digest(b"p" * 32, b"frontdor" + b"07|271828", "sha256")
    slow = Argon2id(salt=b"s" * 16, length=32, iterations=2, lanes=1, memory_cost=19_456)
    assert verifier(KEYS, Typed("07", "271828")) == slow.derive(tag)


def test_a_verifier_is_of_one_door_lock_index_and_pin() -> None:
    typed = Typed("07", "271828")
    verifiers = [
        verifier(KEYS, typed),
        verifier(PinKeys(KEYS.pepper, KEYS.salt, METER), typed),
        verifier(PinKeys(b"q" * 32, KEYS.salt, FRONT), typed),
        verifier(PinKeys(KEYS.pepper, b"t" * 16, FRONT), typed),
        verifier(KEYS, Typed("08", "271828")),
        verifier(KEYS, Typed("07", "271829")),
        verifier(KEYS, Typed("", "07271828")),
        verifier(KEYS, Typed("", "271828")),
    ]
    assert len(set(verifiers)) == len(verifiers)
    assert verifier(KEYS, typed) == verifiers[0]


# --- the odds of guessing: P8 and P9 --------------------------------------------------------


def exact(live: int, digits: int, tries: int) -> float:
    """The chance that `tries` different guesses hit any of `live` PINs, drawn without a bias."""
    space = 10**digits
    missed = Fraction(1)
    for guess in range(tries):
        missed *= Fraction(space - live - guess, space - guess)
    return float(1 - missed)


@pytest.mark.parametrize(("live", "digits", "tries", "published"), [
    (1, 4, 10, 1.0e-3), (10, 4, 10, 1.0e-2), (30, 4, 10, 3.0e-2), (100, 4, 10, 9.6e-2),
    (1, 6, 10, 1.0e-5), (10, 6, 10, 1.0e-4), (30, 6, 10, 3.0e-4), (100, 6, 10, 1.0e-3),
    (1, 6, 7300, 7e-3), (10, 6, 7300, 7e-2), (30, 6, 7300, 2.0e-1), (100, 6, 7300, 5.2e-1),
    (1, 7, 3650, 4e-4), (10, 7, 3650, 4e-3), (30, 7, 3650, 1.1e-2), (100, 7, 3650, 3.6e-2),
    (1, 8, 3650, 4e-5), (10, 8, 3650, 4e-4), (30, 8, 3650, 1.1e-3), (100, 8, 3650, 3.6e-3)])
def test_the_counting_here_gives_the_figures_that_were_designed_for(
    live: int, digits: int, tries: int, published: float,
) -> None:
    """So that what follows is held against something, and not against a copy of itself."""
    assert exact(live, digits, tries) == pytest.approx(published, rel=0.1)


@POLICIES
@pytest.mark.parametrize("digits", [4, 6, 7, 8])
@pytest.mark.parametrize("live", [1, 10, 30, 100])
def test_one_burst_wins_no_more_than_the_odds_say(
    policy: PinPolicy, digits: int, live: int,
) -> None:
    """Ten tries at a keypad without index, ten at every index with one: no stranger does better.

    The second is counted as if the PIN of each index was hunted alone.
    """
    if policy.entry is Entry.INDEX:
        won = 1 - (1 - exact(1, digits, PIN_TRIES)) ** live
    else:
        won = exact(live, digits, PIN_TRIES)
    said = odds(policy, live, digits).incident
    assert won / STRONG_SHARE * 0.95 <= said <= won / STRONG_SHARE * 1.06
    assert said >= won


def patient(policy: PinPolicy, seconds: int) -> int:
    """How often a stranger tries within `seconds` who never lets a try go to waste."""
    tries, uptime, count = Tries(), 0, 0
    while uptime < seconds:
        if policy.spent is Spent.OFF and tries.left(uptime) == 1:
            uptime = tries.at[0] + PIN_TRIES_SECONDS  # the last one would switch the PIN off
        elif policy.spent is Spent.REST and tries.rest(uptime):
            uptime += tries.rest(uptime)
        else:
            tries, count = tries.after(uptime), count + 1
    return count


@POLICIES
@pytest.mark.parametrize("days", [1, 2, 30, 365])
def test_a_patient_stranger_gets_the_tries_that_the_odds_count_with(
    policy: PinPolicy, days: int,
) -> None:
    """Not ten a year: whoever stops one short of the last is forgiven a day later."""
    got, counted = patient(policy, days * DAY), tries_in(days * DAY, policy)
    assert got <= counted <= got + PIN_TRIES
    assert got >= 9 * days


@given(st.lists(st.integers(0, 2 * DAY), max_size=300))
def test_no_other_rhythm_gets_more(waits: list[int]) -> None:
    tries, uptime, count = Tries(), 0, 0
    for wait in waits:
        uptime += wait
        if not tries.rest(uptime):
            tries, count = tries.after(uptime), count + 1
    assert count <= tries_in(uptime, PLAIN)


@POLICIES
@pytest.mark.parametrize(("live", "digits"), [(1, 6), (3, 7), (20, 8), (100, 9)])
def test_a_year_wins_no_more_than_the_odds_say(
    policy: PinPolicy, live: int, digits: int,
) -> None:
    tries = patient(policy, YEAR_SECONDS)
    # Hunting each PIN alone, at its index, or all at once is the same within this bound.
    most = live * tries / (10**digits - len(weak_six()) * 10 ** (digits - 6))
    assert most <= odds(policy, live, digits).year <= 1.1 * most


def test_certainty_is_the_most_that_can_be_said() -> None:
    assert odds(PLAIN, 1000, 3) == Odds(1.0, 1.0)


def test_a_door_without_pins_is_judged_as_if_it_had_one() -> None:
    assert odds(PLAIN, 0, 6) == odds(PLAIN, 1, 6)


@pytest.mark.parametrize(("chances", "accepted"), [
    ((PIN_ODDS_INCIDENT, PIN_ODDS_YEAR), True),
    ((math.nextafter(PIN_ODDS_INCIDENT, 1), PIN_ODDS_YEAR), False),
    ((PIN_ODDS_INCIDENT, math.nextafter(PIN_ODDS_YEAR, 1)), False)])
def test_odds_are_accepted_up_to_the_bound(
    chances: tuple[float, float], accepted: bool,
) -> None:
    assert Odds(*chances).acceptable is accepted


@POLICIES
@pytest.mark.parametrize("most", [1, 2, 3, 10, 20, 30, 50, 100])
def test_no_fewer_digits_would_do(policy: PinPolicy, most: int) -> None:
    crowd = PinPolicy(policy.entry, policy.spent, most)
    digits = digits_needed(crowd)
    assert odds(crowd, most, digits).acceptable
    assert digits == PIN_DIGITS_MIN or not odds(crowd, most, digits - 1).acceptable


def test_the_digits_that_people_meet() -> None:
    """Written out, so that a change of rules shows in how much a person must type."""
    assert [digits_needed(PinPolicy(most=n)) for n in (1, 2, 3, 20, 100)] == [7, 7, 8, 8, 9]
    off = [digits_needed(PinPolicy(Entry.INDEX, Spent.OFF, n)) for n in (1, 2, 3, 20, 100)]
    assert off == [6, 6, 7, 7, 8]


def test_the_longest_pin_is_the_last_that_is_tried() -> None:
    assert digits_needed(PinPolicy(most=100_000)) == PIN_DIGITS_MAX


def test_a_door_that_nobody_configured_has_room_for_twenty() -> None:
    assert PinPolicy() == PinPolicy(Entry.PLAIN, Spent.REST, 20)


def test_four_digits_are_refused_whatever_the_door() -> None:
    for policy in (PLAIN, INDEX, OFF):
        assert not odds(policy, 30, 4).acceptable
        assert not odds(policy, 1, 4).acceptable


def test_a_crowd_that_no_length_protects_is_refused() -> None:
    with refused("P8"):
        digits_needed(PinPolicy(most=10**6))


@POLICIES
@pytest.mark.parametrize(("live", "digits"), [(1, 6), (7, 7), (20, 8), (1000, 3), (60, 6)])
def test_the_odds_in_words_do_not_flatter(policy: PinPolicy, live: int, digits: int) -> None:
    found = odds(policy, live, digits)
    said = [int(n.replace(",", "")) for n in re.findall(r"1 of ([\d,]+)", found.in_words())]
    assert len(said) == 2
    for one_in, chance in zip(said, (found.incident, found.year), strict=True):
        assert 1 / (one_in + 1) < chance <= 1 / one_in


# --- drawing one ----------------------------------------------------------------------------


def test_a_draw_becomes_as_many_digits_as_the_door_needs() -> None:
    for policy in (PLAIN, OFF, PinPolicy(most=100)):
        digits = digits_needed(policy)
        pin = choose(policy, (10**15 + 271_828).to_bytes(16, "big"))
        assert pin == f"{271_828:0{digits}d}"


def test_a_weak_draw_asks_for_another() -> None:
    assert choose(PLAIN, (24_121_985).to_bytes(16, "big")) is None
    assert choose(PLAIN, bytes(16)) is None


@given(st.binary(min_size=8, max_size=16))
def test_whatever_is_drawn_can_be_typed_and_is_not_weak(draw: bytes) -> None:
    pin = choose(PLAIN, draw)
    if pin is not None:
        assert read_typed(pin, Entry.PLAIN).pin == pin
        assert weakness(pin) is None


# --- counting tries: P5 ---------------------------------------------------------------------


def after(*uptimes: int) -> Tries:
    tries = Tries()
    for uptime in uptimes:
        tries = tries.after(uptime)
    return tries


def test_nine_wrong_tries_leave_one() -> None:
    tries = after(*range(9))
    assert (tries.left(9), tries.rest(9)) == (1, 0)


def test_the_tenth_makes_the_keypad_rest() -> None:
    tries = after(*range(10))
    assert (tries.left(9), tries.rest(9)) == (0, PIN_REST_SECONDS)
    assert tries.rest(9 + PIN_REST_SECONDS - 1) == 1
    assert tries.rest(9 + PIN_REST_SECONDS) == 0


def test_after_a_rest_one_try_is_taken_and_then_it_rests_again() -> None:
    again = 9 + PIN_REST_SECONDS
    tries = after(*range(10), again)
    assert tries.rest(again) == PIN_REST_SECONDS


def test_a_try_is_forgotten_after_a_day_of_power_and_not_a_second_earlier() -> None:
    tries = after(*[0] * PIN_TRIES)
    assert tries.left(PIN_TRIES_SECONDS - 1) == 0
    assert tries.left(PIN_TRIES_SECONDS) == PIN_TRIES
    assert after(*[0] * 9, PIN_TRIES_SECONDS - 1).left(PIN_TRIES_SECONDS - 1) == 0
    assert len(after(*[0] * 9, PIN_TRIES_SECONDS).at) == 1
    last = after(*[0] * 9, PIN_TRIES_SECONDS - 1)
    assert last.rest(PIN_TRIES_SECONDS - 1) == PIN_REST_SECONDS
    assert last.rest(PIN_TRIES_SECONDS) == 0


def test_tries_take_room_for_those_that_count_and_one_that_may_be_given_back() -> None:
    assert after(*range(1000)).at == tuple(range(1000 - PIN_TRIES - 1, 1000))


def test_a_count_of_seconds_that_went_back_forgives_nothing() -> None:
    """Power-on seconds only rise; if an older store says otherwise, the door stays careful."""
    tries = after(*[5000] * PIN_TRIES)
    assert tries.left(10) == 0
    assert tries.rest(10) == 5000 + PIN_REST_SECONDS - 10


@given(st.lists(st.integers(0, 3 * DAY), min_size=1, max_size=40))
def test_left_and_rest_agree(uptimes: list[int]) -> None:
    tries = after(*sorted(uptimes))
    for uptime in (max(uptimes), max(uptimes) + PIN_REST_SECONDS, max(uptimes) + 2 * DAY):
        resting = tries.left(uptime) == 0 and uptime - tries.at[-1] < PIN_REST_SECONDS
        assert (tries.rest(uptime) > 0) == resting
    assert all(one <= other for one, other in pairwise(tries.at))
