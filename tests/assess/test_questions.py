"""What is asked reaches every fact that somebody at the door can know, and claims no more."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from mortice.assess.assessment import assess
from mortice.assess.doorset import Shown, read_table
from mortice.assess.evaluate import Life
from mortice.assess.model import model
from mortice.assess.questions import (
    KINDS,
    OTHER,
    OWNER,
    UNKNOWN,
    Given,
    asked,
    door_table,
    questions,
    shared,
)

DAY = date(2026, 11, 25)
MODEL, EVERY = model(), questions()
CODES = {"EN 12209:2024": "3 M 9 0 0 G 5 0", "EN 12209:2016": "3 M 9 0 0 G 5 0",
         "EN 12209:2003": "3 M 9 0 0 G 7 B C 2 0", "EN 1303:2015": "1 6 0 0 0 A 6 D",
         "EN 1303:2005": "1 6 0 1 0 C 6 2", "EN 14846:2008": "3 X 9 E 0 M 7 1 3"}
PHYSICAL = {"P-DOOR", "P-LOCK", "P-INST"}
HOME = {"household": "one", "fire_door": "no", "held": "no", "way_out": "yes", "leaf": "yes",
        "lock": "strip", "letterplate": "none", "glass": "none", "bolt": "yes", "cylinder": "euro",
        "stars": "three", "throws": "yes", "projection": "flush", "keep": "boxed", OTHER: "no"}


def answers(how: str = OWNER, photos: int = 0, **said: str) -> dict[str, Given]:
    """An answer to each question, as of DAY."""
    return {name: Given(each, str(DAY), how, "", "", str(DAY) * photos)
            for name, each in said.items()}


def levels(given: dict[str, Given]) -> dict[str, int]:
    made = assess(MODEL, read_table(door_table("Front", given, MODEL), MODEL), DAY)
    return {layer: bounds.level for layer, bounds in made.verdict.layers.items()}


# --- the questions --------------------------------------------------------------------------------


def test_every_fact_that_is_seen_at_the_door_is_asked() -> None:
    """All of the physical layers, of the gate, and of ways in when the power fails."""
    wanted = {fact for layer in MODEL.layers for each in layer.criteria for fact in each.any
              if layer.id in PHYSICAL or each.accept == "site" or layer.id == "E-DEV"}
    wanted |= {gate.fact for gate in MODEL.gates}
    by_tests = {"bolt_state_sensed", "outside_removal_does_not_unlock"}  # only a test shows them
    gave = set()
    for question in EVERY.values():
        for name, answer in question.answers.items():
            note = CODES.get(answer.standard, "")
            before = {other: Given(those[0], str(DAY)) for other, those in question.when.items()}
            table = door_table("Front", before | {
                question.id: Given(name, str(DAY), "register", note)}, MODEL)
            door = read_table(table, MODEL)
            gave |= {fact for fact, each in door.facts.items() if each.said}
            gave |= {fact for each in door.marks for fact in each.read.facts}
            gave |= set(answer.yes)
    assert wanted - by_tests - gave == set()


def test_the_questions_fit_the_model() -> None:
    for question in EVERY.values():
        assert set(question.how) <= MODEL.ranks.keys() & KINDS.keys()
        assert UNKNOWN in question.answers
        assert not question.answers[UNKNOWN].yes + question.answers[UNKNOWN].no
        for name, those in question.when.items():
            assert set(those) <= EVERY[name].answers.keys()
            assert list(EVERY).index(name) < list(EVERY).index(question.id)
        for answer in question.answers.values():
            assert {*answer.yes, *answer.no} <= MODEL.facts.keys()
            assert not {*answer.yes} & {*answer.no}


def test_what_does_not_concern_a_door_is_not_asked() -> None:
    first = {each.id for each in asked({})}
    home = {each.id for each in asked(answers(**HOME))}
    assert {"one_movement", "closes", "fire_paper", "releases"} <= first - home
    assert not {name for name in home if name.startswith("other_")}
    assert "other_paper" in {each.id for each in asked(answers(other="yes"))}


# --- what answers come to -------------------------------------------------------------------------


def test_nothing_answered_is_nothing_known() -> None:
    made = assess(MODEL, read_table(door_table("Front", {}, MODEL), MODEL), DAY)
    assert (made.verdict.level, made.verdict.could_be) == (0, 4)
    assert made.verdict.life is Life.UNKNOWN
    assert len(made.verdict.gates) == len(MODEL.gates)  # each use counts (B22)


def test_a_use_that_is_not_known_counts_as_one() -> None:
    table = door_table("Front", answers(household="one", fire_door=UNKNOWN, held="no"), MODEL)
    assert table["context"] == ["fire_door"]


def test_a_photo_that_is_not_there_is_the_owners_word() -> None:
    without, with_one = (levels(answers("photo", photos, **HOME)) for photos in (0, 1))
    assert (without["P-LOCK"], with_one["P-LOCK"]) == (1, 2)  # a photo is not enough for L3
    assert (without["P-INST"], with_one["P-INST"]) == (1, 2)


@pytest.mark.parametrize(("how", "note", "photos", "counts"), [
    ("measured", "", 0, "owner"), ("measured", "2 mm", 0, "measured"), ("photo", "", 1, "photo"),
    ("document", "x", 1, "owner"),  # not offered here
    ("lab", "x", 1, "owner"), ("nonsense", "x", 1, "owner"), ("owner", "", 0, "owner")])
def test_evidence_is_what_is_there(how: str, note: str, photos: int, counts: str) -> None:
    given = {"cylinder": Given("euro", ""),
             "projection": Given("flush", str(DAY), how, note, "", str(DAY) * photos)}
    table = door_table("Front", given, MODEL)
    assert table["facts"]["projection_le_3mm"]["shown"] == counts


def test_stars_come_from_both_parts() -> None:
    said = HOME | {"stars": "one", "handle": "two"}
    assert levels(answers("document", 1, **said))["P-LOCK"] == 3
    assert levels(answers("document", 1, **said | {"handle": "none"}))["P-LOCK"] == 2
    assert levels(answers("document", 1, **said | {"stars": "none"}))["P-LOCK"] == 1


def test_a_change_unmakes_what_was_shown_before() -> None:
    given = answers("document", 1, **HOME)
    before = levels(given)["P-LOCK"]
    given["changed"] = Given("cylinder", "2026-11-26")
    made = assess(MODEL, read_table(door_table("Front", given, MODEL), MODEL), date(2026, 11, 26))
    assert before == 3
    assert made.verdict.layers["P-LOCK"].level == 1


def test_a_photo_is_of_its_own_day() -> None:
    """B23: an answer given anew with an old photo is no younger than the photo."""
    given = answers("photo", 1, **HOME) | {
        "projection": Given("flush", "2027-01-01", "photo", "", "", str(DAY)),
        "throws": Given("yes", "2027-01-01")}
    facts = door_table("Front", given, MODEL)["facts"]
    assert (facts["projection_le_3mm"]["on"], facts["bolt_throws_fully"]["on"]) == (
        str(DAY), "2027-01-01")


# --- another maker's lock beside it (B25) ---------------------------------------------------------


PROVED = {"event_log": Shown("measured", DAY), "replay_protection_tested": Shown("document", DAY),
          "account_2fa": Shown(said=False, on=DAY), "mechanical_override": Shown("photo", DAY)}


@pytest.mark.parametrize(("said", "log", "replay"), [
    ({OTHER: "no"}, "measured", "document"), ({}, None, None), ({OTHER: UNKNOWN}, None, None),
    ({OTHER: "yes"}, None, None), ({OTHER: "yes", "other_log": "yes"}, "measured", None)])
def test_the_weaker_of_two_locks_counts(
    said: dict[str, str], log: str | None, replay: str | None) -> None:
    found = shared(PROVED, answers("document", 1, **said), MODEL)
    assert (found["event_log"].said, found["replay_protection_tested"].said) == (log, replay)
    assert found["account_2fa"].said is False
    assert found["mechanical_override"].said == "photo"  # of the door, whoever's lock it is


def test_the_other_ones_paper_is_wanted_as_well() -> None:
    built = answers("document", 1, built="statement", other="yes")
    assert "statement_of_compliance" not in door_table("Front", built, MODEL)["facts"]
    both = built | answers("document", 1, other_paper="yes")
    assert door_table("Front", both, MODEL)["facts"]["statement_of_compliance"]["shown"] == (
        "document")
    neither = built | answers("document", 1, other_paper="no")
    assert door_table("Front", neither, MODEL)["facts"]["statement_of_compliance"] is False


# --- whatever is answered -------------------------------------------------------------------------


def given_of(draw: st.DataObject) -> dict[str, Given]:
    made = {}
    for question in EVERY.values():
        answer = draw.draw(st.sampled_from(list(question.answers)))
        note = CODES.get(question.answers[answer].standard, "noted")
        made[question.id] = Given(answer, str(DAY), draw.draw(st.sampled_from(list(KINDS))),
                                  note, "", draw.draw(st.sampled_from(["", str(DAY)])))
    return made


@settings(deadline=None)  # whichever comes first reads all the data
@drawn(st.data())
def test_whatever_is_answered_can_be_judged(draw: st.DataObject) -> None:
    """No answers contradict each other so that there is no verdict at all."""
    given = given_of(draw)
    made = assess(MODEL, read_table(door_table("Front", given, MODEL), MODEL), DAY)
    assert 0 <= made.verdict.level <= made.verdict.could_be


@settings(deadline=None)  # whichever comes first reads all the data
@drawn(st.data())
def test_not_to_know_never_helps(draw: st.DataObject) -> None:
    """`I don't know` in place of any answer proves no more (B7)."""
    given = given_of(draw)
    name = draw.draw(st.sampled_from(list(given)))
    less = given | {name: Given(UNKNOWN, str(DAY))}
    if any(name in each.when for each in EVERY.values()) or name == "changed":
        return  # then other questions are asked
    before, after = levels(given), levels(less)
    assert all(after[layer] <= before[layer] for layer in before)
