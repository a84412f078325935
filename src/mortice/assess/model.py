"""The model as data: which facts meet which criterion, by which evidence. Nothing is decided here.

`data/model.toml` has the criteria and the gate, `data/facts.toml` every fact in words. They are
read once and checked against each other then, so that a wrong file cannot judge a door.

Spec: spec/assess.md, section 2.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

TOP = 4  # levels are 0 to 4
# What a door is used for; the last is asked about by the law alone.
CONTEXTS = ("multi_household", "fire_door", "electrically_held", "new_dwelling")
ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is so or not, in words, and what it costs to show it or to make it so."""

    id: str
    say: str
    show: str
    by: str  # the kind of evidence that `show` comes to
    change: str
    show_effort: int
    change_effort: int
    not_with: str = ""  # no advice where this is so
    only_with: str = ""  # no advice where this is known not to be so
    together: str = ""  # the fact without which it counts for nothing (B12)


@dataclass(frozen=True, slots=True)
class Criterion:
    """Met by any one of its facts, shown by evidence of a kind that weighs enough (B2, B3)."""

    id: str
    layer: str
    level: int
    accept: str
    any: tuple[str, ...]
    enough: frozenset[str]  # the kinds of evidence that meet it


@dataclass(frozen=True, slots=True)
class Layer:
    """One of nine. Those that are `smart` do not count at a door without electronics."""

    id: str
    name: str
    smart: bool
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """What people's lives need, where the door is used so; and the least evidence of it (B8)."""

    fact: str
    when: str
    own: str  # in the owner's own home
    shared: str  # anywhere else


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that a verdict rests on."""

    ranks: dict[str, int]
    worth: dict[str, dict[str, int]]  # accept -> kind -> the rank that it counts for
    weakest: dict[tuple[str, int], str]  # (accept, level) -> the least kind that counts there
    layers: tuple[Layer, ...]
    gates: tuple[Gate, ...]
    facts: dict[str, Fact]
    how: dict[str, str]  # to come by a kind of evidence
    spoken: frozenset[str]  # that count only where they are listed (B8b, B12)
    about: dict[str, Any]  # source, confidence and date of the rules themselves

    def parts(self, fact: str) -> tuple[str, ...]:
        """A fact, and the one that it counts only together with (B12)."""
        other = self.facts[fact].together
        return (fact, other) if other else (fact,)


@lru_cache(maxsize=1)
def model() -> Model:
    """The model of this release."""
    raw, facts = read_data("model"), _facts(read_data("facts"))
    ranks: dict[str, int] = raw["evidence"]
    needed = {int(level): rank for level, rank in raw["needed"].items()}
    worth = {name: _worth(ranks, kinds) for name, kinds in raw["accepts"].items()}
    enough = {(name, level): frozenset(kind for kind, rank in counts.items() if rank >= least)
              for name, counts in worth.items() for level, least in needed.items()}
    made = Model(
        ranks=ranks, worth=worth,
        weakest={(name, level): min((kind for kind in kinds if ranks[kind] >= least),
                                    key=ranks.__getitem__, default="")
                 for name, kinds in raw["accepts"].items() for level, least in needed.items()},
        layers=_layers(raw, enough), gates=tuple(
            Gate(fact, gate["when"], gate["own"], gate["shared"])
            for fact, gate in raw["life"].items()),
        facts=facts, spoken=frozenset(raw["life"]) | {each.together for each in facts.values()},
        how=raw["how"], about=raw["about"])
    _check(made)
    return made


def read_data(name: str) -> dict[str, Any]:
    """One file of `data/`, by its name without its ending."""
    return tomllib.loads((files(__package__) / "data" / f"{name}.toml").read_text("utf-8"))


def _worth(ranks: dict[str, int], kinds: list[str]) -> dict[str, int]:
    """A kind that is not accepted counts as the best accepted one below it (B3)."""
    return {kind: rank if kind in kinds else max(
        (ranks[other] for other in kinds if ranks[other] < rank), default=0)
        for kind, rank in ranks.items()}


def _facts(raw: dict[str, Any]) -> dict[str, Fact]:
    return {name: _fact(name, *each.pop("effort"), **each) for name, each in raw.items()}


def _fact(name: str, showing: int, changing: int, /, **words: str) -> Fact:
    return Fact(name, show_effort=showing, change_effort=changing, **words)


def _layers(
    raw: dict[str, Any], enough: dict[tuple[str, int], frozenset[str]]) -> tuple[Layer, ...]:
    criteria = [Criterion(name, each["layer"], each["level"], each["accept"], tuple(each["any"]),
                          enough[each["accept"], each["level"]])
                for name, each in raw["criteria"].items()]
    return tuple(
        Layer(name, each["name"], each.get("smart", False),
              tuple(criterion for criterion in criteria if criterion.layer == name))
        for name, each in raw["layers"].items())


def _check(made: Model) -> None:
    named = {fact for layer in made.layers for each in layer.criteria for fact in each.any}
    named |= {gate.fact for gate in made.gates}
    named |= {other for fact in made.facts for other in made.parts(fact)}
    if strange := {each.by for each in made.facts.values()} - made.ranks.keys():
        raise ValueError(f"facts shown by no kind of evidence: {sorted(strange)}")
    if named - made.facts.keys():
        raise ValueError(f"facts without words: {sorted(named - made.facts.keys())}")
    for layer in made.layers:
        if {each.level for each in layer.criteria} != set(range(1, TOP + 1)):
            raise ValueError(f"{layer.id} lacks a level")
