"""What a household insurer's usual clause says of a door: apart from its level, and never cover.

The clause asks for a marked mortice lock or a key-operated multipoint lock, literally. A better
lock without a key does not satisfy the words; only a written answer settles it.

Spec: spec/assess.md, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from mortice.assess.evaluate import Said
from mortice.assess.model import Model, read_data

STOCK = ("lps1175_c5", "lps1175_b3", "sts202_br3", "sts202_br2")


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
    """Read the usual clause against what is known."""
    clause = _words()["clause"]
    found = tuple(name for name in ("bs3621_family", "purpose_made_mpl_door", *STOCK)
                  if _seen(model, facts.get(name)))
    reading, say = _read(model, facts, smart=smart, held="electrically_held" in used)
    if reading is Reading.MET and smart:
        say += " Tell the insurer of the smart lock, and keep the answer."
    return Insurer(reading, f"{say} {_words()['caution']}", clause, found)


def _read(
    model: Model, facts: Mapping[str, Said], *, smart: bool, held: bool) -> tuple[Reading, str]:
    if facts.get("deadlocking_device") is False:
        return Reading.NOT_MET, "Nothing on this door deadlocks."
    if held:
        stock = [name for name in STOCK if _seen(model, facts.get(name))]
        more = (f" {model.facts[stock[0]].say[:1].upper()}{model.facts[stock[0]].say[1:]}: that "
                "satisfies most clauses about stock." if stock else "")
        return Reading.ASK, f"The clause does not name a lock that is held by electricity.{more}"
    if _seen(model, facts.get("bs3621_family")):
        return Reading.MET, "A lock marked to BS 3621 or its family was shown."
    return _multipoint(model, facts, smart=smart)


def _multipoint(
    model: Model, facts: Mapping[str, Said], *, smart: bool) -> tuple[Reading, str]:
    door, bolt = facts.get("purpose_made_mpl_door"), facts.get("deadlocking_device")
    if _seen(model, door) and _seen(model, bolt):
        key = facts.get("mechanical_override")
        if not smart or _seen(model, key):
            return Reading.MET, ("A key-operated multipoint lock was shown: the words are met, "
                                 "whatever the cylinder is worth.")
        return Reading.ASK, "The clause says key-operated, and no key from outside was shown."
    if door is False and facts.get("bs3621_family") is False:
        electronic = any(_seen(model, facts.get(name)) for name in ("ts621", "ts007_2_total3"))
        if electronic:
            return Reading.ASK, "The clause does not name an electronic lock, marked or not."
        return Reading.NOT_MET, ("Neither a lock marked to BS 3621 nor a key-operated multipoint "
                                 "lock is there.")
    return Reading.UNKNOWN, "It was not shown which kind of lock this is: photograph its mark."


def _seen(model: Model, said: Said) -> bool:
    return isinstance(said, str) and model.ranks[said] >= model.ranks["photo"]


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    return read_data("insurer")
