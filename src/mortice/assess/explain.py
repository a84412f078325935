"""Why a door is at its level, and what would raise it: the cheapest facts, shown or changed.

Every sentence names the rule behind it: a criterion such as L2, a gate's fact, or a mark's row in
the table of attacks. Nothing said here changes a verdict.

Spec: spec/assess.md, section 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from mortice.assess.evaluate import Life, Met, Said, Verdict, meets, shows
from mortice.assess.model import TOP, Criterion, Fact, Model, read_data

SHOW, CHANGE = "show", "change"
UNSUITABLE = 100  # effort of what does not go with what is there: said only if nothing else is left
PHYSICAL = frozenset({"P-DOOR", "P-LOCK", "P-INST"})
KINDS = {  # what a kind of evidence is, in words
    "owner": "your own word", "photo": "a photo", "measured": "a measurement or a test's record",
    "document": "a document", "register": "an entry in its issuer's register",
    "lab": "a laboratory's report"}


Sentence: TypeAlias = tuple[str, str, str]  # of the model's own rules: rule, kind, say


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence, and the rule behind it: where that is from, as of when, and how sure."""

    rule: str
    kind: str  # life, show, change, wasted, uncovered, caution
    say: str
    confidence: str
    source: str
    dated: str


@dataclass(frozen=True, slots=True)
class Step:
    """One fact of the cheapest set: to be shown by `evidence` or better, or changed and shown."""

    fact: Fact
    kind: str
    evidence: str
    rules: tuple[str, ...]
    how: str  # to show it by that


def capping(verdict: Verdict) -> list[str]:
    """The layers that hold the level down. None at the top."""
    if verdict.level == TOP:
        return []
    return [name for name, each in verdict.layers.items() if each.level == verdict.level]


def missing(
    model: Model, facts: Mapping[str, Said], layers: Iterable[str], upto: int) -> list[Criterion]:
    """The criteria of `layers` up to a level that are not met, in the model's order."""
    wanted = set(layers)
    return [each for layer in model.layers if layer.id in wanted for each in layer.criteria
            if each.level <= upto and meets(model, each, facts) is not Met.YES]


def steps(model: Model, facts: Mapping[str, Said], verdict: Verdict) -> list[Step]:
    """The cheapest set of facts that raises the level by one. Empty at the top."""
    if verdict.level == TOP:
        return []
    open_ = missing(model, facts, verdict.layers, verdict.level + 1)
    ways = {name: [each for each in open_ if name in each.any]
            for criterion in open_ for name in criterion.any}
    lacking = {name: [part for part in model.parts(name) if any(
        shows(facts.get(part), each) is not Met.YES for each in met)]
        for name, met in ways.items()}
    chosen = _cheapest(open_, {name: sum(effort(model, facts, part) for part in parts)
                               for name, parts in lacking.items()})
    found = [_step(model, facts, part, ways[name]) for name in chosen for part in lacking[name]]
    return sorted(found, key=lambda each: (
        each.kind == CHANGE, effort(model, facts, each.fact.id), each.fact.id))


def _step(
    model: Model, facts: Mapping[str, Said], name: str, met: Sequence[Criterion]) -> Step:
    evidence = max((model.weakest[each.accept, each.level] for each in met),
                   key=model.ranks.__getitem__)
    fact = model.facts[name]
    by = fact.by if all(fact.by in each.enough for each in met) else evidence
    return Step(fact, CHANGE if facts.get(name) is False else SHOW, evidence,
                tuple(each.id for each in met),
                f"by {KINDS[by]}: {fact.show if by == fact.by else model.how[by]}")


def effort(model: Model, facts: Mapping[str, Said], name: str) -> int:
    """What a fact costs to show, or to change where it is known not to be so."""
    fact = model.facts[name]
    least = fact.change_effort if facts.get(name) is False else fact.show_effort
    return least if _suits(fact, facts) else least + UNSUITABLE


def _suits(fact: Fact, facts: Mapping[str, Said]) -> bool:
    there, needed = facts.get(fact.not_with), facts.get(fact.only_with)
    return not isinstance(there, str) and (not fact.only_with or needed is not False)


def _cheapest(open_: Sequence[Criterion], efforts: Mapping[str, int]) -> frozenset[str]:
    """The least effort that meets every criterion: each by one fact, and a fact may meet several.

    Criteria with one way come first and are forced; few are left to choose among.
    """
    best: tuple[int, frozenset[str]] = (10**9, frozenset())
    order = sorted(open_, key=lambda each: len(each.any))

    def choose(at: int, spent: int, chosen: frozenset[str]) -> None:
        nonlocal best
        if spent >= best[0]:
            return
        while at < len(order) and not chosen.isdisjoint(order[at].any):
            at += 1
        if at == len(order):
            best = (spent, chosen)
            return
        for name in sorted(order[at].any, key=efforts.__getitem__):
            choose(at + 1, spent + efforts[name], chosen | {name})

    choose(0, 0, frozenset())
    return best[1]


# --- in sentences ---------------------------------------------------------------------------------


def advice(rule: str, kind: str, say: str, row: Mapping[str, Any]) -> Advice:
    """What follows from a row of the data. What is *likely* says that it is unverified (B14)."""
    unsure = row["confidence"] == "likely" and "unverified" not in say
    return Advice(rule, kind, say + " (unverified)" * unsure, row["confidence"], row["source"],
                  row["date"].isoformat())


def headline(model: Model, verdict: Verdict) -> str:
    """The verdict in one or two sentences. The gate comes first (B8)."""
    if verdict.life is Life.FAIL:
        return "Do not use this door in this setting: people inside may not get out."
    level = f"Level {verdict.level}"
    if verdict.could_be > verdict.level:
        level += f", could be {verdict.could_be} if more is shown"
    if verdict.life is Life.UNKNOWN:
        level += ". Provisional: that people inside get out has not been shown"
    capped = capping(verdict)
    if not capped:
        return f"{level}. Nothing holds it down."
    names = [layer.name for layer in model.layers if layer.id in capped]
    return f"{level}. What holds it there: {_listed(names)}."


def advise(
    model: Model, facts: Mapping[str, Said], verdict: Verdict) -> list[Advice]:
    """Everything there is to say, the gate first."""
    found = steps(model, facts, verdict)
    ours = [*_life(model, verdict),
            *((", ".join(step.rules), step.kind, _say(step)) for step in found),
            *_wasted(model, verdict, {step.fact.id for step in found}), *_software(verdict)]
    return [*(advice(*each, model.about) for each in ours), *cautions(facts),
            *uncovered(model, facts)]


def _life(model: Model, verdict: Verdict) -> Iterator[Sentence]:
    for name, met in verdict.gates.items():
        fact = model.facts[name]
        if met is Met.NO:
            yield name, "life", f"Not so: {fact.say}. {_sentence(fact.change)}"
        elif met is Met.MAYBE:
            yield name, "life", f"Not shown: {fact.say}. {_sentence(fact.show)}"


def _say(step: Step) -> str:
    if step.kind == CHANGE:
        return (f"{_sentence(step.fact.change)} Then {KINDS[step.evidence]} shows it. Not so now: "
                f"{step.fact.say}.")
    return f"{_sentence(step.fact.say)} To show it, {step.how}."


def _wasted(model: Model, verdict: Verdict, advised: set[str]) -> Iterator[Sentence]:
    """Layers that are above the others already, and of which no fact is advised."""
    above = [layer for layer in model.layers if layer.id in verdict.layers
             and verdict.layers[layer.id].level > verdict.level
             and all(advised.isdisjoint(each.any) for each in layer.criteria)]
    if above:
        levels = [f"{layer.name} ({verdict.layers[layer.id].level})" for layer in above]
        say = (f"Money spent here raises nothing now, for it is above level {verdict.level} "
               f"already: {_listed(levels)}.")
        yield ", ".join(layer.id for layer in above), "wasted", say


def _software(verdict: Verdict) -> Iterator[Sentence]:
    """Said where the electronics are better than what they are fitted to."""
    physical = min(each.level for name, each in verdict.layers.items() if name in PHYSICAL)
    rest = [each.level for name, each in verdict.layers.items() if name not in PHYSICAL]
    if rest and min(rest) > physical:
        yield "B5", "caution", ("The electronics, however good, do not change that: no software "
                                "lifts a door above its leaf, its lock and how they are fitted.")


def cautions(facts: Mapping[str, Said]) -> list[Advice]:
    """What is to be known of a mark that was shown (data/cautions.toml)."""
    return [advice(rule, "caution", each["say"], each) for rule, each in _rows("cautions").items()
            if any(isinstance(facts.get(fact), str) for fact in each["any"])
            and not any(isinstance(facts.get(fact), str) for fact in each.get("unless", ()))]


def uncovered(model: Model, facts: Mapping[str, Said]) -> list[Advice]:
    """The attacks that none of the marks shown here was tested against (data/attacks.toml)."""
    table, said = _rows("attacks"), []
    for name, mark in table["marks"].items():
        gaps = [words for attack, words in table["attacks"].items() if mark["tests"][attack] == "-"]
        if gaps and any(_counts(model, facts.get(fact)) for fact in mark["any"]):
            said.append(advice(name, "uncovered", f"{mark['name']} does not test {_listed(gaps)}.",
                               {"date": table["date"]} | mark))
    return said


def _counts(model: Model, said: Said) -> bool:
    return isinstance(said, str) and model.worth["cert"][said] > 0


@lru_cache(maxsize=4)
def _rows(name: str) -> dict[str, Any]:
    return read_data(name)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "nothing"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
