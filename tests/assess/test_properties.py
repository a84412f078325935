"""What holds of every verdict, whatever the facts (spec/assess.md).

The facts are all those of the model, and the evidence every kind. One kind lies under all of them
in each example, because facts drawn one by one never come to a level above 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.assess import explain
from mortice.assess.assessment import as_json, assess
from mortice.assess.doorset import (
    PARTS,
    DoorSet,
    Shown,
    Support,
    facts_on,
    read_door_sets,
)
from mortice.assess.evaluate import Life, Met, Said, Verdict, judge, shows
from mortice.assess.explain import PHYSICAL, steps
from mortice.assess.model import CONTEXTS, TOP, model, read_data

MODEL = model()
FACTS = sorted(MODEL.facts)
GATES = {gate.fact for gate in MODEL.gates}
KINDS = sorted(MODEL.ranks, key=MODEL.ranks.__getitem__)
SHOWN = [kind for kind in KINDS if MODEL.ranks[kind]]
SAID: list[Said] = [False, None, *(kind for kind in KINDS if kind != "none")]
LIVES = [Life.FAIL, Life.UNKNOWN, Life.PASS]
DAY = date(2026, 11, 25)
DAYS = st.dates(date(2024, 1, 1), date(2040, 12, 31))
FEW = st.dates(DAY, date(2026, 11, 28))  # so few that two of them are often the same
USES = st.frozensets(st.sampled_from(CONTEXTS))


@st.composite
def some_facts(draw: st.DrawFn) -> dict[str, Said]:
    """Every fact said somehow: one kind under all, some others over it."""
    said = dict.fromkeys(FACTS, draw(st.sampled_from(SAID)))
    for layer in MODEL.layers:  # each layer at one of the levels, or anywhere
        upto, kind = draw(st.integers(0, TOP)), draw(st.sampled_from(SHOWN))
        said |= {fact: kind for each in layer.criteria if each.level <= upto for fact in each.any}
    return said | draw(st.dictionaries(st.sampled_from(FACTS), st.sampled_from(SAID), max_size=15))


def judged(facts: Mapping[str, Said], used: frozenset[str]) -> Verdict:
    return judge(MODEL, facts, smart=True, used=used)


def ranks(verdict: Verdict, *, could_be: bool = True) -> list[int]:
    """What may not fall where more is shown: every level, and the gate."""
    levels = [verdict.level, *(each.level for each in verdict.layers.values())]
    if could_be:
        levels += [verdict.could_be, *(each.could_be for each in verdict.layers.values()),
                   LIVES.index(verdict.life)]
    return levels


def no_higher(one: Verdict, other: Verdict, *, could_be: bool = True) -> bool:
    return all(mine <= theirs for mine, theirs in zip(
        ranks(one, could_be=could_be), ranks(other, could_be=could_be), strict=True))


def door(facts: Mapping[str, Said], **more: Any) -> DoorSet:  # noqa: ANN401 - whatever a door set has
    return DoorSet("a door", smart=True, default=None, used=frozenset(), facts={
        fact: Shown(said, date(2000, 1, 1)) for fact, said in facts.items()}, **more)


# --- levels and the gate --------------------------------------------------------------------------


@given(some_facts(), USES)
def test_no_software_lifts_a_door_above_its_physical_layers(
    facts: dict[str, Said], used: frozenset[str]) -> None:
    physical = {fact for layer in MODEL.layers if layer.id in PHYSICAL
                for each in layer.criteria for fact in each.any}
    best = {fact: said if fact in physical else "lab" for fact, said in facts.items()}
    verdict = judged(best, used)
    least = min(verdict.layers[name].level for name in PHYSICAL)
    most = min(verdict.layers[name].could_be for name in PHYSICAL)
    assert verdict.level <= least
    assert verdict.could_be <= most
    assert least == judge(MODEL, facts, smart=False).level


@given(some_facts(), USES, st.data())
def test_better_evidence_lowers_nothing(
    facts: dict[str, Said], used: frozenset[str], data: st.DataObject) -> None:
    better = dict(facts)
    for fact in data.draw(st.sets(st.sampled_from(FACTS), min_size=1)):
        rank = MODEL.ranks[said] if isinstance(said := facts[fact], str) else -1
        better[fact] = data.draw(st.sampled_from(
            [kind for kind in KINDS if MODEL.ranks[kind] > rank] or [facts[fact]]))
    assert no_higher(judged(facts, used), judged(better, used))


@given(some_facts(), USES)
def test_what_is_proved_never_passes_what_could_be(
    facts: dict[str, Said], used: frozenset[str]) -> None:
    verdict = judged(facts, used)
    assert all(each.level <= each.could_be for each in verdict.layers.values())
    assert verdict.level <= verdict.could_be


@given(some_facts(), USES, st.sets(st.sampled_from(FACTS), min_size=1))
def test_a_fact_taken_away_raises_nothing_proved(
    facts: dict[str, Said], used: frozenset[str], away: set[str]) -> None:
    left = {fact: said for fact, said in facts.items() if fact not in away}
    shown = {fact: said for fact, said in facts.items()
             if fact not in away or not isinstance(said, str)}
    before = judged(facts, used)
    assert no_higher(judged(left, used), before, could_be=False)
    assert (LIVES.index(judged(left, used).life) < LIVES.index(Life.PASS)
            or before.life is Life.PASS), "a false taken away passes no gate"
    assert no_higher(judged(shown, used), before), "a shown fact raised something by going"


@pytest.mark.parametrize(("accept", "level", "meet"), [
    ("cert", 2, {"photo", "measured", "document", "register", "lab"}),
    ("cert", 3, {"document", "register", "lab"}), ("cert", 4, {"register", "lab"}),
    ("site", 1, {"owner", "photo", "measured", "document", "register", "lab"}),
    ("site", 2, {"photo", "measured", "document", "register", "lab"}),
    ("site", 3, {"measured", "document", "register", "lab"}),
    ("digital", 1, {"measured", "document", "register", "lab"}),
    ("digital", 3, {"measured", "document", "register", "lab"}),
    ("digital", 4, {"register", "lab"})])
def test_what_is_not_accepted_counts_as_what_is(accept: str, level: int, meet: set[str]) -> None:
    found = [each for layer in MODEL.layers for each in layer.criteria
             if (each.accept, each.level) == (accept, level)]
    assert found
    for criterion in found:
        assert {kind for kind in KINDS
                if shows(kind, criterion) is Met.YES} == meet, criterion.id


@pytest.mark.parametrize(("kind", "level"), [("photo", 2), ("measured", 2), ("document", 3)])
def test_what_is_measured_of_a_mark_counts_as_a_photo_of_it(kind: str, level: int) -> None:
    facts: dict[str, Said] = dict.fromkeys(FACTS, "lab") | dict.fromkeys(
        [fact for each in MODEL.layers[1].criteria if each.accept == "cert" for fact in each.any],
        False) | {"bs3621_family": kind}
    assert judged(facts, frozenset()).layers["P-LOCK"].level == level


@given(some_facts(), USES)
def test_a_claim_meets_nothing(facts: dict[str, Said], used: frozenset[str]) -> None:
    without = {fact: None if said == "claim" else said for fact, said in facts.items()}
    assert judged(facts, used) == judged(without, used)
    claims = judged(dict.fromkeys(FACTS, "claim"), used)
    assert (claims.level, claims.could_be, claims.life) == (0, TOP, Life.UNKNOWN)


@given(some_facts(), USES)
def test_a_use_without_what_it_asks_fails_whatever_the_level(
    facts: dict[str, Said], used: frozenset[str]) -> None:
    for gate in MODEL.gates:
        verdict = judged(facts | {gate.fact: False}, used)
        assert (verdict.life is Life.FAIL) >= (gate.when == "always" or gate.when in used)
        assert ranks(verdict, could_be=False) == ranks(judged(facts, used), could_be=False)


@pytest.mark.parametrize("cell", ["T", "-", "n/a"])
@given(facts=some_facts())
def test_nothing_marked_to_be_checked_changes_a_verdict(facts: dict[str, Said], cell: str) -> None:
    tables = {name: read_data(name) for name in ("attacks", "cautions")}
    marks = tables["attacks"]["marks"].values()
    assert any("check" in mark["tests"].values() for mark in marks)
    for mark in marks:
        mark["tests"] = {attack: cell if said == "check" else said
                         for attack, said in mark["tests"].items()}
    sure = ("level", "could_be", "life_safety", "gates", "layers", "capped_by", "insurer")
    before = as_json(MODEL, assess(MODEL, door(facts), DAY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explain, "_rows", tables.__getitem__)
        after = as_json(MODEL, assess(MODEL, door(facts), DAY))
    assert [before[key] for key in sure] == [after[key] for key in sure]


# --- the cheapest set -----------------------------------------------------------------------------


@given(some_facts())
def test_the_cheapest_set_raises_the_level_by_one_and_no_part_of_it_does(
    facts: dict[str, Said]) -> None:
    verdict = judged(facts, frozenset())
    found = steps(MODEL, facts, verdict)
    assert bool(found) == (verdict.level < TOP)
    made = {step.fact.id: step.evidence for step in found}
    assert len(made) == len(found), "each fact is asked for once"
    for step in found:
        assert (step.kind == "change") == (facts[step.fact.id] is False)
    if found:
        assert judged(facts | made, frozenset()).level >= verdict.level + 1
    for part in combinations(made, max(len(made) - 1, 0)) if made else ():
        less = facts | {fact: made[fact] for fact in part}
        assert judged(less, frozenset()).level == verdict.level


@given(some_facts())
def test_the_cheapest_set_holds_where_it_is_written_down(facts: dict[str, Said]) -> None:
    first = assess(MODEL, door(facts), DAY)
    asked = {step.fact.id: step.evidence for step in steps(MODEL, first.facts, first.verdict)}
    then = assess(MODEL, door(facts | asked), DAY)
    assert then.verdict.level > first.verdict.level or first.verdict.level == TOP


@pytest.mark.parametrize(("rc3", "interpretation", "asked"), [
    ("document", "owner", {"en1627_uk_interpretation"}),
    ("photo", "document", {"en1627_rc3"}),
    (None, None, {"en1627_rc3", "en1627_uk_interpretation"})])
def test_a_class_of_en1627_is_asked_for_with_what_it_counts_with(
    rc3: Said, interpretation: Said, asked: set[str]) -> None:
    facts: dict[str, Said] = dict.fromkeys(FACTS, "lab")
    facts |= {fact: False for each in next(iter(MODEL.layers)).criteria if each.level > 2
              for fact in each.any}
    facts |= {"en1627_rc3": rc3, "en1627_uk_interpretation": interpretation}
    verdict = judge(MODEL, facts, smart=False)
    found = steps(MODEL, facts, verdict)
    assert {(step.fact.id, step.evidence) for step in found} == {
        (fact, "document") for fact in asked}
    made = {step.fact.id: step.evidence for step in found}
    assert (verdict.level, judge(MODEL, facts | made, smart=False).level) == (2, 3)


# --- days -----------------------------------------------------------------------------------------


@given(DAYS, st.sampled_from(SHOWN))
def test_two_years_before_its_end_support_is_short_and_not_the_day_before(
    end: date, kind: str) -> None:
    said = door(dict.fromkeys(FACTS, "lab"), support=Support(end, kind, date(2010, 1, 1)))
    layer = {day: assess(MODEL, said, day).verdict.layers["V-LEG"].level
             for day in (first_short(end) - timedelta(days=1), first_short(end))}
    before, then = layer.values()
    assert then <= before
    if MODEL.ranks[kind] >= MODEL.ranks["measured"]:
        assert (before >= 2, then) == (True, 1)


def first_short(end: date) -> date:
    """The first day from which two years go past `end`."""
    day = date(end.year - 2, end.month, min(end.day, 28)) - timedelta(days=3)
    while (day.year + 2, day.month, 28 if (day.month, day.day) == (2, 29) else day.day) <= (
            end.year, end.month, end.day):
        day += timedelta(days=1)
    return day


@given(st.sampled_from(FACTS), st.sampled_from(SHOWN), DAYS, DAYS)
def test_evidence_counts_from_its_day_to_its_last(
    fact: str, kind: str, on: date, until: date) -> None:
    said = DoorSet("a door", smart=True, default=None, used=frozenset(),
                   facts={fact: Shown(kind, on, until)})
    for day, counts in ((on, on <= until), (until, on <= until), (on - timedelta(days=1), False),
                        (until + timedelta(days=1), False)):
        assert (facts_on(said, MODEL, day)[fact] == kind) == counts


@given(some_facts(), st.dictionaries(st.sampled_from([*PARTS]), st.none() | FEW, min_size=1),
       st.dictionaries(st.sampled_from(FACTS), st.none() | FEW))
def test_a_changed_part_makes_claims_of_what_was_shown_before(
    facts: dict[str, Said], changed: dict[str, date | None], days: dict[str, date | None]) -> None:
    said = DoorSet("a door", smart=True, default=None, used=frozenset(), facts={
        fact: Shown(each, days.get(fact)) for fact, each in facts.items()}, changed=changed)
    late, before = date(2041, 1, 1), facts_on(replace(said, changed={}), MODEL, date(2041, 1, 1))
    for fact, now in facts_on(said, MODEL, late).items():
        on = days.get(fact)
        again = on is not None and all(day is not None and day <= on for part, day in (
            changed.items()) if fact in unmade(part))
        holds = again or not isinstance(facts[fact], str) or not any(
            fact in unmade(part) for part in changed)
        assert now == (before[fact] if holds else "claim")
    assert no_higher(assess(MODEL, said, late).verdict,
                     assess(MODEL, replace(said, changed={}), late).verdict)


def unmade(part: str) -> set[str]:
    """What a change of it touches, written down once more (B10)."""
    whole = {"lock": {"P-LOCK", "P-INST"}, "door": {"P-DOOR", "P-INST"},
             "actuator": {layer.id for layer in MODEL.layers if layer.smart}}.get(part, set())
    certified = set() if part == "door" else {"P-LOCK", "P-DOOR"}
    named = {"inside_only_actuator_cert_retained", "commissioning_complete",
             "independent_inspection", "projection_le_3mm"} if certified else set()
    return GATES | named | {
        fact for layer in MODEL.layers for each in layer.criteria
        if layer.id in whole or (layer.id in certified and each.accept == "cert")
        for fact in each.any}


def test_a_new_cylinder_lowers_a_certified_door_until_it_is_shown_again() -> None:
    text = """
facts: {%s}
changes: {cylinder: 2026-06-01}
"""
    said = dict.fromkeys(FACTS, "{shown: lab, on: 2026-01-01}")
    said |= dict.fromkeys(("leaf_sound", "deadlocking_device"), "document")

    def level(**more: str) -> tuple[int, Life]:
        facts = ", ".join(f"{fact}: {each}" for fact, each in (said | more).items())
        verdict = assess(MODEL, read_door_sets(text % facts, "yaml", MODEL)[0], DAY).verdict
        return verdict.level, verdict.life

    assert level() == (1, Life.UNKNOWN)
    anew = "{shown: lab, on: 2026-06-02}"
    assert level(**dict.fromkeys(FACTS, anew)) == (TOP, Life.PASS)
    assert level(ss312_diamond=anew, projection_le_3mm=anew) == (2, Life.UNKNOWN)
