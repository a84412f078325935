"""What a household insurer's usual clause says of a door: apart from its level, and never cover.

The clause asks for a marked mortice lock or a key-operated multipoint lock, literally. A better
lock without a key does not satisfy the words; only a written answer settles it.

Spec: spec/assess.md, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from mortice.assess.evaluate import Said
from mortice.assess.model import Model, read_data

STOCK = ("lps1175_c5", "lps1175_b3", "sts202_br3", "sts202_br2")
SETS = frozenset({"lps1175_c5", "sts202_br3"})  # of a shop's door, which no home's clause names
MARK, MULTIPOINT, MADE_FOR = "bs3621_family", "pas3621_family", "purpose_made_mpl_door"
BOLT, KEY = "deadlocking_device", "mechanical_override"
ELECTRONIC = frozenset({"ts621", "ts007_2_total3"})
NO_KEY = "no key that opens it from outside, and the clause means a lock with a key."


class Reading(StrEnum):
    """How the door reads beside the clause."""

    MET = "met"
    ASK = "ask"  # only a written answer settles it
    NOT_MET = "not met"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Insurer:
    """The reading, with what it rests on."""

    reading: Reading
    say: str
    clause: str
    found: tuple[str, ...]  # facts


def insurer(
    model: Model, facts: Mapping[str, Said], *, smart: bool, used: frozenset[str]) -> Insurer:
    """Read the usual clause against what is known. `used` has what is known of the door's use."""
    clause = _words()["clause"]
    found = tuple(name for name in (MARK, MULTIPOINT, MADE_FOR, *STOCK)
                  if _seen(model, facts.get(name)))
    reading, say = _read(model, facts, smart=smart, held="electrically_held" in used)
    if reading is Reading.MET and smart:
        say += " Tell the insurer of the smart lock, and keep the answer."
    return Insurer(reading, f"{say} {_words()['caution']}", clause, found)


def _read(  # noqa: PLR0911 - one for each answer
    model: Model, facts: Mapping[str, Said], *, smart: bool, held: bool) -> tuple[Reading, str]:
    """B16a."""
    seen = {name for name, said in facts.items() if _seen(model, said)}
    keyed, bolt = facts.get(KEY), facts.get(BOLT)
    if bolt is False:
        return Reading.NOT_MET, "Nothing on this door deadlocks."
    if held:
        return Reading.ASK, ("The clause does not name a lock that is held by electricity."
                             + _stock(model, seen))
    if MARK in seen:
        return (Reading.ASK, f"A lock marked to BS 3621 or its family was shown, but {NO_KEY}") if (
            smart and keyed is False) else (
            Reading.MET, "A lock marked to BS 3621 or its family was shown.")
    if not seen.isdisjoint(SETS) and MULTIPOINT not in seen:
        return Reading.ASK, ("The clause for homes names a lock, and not a certified door set."
                             + _stock(model, seen))
    if MULTIPOINT in seen or seen.issuperset((MADE_FOR, BOLT)):
        return (Reading.ASK, f"A multipoint lock was shown, but {NO_KEY}") if (
            smart and KEY not in seen) else (
            Reading.MET, ("A key-operated multipoint lock was shown: the words are met, whatever "
                          "the cylinder is worth."))
    if not seen.isdisjoint(ELECTRONIC):
        return Reading.ASK, "The clause does not name an electronic lock, marked or not."
    if bolt is not None and facts.get(MARK) is False and facts.get(MADE_FOR) is False:
        return Reading.ASK, _words()["five_lever"]
    return Reading.UNKNOWN, "It was not shown which kind of lock this is: photograph its mark."


def _stock(model: Model, seen: AbstractSet[str]) -> str:
    say = next((model.facts[name].say for name in STOCK if name in seen), "")
    return say and f" {say[:1].upper()}{say[1:]}: that satisfies most clauses about stock."


def _seen(model: Model, said: Said) -> bool:
    return isinstance(said, str) and model.ranks[said] >= model.ranks["photo"]


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    return read_data("insurer")
