"""One door set judged on one day, with everything that is said of it. What the ways in show.

Spec: spec/assess.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from mortice.assess.doorset import DoorSet, facts_on
from mortice.assess.evaluate import Met, Said, Verdict, judge
from mortice.assess.explain import Advice, advice, advise, capping, headline, missing
from mortice.assess.insurer import Insurer, insurer
from mortice.assess.law import Clause, law
from mortice.assess.model import TOP, Model

FIELDS = tuple(each.name for each in fields(Clause))
GATES = {Met.YES: "shown", Met.MAYBE: "not shown", Met.NO: "not so"}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict of `day`, and what stands around it."""

    door: DoorSet
    day: date
    facts: dict[str, Said]  # what each counts as on that day
    verdict: Verdict
    insurer: Insurer
    legal: list[Clause]
    advice: list[Advice]


def assess(model: Model, door: DoorSet, day: date) -> Assessment:
    """Judge a door set as of `day`."""
    facts = facts_on(door, model, day)
    verdict = judge(model, facts, smart=door.smart, used=door.used)
    return Assessment(
        door, day, facts, verdict, insurer(
            model, facts, smart=door.smart, used=door.used - door.unsure),
        law(model, facts | {"support_published": door.support.shown if door.support else None},
            smart=door.smart, used=door.used),
        [*advise(model, facts, verdict), *(
            advice(known.id, "caution", caution, {
                "confidence": known.confidence, "source": known.source, "date": known.date})
            for marked in door.marks for known in (marked.read.standard,)
            for caution in marked.read.cautions)])


def as_json(model: Model, made: Assessment) -> dict[str, Any]:
    """The whole assessment, in plain values."""
    verdict = made.verdict
    return {
        "name": made.door.name, "day": made.day.isoformat(), "smart": made.door.smart,
        "context": sorted(made.door.used),
        "headline": headline(model, verdict),
        "level": verdict.level, "could_be": verdict.could_be, "provisional": verdict.provisional,
        "life_safety": verdict.life.value,
        "gates": {fact: GATES[met] for fact, met in verdict.gates.items()},
        "layers": {layer.id: {
            "name": layer.name, "level": each.level, "could_be": each.could_be,
            "missing": [criterion.id for criterion in missing(
                model, made.facts, [layer.id], min(each.level + 1, TOP))]}
            for layer in model.layers if (each := verdict.layers.get(layer.id)) is not None},
        "capped_by": capping(verdict),
        "insurer": {"reading": made.insurer.reading.value, "say": made.insurer.say,
                    "clause": made.insurer.clause, "found": list(made.insurer.found)},
        "legal": [{field: getattr(each, field) for field in FIELDS} for each in made.legal],
        "advice": [asdict(each) for each in made.advice],
    }
