"""What is advised can raise the level, says how sure it is, and wastes no money (B14, B15)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.assess.assessment import as_json, assess
from mortice.assess.doorset import read_table
from mortice.assess.evaluate import Met, Said, judge, shows
from mortice.assess.explain import KINDS, advise, steps
from mortice.assess.model import TOP, Criterion, model, read_data

MODEL, DAY = model(), date(2026, 11, 25)
FACTS, SHOWN = sorted(MODEL.facts), [kind for kind, rank in MODEL.ranks.items() if rank]
CRITERIA = {each.id: each for layer in MODEL.layers for each in layer.criteria}
TABLES = {name: read_data(name) for name in ("cautions", "attacks")}


def lacking(criterion: Criterion, fact: str) -> dict[str, Said]:
    """A door that meets all but one criterion and what is above it, which one fact could meet."""
    above = [name for each in CRITERIA.values() if each == criterion or (
        each.layer == criterion.layer and each.level > criterion.level) for name in each.any]
    unsuitable = {MODEL.facts[fact].not_with: False} if MODEL.facts[fact].not_with else {}
    return dict.fromkeys(FACTS, "lab") | dict.fromkeys(above, False) | unsuitable | {fact: None}


@pytest.mark.parametrize(("criterion", "fact"), [
    pytest.param(each, fact, id=f"{each.id}-{fact}")
    for each in CRITERIA.values() for fact in each.any])
def test_who_does_what_they_are_told_has_shown_it(criterion: Criterion, fact: str) -> None:
    facts = lacking(criterion, fact)
    verdict = judge(MODEL, facts, smart=True)
    for step in steps(MODEL, facts, verdict):
        words = step.how.removeprefix("by ").partition(": ")
        [kind] = [kind for kind, said in KINDS.items() if said == words[0]]
        for rule in step.rules:
            assert shows(kind, CRITERIA[rule]) is Met.YES, "what it names is not enough"
        if kind in ("document", "register", "lab"):
            assert "photograph" not in words[2]
        asked = {"document": "number", "register": "register"}
        if kind != step.fact.by and kind in asked:
            assert asked[kind] in words[2]
        if step.kind == "show":
            assert any(step.how in each.say for each in advise(MODEL, facts, verdict))


@pytest.mark.parametrize(("fact", "criterion", "how"), [
    ("bs3621_family", "L2", "by a photo: photograph the mark on the lock's faceplate"),
    ("bs3621_family", "L3",
     "by a document: get its certificate, with the certificate's number"),
    ("ss312_diamond", "L4", "by an entry in its issuer's register: find it in its issuer's"),
    ("pas24", "D3", "by a document: get the certificate of this set"),
    ("low_battery_warning", "R1", "by a measurement or a test's record: try it"),
])
def test_a_mark_is_shown_as_its_level_asks(fact: str, criterion: str, how: str) -> None:
    facts = lacking(CRITERIA[criterion], fact)
    [step] = [each for each in steps(MODEL, facts, judge(MODEL, facts, smart=True))
              if each.fact.id == fact]
    assert step.rules == (criterion,)
    assert step.how.startswith(how)


def test_the_cheapest_photo_of_a_mark_is_no_way_to_level_three() -> None:
    facts: dict[str, Said] = dict.fromkeys(FACTS, "lab")
    facts |= dict.fromkeys(CRITERIA["L4"].any, False) | dict.fromkeys(CRITERIA["L3"].any, False)
    facts |= {"bs3621_family": "photo", "purpose_made_mpl_door": False}
    verdict = judge(MODEL, facts, smart=True)
    [said] = [each.say for each in advise(MODEL, facts, verdict) if each.rule == "L3"]
    assert verdict.level == 2
    assert "certificate's number" in said
    assert "hotograph" not in said


# --- how sure -------------------------------------------------------------------------------------


def test_what_is_likely_says_so_and_everything_says_where_it_is_from() -> None:
    facts = dict.fromkeys(FACTS, "photo")
    made = as_json(MODEL, assess(MODEL, read_table(
        {"smart": True, "facts": facts, "marks": [
            {"mark": "Sold Secure Diamond", "shown": "photo"},
            {"mark": "BS 3621:2007", "shown": "photo"}]}, MODEL), DAY))["advice"]
    rows = TABLES["cautions"] | TABLES["attacks"]["marks"]
    told = {each["rule"]: each for each in made}
    assert {"ts007_re_rated", "ts621", "ss312_diamond"} <= told.keys()
    assert {each["confidence"] for each in made} == {"certain", "likely"}
    for each in made:
        assert each["source"]
        assert date.fromisoformat(each["dated"]) <= DAY
        assert ("unverified" in each["say"]) == (each["confidence"] == "likely")
        if each["rule"] in rows:
            assert each["confidence"] == rows[each["rule"]]["confidence"]


@pytest.mark.parametrize("name", [*TABLES["cautions"], *TABLES["attacks"]["marks"]])
def test_every_row_that_is_said_has_its_source_and_is_sure_enough(name: str) -> None:
    row = (TABLES["cautions"] | TABLES["attacks"]["marks"])[name]
    assert row["source"]
    assert row["confidence"] in ("certain", "likely")


def test_of_an_electronic_cylinder_nothing_is_said_that_nobody_knows() -> None:
    facts: dict[str, Said] = {"ts007_2_total3": "register"}
    made = advise(MODEL, facts, judge(MODEL, facts, smart=True))
    assert not [each for each in made if each.kind == "uncovered"]


# --- money ----------------------------------------------------------------------------------------


def wasted(facts: Mapping[str, Said]) -> set[str]:
    verdict = judge(MODEL, facts, smart=True)
    return {layer for each in advise(MODEL, facts, verdict) if each.kind == "wasted"
            for layer in each.rule.split(", ")}


def test_a_layer_is_not_called_a_waste_by_whoever_advises_a_fact_of_it() -> None:
    facts: dict[str, Said] = dict.fromkeys(FACTS, "lab") | dict.fromkeys(
        [*CRITERIA["L3"].any, *CRITERIA["L4"].any], False) | {"ts621": None}
    assert [step.fact.id for step in steps(MODEL, facts, judge(MODEL, facts, smart=True))] == [
        "ts621"]
    assert "ts621" in CRITERIA["E3"].any
    assert wasted(facts) == {layer.id for layer in MODEL.layers} - {"P-LOCK", "E-DEV"}


@given(st.dictionaries(st.sampled_from(FACTS), st.sampled_from([False, None, *SHOWN])),
       st.sampled_from(SHOWN), st.integers(1, TOP))
def test_no_layer_is_called_a_waste_that_an_advised_fact_is_of(
    some: dict[str, Said], kind: str, upto: int) -> None:
    facts: dict[str, Said] = {fact: kind for each in CRITERIA.values() if each.level <= upto
                              for fact in each.any} | some
    verdict = judge(MODEL, facts, smart=True)
    advised = {step.fact.id for step in steps(MODEL, facts, verdict)}
    for layer in MODEL.layers:
        if layer.id in wasted(facts):
            assert advised.isdisjoint(fact for each in layer.criteria for fact in each.any)
