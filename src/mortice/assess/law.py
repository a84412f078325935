"""What the law asks of a door set, each line tied to its clause. Apart from level and cover.

Spec: spec/assess.md, rules B60 to B65.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from mortice.assess.evaluate import Said
from mortice.assess.model import Model, read_data

UNVERIFIED = "unverified: one source only"


class Answer(StrEnum):
    """How a door stands beside one clause."""

    SHOWN = "shown"
    NOT_SHOWN = "not shown"
    NOT_SO = "not so"
    DUTY = "duty"  # somebody's to do: nothing at the door can show it
    DOES_NOT_APPLY = "does not apply"
    CHECK = "check"  # a person has to find out


@dataclass(frozen=True, slots=True)
class Clause:
    """One line: how the door stands, by which facts, and what it rests on."""

    rule: str
    reading: Answer
    say: str
    clause: str
    where: str
    found: tuple[str, ...]  # the facts that it was read from
    source: str
    dated: str  # as of when it was written down
    confidence: str
    note: str


def law(model: Model, facts: Mapping[str, Said], *, smart: bool, used: frozenset[str],
        ) -> list[Clause]:
    """Every line that concerns a door used so (B61)."""
    uses = used | ({"smart"} if smart else set()) | {"always"}
    return [_clause(model, facts, rule, row) for rule, row in _rows().items()
            if not uses.isdisjoint(row["when"]) and (smart or not row.get("smart"))]


def _clause(model: Model, facts: Mapping[str, Said], rule: str, row: dict[str, Any]) -> Clause:
    named = tuple(row.get("any", ()))
    return Clause(
        rule, _answer(model, facts, row), row["say"], row["clause"], row["where"],
        tuple(name for name in named if facts.get(name) is not None), row["source"],
        row["date"].isoformat(), row["confidence"],
        UNVERIFIED if row["confidence"] == "likely" else "")


def _answer(model: Model, facts: Mapping[str, Said], row: dict[str, Any]) -> Answer:
    if row["confidence"] == "check":
        return Answer.CHECK
    waived = facts.get(row.get("unless", ""))
    if isinstance(waived, str) and model.ranks[waived] >= model.ranks["owner"]:
        return Answer.DOES_NOT_APPLY
    if facts.get(row.get("denied_by", "")) is False:
        return Answer.NOT_SO
    said = [facts.get(name) for name in row.get("any", ())]
    if not said:
        return Answer.DUTY
    worth, least = model.worth[row["accept"]], model.ranks[row["least"]]
    if any(isinstance(each, str) and worth[each] >= least for each in said):
        return Answer.SHOWN
    return Answer.NOT_SO if all(each is False for each in said) else Answer.NOT_SHOWN


@lru_cache(maxsize=1)
def _rows() -> dict[str, Any]:
    return read_data("law")
