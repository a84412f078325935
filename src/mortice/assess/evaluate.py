"""What a door set is worth: a level from 0 to 4, as proved and as it could be, and the gate.

A layer's level is the highest at which every criterion up to it is met; a door's level is the least
of its layers. There are no points and no averages, so nothing buys back what is missing elsewhere.
What is not known is not met in the first bound and met in the second.

Spec: spec/assess.md, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from mortice.assess.model import ALWAYS, TOP, Criterion, Gate, Layer, Model

Said: TypeAlias = str | bool | None  # a kind of evidence; False: known absent; None: not known
SHARED = frozenset({"multi_household"})  # uses in which others than the owner live behind the door


class Met(IntEnum):
    """How a criterion stands. Ordered: the best of several facts counts."""

    NO = 0
    MAYBE = 1
    YES = 2


class Life(StrEnum):
    """The gate. It is never bought back by a level."""

    PASS = "PASS"  # noqa: S105 - a word of the verdict, not a password
    UNKNOWN = "UNKNOWN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The level that is proved, and the one that it could be if everything unknown were so."""

    level: int
    could_be: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out. `layers` has those that count at this door, in their order."""

    level: int
    could_be: int
    life: Life
    layers: dict[str, Bounds]
    gates: dict[str, Met]

    @property
    def provisional(self) -> bool:
        """The level stands only if what is not known of the way out is so (B8)."""
        return self.life is Life.UNKNOWN


def judge(
    model: Model, facts: Mapping[str, Said], *, smart: bool, used: frozenset[str] = frozenset(),
) -> Verdict:
    """Judge a door with these facts, used so. A fact that is not in `facts` is not known."""
    layers = {layer.id: bounds(model, layer, facts) for layer in model.layers
              if smart or not layer.smart}
    gates = {gate.fact: _passed(model, gate, facts, used) for gate in model.gates
             if gate.when == ALWAYS or gate.when in used}
    return Verdict(
        min(each.level for each in layers.values()),
        min(each.could_be for each in layers.values()),
        LIFE[min(gates.values())], layers, gates)


LIFE = {Met.YES: Life.PASS, Met.MAYBE: Life.UNKNOWN, Met.NO: Life.FAIL}


def bounds(model: Model, layer: Layer, facts: Mapping[str, Said]) -> Bounds:
    """Both levels of one layer (B4)."""
    level, could_be = TOP, TOP
    for criterion in layer.criteria:
        met = meets(model, criterion, facts)
        if met is not Met.YES and criterion.level <= level:
            level = criterion.level - 1
        if met is Met.NO and criterion.level <= could_be:
            could_be = criterion.level - 1
    return Bounds(level, could_be)


def meets(model: Model, criterion: Criterion, facts: Mapping[str, Said]) -> Met:
    """The best that any of its facts can do for a criterion (B2, B12)."""
    best = Met.NO
    for fact in criterion.any:
        met = shows(facts.get(fact), criterion)
        other = model.facts[fact].together
        if other:
            met = min(met, shows(facts.get(other), criterion))
        if met is Met.YES:
            return met
        best = max(best, met)
    return best


def shows(said: Said, criterion: Criterion) -> Met:
    """Is a fact shown well enough for this criterion (B3)?"""
    if said is False:
        return Met.NO
    return Met.YES if said in criterion.enough else Met.MAYBE


def _passed(model: Model, gate: Gate, facts: Mapping[str, Said], used: frozenset[str]) -> Met:
    said = facts.get(gate.fact)
    if said is False:
        return Met.NO
    if not isinstance(said, str):
        return Met.MAYBE
    least = gate.shared if used & SHARED else gate.own
    return Met.YES if model.ranks[said] >= model.ranks[least] else Met.MAYBE
