"""PINs: what a good one is, how it is turned into a verifier, and the odds of guessing it.

Decides whether a PIN may be used, and whether a door's policy keeps guessing odds low enough. A
verifier is Argon2id(HMAC(pepper, door ‖ index ‖ PIN), door salt); the HMAC is never stored. One
salt and one pepper a lock make a verdict cost one slow hash, whatever the number of PINs. The
slow hash buys hours against somebody who has the disk and the pepper; the pepper in protected
storage buys the rest, and the documents say so.

Spec: spec/pin.md. Checks P1 to P9.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from mortice.core import limits
from mortice.core.errors import Malformed

YEAR_SECONDS = 365 * 86_400
STRONG_SHARE = 0.9  # of all PINs, at least; the rest are never given, as whoever guesses knows too


class Entry(Enum):
    """How a PIN is typed at a door (spec/pin.md, section 3)."""

    PLAIN = "plain"  # the PIN, then enter
    INDEX = "index"  # a two-digit index, the PIN, then enter; tries are counted for each index


class Spent(Enum):
    """What happens when the tries are spent."""

    REST = "rest"  # the keypad takes one try in 15 minutes
    OFF = "off"  # that PIN is off until another factor or the owner restores it (index only)


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """A door's rules for PINs, signed by the owner."""

    entry: Entry = Entry.PLAIN
    spent: Spent = Spent.REST
    most: int = 20  # PINs that may be live at once


@dataclass(frozen=True, slots=True)
class Typed:
    """Digits typed at a keypad, split as the door's policy says."""

    index: str
    pin: str = field(repr=False)


def read_typed(digits: str, entry: Entry) -> Typed:
    """Split what was typed. Raises Malformed (P1), which costs a try like any wrong PIN."""
    index_digits = limits.PIN_INDEX_DIGITS if entry is Entry.INDEX else 0
    typed = Typed(digits[:index_digits], digits[index_digits:])
    low, high = limits.PIN_DIGITS_MIN, limits.PIN_DIGITS_MAX
    if not (low <= len(typed.pin) <= high and digits.isascii() and digits.isdigit()):
        raise Malformed("P1", f"PIN: {low} to {high} digits, then enter")
    return typed


def weakness(pin: str) -> str | None:
    """Why `pin` is easy to guess, in plain words, or None (P2). Generated PINs are redrawn."""
    if len(set(pin)) <= 2:
        return "it has only one or two different digits"
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if len(steps) == 1:
        return "it counts up or down"
    half = len(pin) // 2
    if len(pin) % 2 == 0 and pin[:half] == pin[half:]:
        return "it says the same thing twice"
    if len(pin) in (6, 8) and _looks_like_date(pin):
        return "it reads like a date"
    return None


def _looks_like_date(pin: str) -> bool:
    forms = [(pin[:2], pin[2:4], pin[4:]), (pin[-2:], pin[-4:-2], pin[:-4])]
    return any(
        1 <= int(day) <= 31 and 1 <= int(month) <= 12
        and (len(year) == 2 or 1900 <= int(year) <= 2099)
        for day, month, year in forms)


@dataclass(frozen=True, slots=True)
class PinKeys:
    """What a lock keeps for its PINs: `pepper` in protected storage, `salt` by the verifiers."""

    pepper: bytes = field(repr=False)
    salt: bytes
    door: bytes


def verifier(keys: PinKeys, typed: Typed) -> bytes:
    """The 32 bytes that stand for this index and PIN at this door. Costs about 25 ms and 19 MiB."""
    message = keys.door + typed.index.encode() + b"|" + typed.pin.encode()
    tag = hmac.digest(keys.pepper, message, "sha256")
    return Argon2id(
        salt=keys.salt, length=limits.VERIFIER_BYTES, iterations=limits.ARGON2_PASSES,
        lanes=limits.ARGON2_LANES, memory_cost=limits.ARGON2_KIB).derive(tag)


@dataclass(frozen=True, slots=True)
class Odds:
    """The chance that a stranger's guesses hit any live PIN."""

    incident: float  # in one burst, until the keypad rests
    year: float  # in a year in which nobody reacts

    @property
    def acceptable(self) -> bool:
        """Both below the bounds of the spec (P8)."""
        return self.incident <= limits.PIN_ODDS_INCIDENT and self.year <= limits.PIN_ODDS_YEAR

    def in_words(self) -> str:
        """For people: one in how many."""
        return (f"A stranger who keeps trying hits a PIN in 1 of {_one_in(self.incident)} bursts, "
                f"and in 1 of {_one_in(self.year)} years if nobody reacts.")


def _one_in(chance: float) -> str:
    return f"{int(1 / chance):,}"


def tries_in(seconds: int, policy: PinPolicy) -> int:
    """How many tries a patient stranger gets in `seconds` of powered-on time."""
    if policy.spent is Spent.OFF:  # whoever stops one short of the last may come back tomorrow
        return limits.PIN_TRIES + (limits.PIN_TRIES - 1) * (seconds // limits.PIN_TRIES_SECONDS)
    return limits.PIN_TRIES + seconds // limits.PIN_REST_SECONDS


def odds(policy: PinPolicy, live: int, digits: int) -> Odds:
    """The most that guessing can win against `live` PINs of `digits` digits under `policy`.

    Without an index each guess is against all PINs at once; with one it is against a single PIN,
    but each index has tries of its own. The two come to the same.
    """
    chance = max(1, live) / (STRONG_SHARE * 10**digits)
    year = tries_in(YEAR_SECONDS, policy)
    return Odds(min(1.0, limits.PIN_TRIES * chance), min(1.0, year * chance))


def digits_needed(policy: PinPolicy) -> int:
    """The shortest PIN that keeps the odds acceptable with as many PINs as the policy allows."""
    for digits in range(limits.PIN_DIGITS_MIN, limits.PIN_DIGITS_MAX + 1):
        if odds(policy, policy.most, digits).acceptable:
            return digits
    raise Malformed("P8", f"PIN: {policy.most} PINs at one door are too many to be safe")


def choose(policy: PinPolicy, draw: bytes) -> str | None:
    """A PIN from 8 or more random bytes, or None if that draw is weak and another is needed."""
    digits = digits_needed(policy)
    number = int.from_bytes(draw, "big") % 10**digits  # bias below 2**-24 with 8 bytes, 12 digits
    pin = f"{number:0{digits}d}"
    return None if weakness(pin) else pin


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong tries at a keypad (or one index of it), as powered-on seconds, oldest first."""

    at: tuple[int, ...] = ()

    def after(self, uptime: int) -> Tries:
        """With one more try, forgetting those too old to count."""
        kept = [t for t in self.at if uptime - t < limits.PIN_TRIES_SECONDS]
        return Tries((*kept, uptime)[-limits.PIN_TRIES - 1:])  # one more: a right PIN's own

    def rest(self, uptime: int) -> int:
        """Seconds until the next try is taken; 0 if now (P5)."""
        recent = [t for t in self.at if uptime - t < limits.PIN_TRIES_SECONDS]
        if len(recent) < limits.PIN_TRIES:
            return 0
        return max(0, recent[-1] + limits.PIN_REST_SECONDS - uptime)

    def left(self, uptime: int) -> int:
        """Tries left before the keypad rests."""
        young = sum(uptime - t < limits.PIN_TRIES_SECONDS for t in self.at)
        return max(0, limits.PIN_TRIES - young)
