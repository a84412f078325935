"""PINs (spec/pin.md). Checks P1, P2 and P8, verifiers, and tries."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from fractions import Fraction

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from making.case import Case, Fields, accepted, malformed
from making.cast import ANNEXE, LOCK_SECRETS, STREET

YEAR_TRIES_RESTING = 10 + 365 * 86_400 // 900
YEAR_TRIES_OFF = 10 + 9 * 365
BURST, YEAR = Fraction(1, 1000), Fraction(1, 100)  # the highest accepted chances


def cases() -> Iterator[Case]:
    yield from _typed()
    yield from _weak()
    yield from _odds()
    yield from _verifiers()
    yield from _tries()


def _typed() -> Iterator[Case]:
    def typed(name: str, shows: str, digits: str, entry: str, expected: Fields) -> Case:
        return Case(f"pin/{name}", shows, "typed", {"digits": digits, "entry": entry}, expected)

    yield typed("typed-six-digits", "Six digits and the tick.", "482916", "plain",
                accepted(index="", pin="482916"))
    yield typed("typed-after-an-index", "Two digits of index, then the PIN.", "07482916", "index",
                accepted(index="07", pin="482916"))
    yield typed("typed-twelve-digits", "Twelve are the most.", "482916530274", "plain",
                accepted(index="", pin="482916530274"))
    for name, digits, entry in (
            ("typed-five-digits", "48291", "plain"), ("typed-thirteen-digits", "4829165302741",
                                                      "plain"),
            ("typed-nothing", "", "plain"), ("typed-an-index-alone", "07", "index"),
            ("typed-seven-digits-with-index", "0748291", "index"),
            ("typed-letters", "48291a", "plain"), ("typed-digits-of-another-script", "٤٨٢٩١٦",
                                                   "plain"),
            ("typed-a-space", "482 916", "plain")):
        yield typed(name, "6 to 12 of the digits 0 to 9.", digits, entry, malformed("P1"))


def _weak() -> Iterator[Case]:
    for name, pin, weak in (
            ("strong", "482916", False), ("strong-of-eight", "48291653", False),
            ("one-digit", "777777", True), ("two-digits-mixed", "121221", True),
            ("counts-up", "123456", True), ("counts-down", "987654", True),
            ("counts-round", "789012", True), ("counts-in-twos", "024680", True),
            ("same-half-twice", "482482", True), ("day-month-year", "241199", True),
            ("year-month-day", "991124", True), ("day-month-century", "24111999", True),
            ("century-month-day", "19991124", True), ("no-month-13", "451399", False)):
        yield Case(f"pin/weak-{name}", "Is it one that people guess first?", "weakness",
                   {"pin": pin}, accepted(weak=weak))


def strong(digits: int) -> Fraction:
    """How many PINs a guesser has to choose from: a generated PIN is never a weak one."""
    return Fraction(9, 10) * 10**digits


def _odds() -> Iterator[Case]:
    """The most that guessing can win: ten tries at once, and what a patient year gives."""
    for name, spent, live, digits in (
            ("twenty-of-six", "rest", 20, 6), ("one-of-six", "rest", 1, 6),
            ("thirty-of-four", "rest", 30, 4), ("five-hundred-of-eight", "rest", 500, 8),
            ("switched-off-twenty-of-six", "off", 20, 6)):
        year = YEAR_TRIES_RESTING if spent == "rest" else YEAR_TRIES_OFF
        incident_chance = min(Fraction(1), 10 * live / strong(digits))
        year_chance = min(Fraction(1), year * live / strong(digits))
        yield Case(
            f"pin/odds-{name}", "One burst at most 1 in 1,000, one year at most 1 in 100.", "odds",
            {"spent": spent, "live": live, "digits": digits},
            accepted(tries_in_a_burst=10, tries_in_a_year=year,
                     one_burst_in=int(1 / incident_chance), one_year_in=int(1 / year_chance),
                     acceptable=incident_chance <= BURST and year_chance <= YEAR))
    for name, spent, most in (("one", "rest", 1), ("twenty", "rest", 20), ("a-hundred", "rest",
                                                                           100),
                              ("twenty-that-switch-off", "off", 20)):
        year = YEAR_TRIES_RESTING if spent == "rest" else YEAR_TRIES_OFF
        digits = next(d for d in range(6, 13) if 10 * most / strong(d) <= BURST
                      and year * most / strong(d) <= YEAR)
        yield Case(f"pin/digits-for-{name}", "How long a PIN must be at a door with so many.",
                   "digits_needed", {"spent": spent, "most": most}, accepted(digits=digits))
    yield Case("pin/digits-for-a-thousand-million", "No length is enough for so many.",
               "digits_needed", {"spent": "rest", "most": 10**9}, malformed("P8"))


def pin_verifier(door: bytes, index: str, pin: str) -> bytes:
    """What stands for a PIN at the lock under test."""
    message = door + index.encode() + b"|" + pin.encode()
    tag = hmac.digest(LOCK_SECRETS["pepper"], message, "sha256")
    return Argon2id(salt=LOCK_SECRETS["salt"], length=32, iterations=2, lanes=1,
                    memory_cost=19_456).derive(tag)


def _verifiers() -> Iterator[Case]:
    for name, door, index, pin in (
            ("plain", STREET, "", "482916"), ("with-index", STREET, "07", "482916"),
            ("at-another-door", ANNEXE, "", "482916")):
        yield Case(f"pin/verifier-{name}", "Argon2id over a keyed hash of door, index and PIN.",
                   "verifier", {
                       "pepper": LOCK_SECRETS["pepper"], "salt": LOCK_SECRETS["salt"], "door": door,
                       "index": index, "pin": pin},
                   accepted(verifier=pin_verifier(door, index, pin)))


def _tries() -> Iterator[Case]:
    """Wrong tries at these powered-on seconds; is one more taken, and how many are left?"""
    ten = list(range(1000, 1100, 10))
    for name, shows, at, uptime, rest, left in (
            ("none", "Ten tries, then rest.", [], 5000, 0, 10),
            ("nine", "The tenth is taken.", ten[:9], 1100, 0, 1),
            ("ten", "After ten the keypad rests a quarter of an hour.", ten, 1100, 890, 0),
            ("ten-and-a-rest", "One try after the rest.", ten, 1090 + 900, 0, 0),
            ("ten-and-almost-a-rest", "A second before its end.", ten, 1090 + 899, 1, 0),
            ("eleven", "Each further try rests again.", [*ten[1:], 1990], 2000, 890, 0),
            ("a-day-old", "A try is forgotten after a day of powered-on time.", ten,
             1000 + 86_400, 0, 1),
            ("all-a-day-old", "So are all of them.", ten, 1090 + 86_400, 0, 10)):
        yield Case(f"pin/tries-{name}", shows, "tries", {"at": at, "uptime": uptime},
                   accepted(rest=rest, left=left))
