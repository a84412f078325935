"""Marks and codes in a file of facts count as the facts that they show, and no further."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mortice.assess.assessment import assess
from mortice.assess.doorset import facts_on, read_door_sets
from mortice.assess.evaluate import Said
from mortice.assess.model import model
from mortice.assess.text import BadFile

MODEL = model()
DAY = date(2026, 11, 25)
KINDS = [*MODEL.ranks]
THREE, ONE = "TS 007 3 star", "TS 007 1 star"
TWO = {"mark": "TS 007 2 star", "part": "hardware"}


def file(marks: object, **more: object) -> str:
    return yaml.safe_dump({"marks": marks} | more)


def counted(*marks: dict[str, Any], day: date = DAY, **more: object) -> dict[str, Said]:
    text = file([{"shown": "photo"} | each for each in marks], **more)
    [door] = read_door_sets(text, "yaml", MODEL)
    return facts_on(door, MODEL, day)


def refused(marks: object, **more: object) -> BadFile:
    with pytest.raises(BadFile) as caught:
        read_door_sets(file(marks, **more), "yaml", MODEL)
    return caught.value


@pytest.mark.parametrize(("marks", "total"), [
    ([{"mark": ONE}, TWO], "photo"),
    ([{"mark": THREE}], "photo"),
    ([{"mark": THREE}, TWO], "photo"),
    ([{"mark": ONE}], None),
    ([TWO], None),
    ([TWO, TWO], None),
    ([{"mark": ONE}, {"mark": ONE}], None),
    ([{"mark": ONE, "shown": "register"}, TWO | {"shown": "document"}], "document"),
    ([{"mark": ONE, "shown": "document"}, TWO | {"shown": "measured"}], "measured"),
    ([{"mark": ONE}, TWO | {"shown": "claim"}], "claim"),
    ([{"mark": ONE}, TWO | {"shown": "claim"}, TWO], "photo"),
    ([{"mark": "TS 007-1:2024 1 star"}, TWO], None),  # an edition that is still to be checked
])
def test_stars_come_to_three_or_do_not(marks: list[dict[str, Any]], total: Said) -> None:
    assert counted(*marks).get("ts007_total3") == total


def test_stars_of_electronic_cylinders_are_their_own_fact() -> None:
    facts = counted({"mark": "TS 007-2 1 star"}, TWO)
    assert facts.get("ts007_2_total3") == "photo"
    assert "ts007_total3" not in facts


@given(st.sampled_from(KINDS), st.sampled_from(KINDS))
def test_three_stars_together_are_worth_the_less_of_the_two(one: str, two: str) -> None:
    total = counted({"mark": ONE, "shown": one}, TWO | {"shown": two}).get("ts007_total3")
    for worth in MODEL.worth.values():
        assert (worth[total] if isinstance(total, str) else 0) == min(worth[one], worth[two])


def test_of_two_kinds_of_evidence_the_later_is_nowhere_worth_less() -> None:
    for worth in MODEL.worth.values():
        assert all(worth[one] <= worth[two] for one, two in pairwise(KINDS))


@pytest.mark.parametrize(("mark", "fact"), [
    ({"mark": "SS 312 Diamond"}, "ss312_diamond"),
    ({"mark": "BS 3621:2007", "part": "lock"}, "bs3621_family"),
    ({"mark": "PAS 24:2022", "part": "set"}, "pas24"),
    ({"standard": "EN 1303:2015", "code": "1 6 0 0 0 C 6 D", "part": "cylinder"}, "en1303_6_D"),
    ({"standard": "EN 12209:2003", "code": "3 M 9 0 0 G 7 B C 2 0"}, "en12209_sec_ge5"),
    ({"standard": "EN 14846:2008", "code": "3 X 9 E 0 M 7 1 3"}, "en14846_manip_ge1"),
])
def test_a_mark_counts_as_its_fact_by_its_kind_of_evidence(mark: dict[str, Any], fact: str) -> None:
    assert counted(mark)[fact] == "photo"
    assert counted(mark | {"shown": "claim"})[fact] == "claim"
    assert counted(mark, facts={fact: "owner"})[fact] == "photo"
    assert counted(mark, facts={fact: "lab"})[fact] == "lab"
    assert counted(mark, default=False)[fact] == "photo"


def test_a_mark_counts_from_its_day_to_its_last() -> None:
    mark = {"mark": THREE, "on": date(2026, 1, 1), "until": date(2026, 6, 30)}
    for day, said in ((date(2025, 12, 31), "claim"), (date(2026, 1, 1), "photo"),
                      (date(2026, 6, 30), "photo"), (date(2026, 7, 1), "claim")):
        assert counted(mark, day=day)["ts007_total3"] == said


@pytest.mark.parametrize(("on", "said"), [
    (None, "claim"), (date(2026, 2, 28), "claim"), (date(2026, 3, 1), "photo")])
def test_a_changed_cylinder_makes_claims_of_earlier_marks(on: date | None, said: Said) -> None:
    changes = {"cylinder": date(2026, 3, 1)}
    assert counted({"mark": THREE, "on": on}, changes=changes)["ts007_total3"] == said
    both = counted({"mark": ONE, "on": date(2026, 3, 2)}, TWO | {"on": on}, changes=changes)
    assert both["ts007_total3"] == said


def test_a_class_of_en_1627_counts_only_with_its_evidence() -> None:
    def door_level(mark: str, **facts: str) -> int:
        sound = dict.fromkeys(("leaf_sound", "leaf_ge_44mm", "no_letterplate",
                               "no_glass_near_lock"), "photo")
        [door] = read_door_sets(file([{"mark": mark, "shown": "register"}], facts=sound | facts),
                                "yaml", MODEL)
        return assess(MODEL, door, DAY).verdict.layers["P-DOOR"].level
    assert door_level("EN 1627 RC 2", en1627_uk_interpretation="register") == 2
    assert door_level("EN 1627 RC 3") == 2
    assert door_level("EN 1627 RC 3", en1627_uk_interpretation="register") == 4
    assert {door_level(f"EN 1627:2021 RC {number}") for number in (4, 5, 6)} == {4}


@pytest.mark.parametrize(("said", "could_be"), [({}, 4), ({"en1627_uk_interpretation": False}, 2)])
def test_a_list_without_the_uk_s_evidence_does_not_say_that_there_is_none(
    said: dict[str, object], could_be: int) -> None:
    sound = dict.fromkeys(("leaf_sound", "leaf_ge_44mm", "no_letterplate", "no_glass_near_lock"),
                          "photo")
    [door] = read_door_sets(file([{"mark": "EN 1627 RC 3", "shown": "register"}], default="false",
                                 facts=sound | said), "yaml", MODEL)
    made = assess(MODEL, door, DAY).verdict.layers["P-DOOR"]
    assert (made.level, made.could_be) == (2, could_be)


def test_class_rc_2_is_spoken_of_and_credited_nowhere() -> None:
    [door] = read_door_sets(file([{"mark": "EN 1627 RC 2", "shown": "register"}]), "yaml", MODEL)
    made = assess(MODEL, door, DAY)
    assert made.verdict.layers["P-DOOR"].level == 0
    assert any(each.rule == "en1627_uk" for each in made.advice)


def test_a_superseded_edition_is_said_and_changes_no_verdict() -> None:
    made = {}
    for edition in ("2007", "2017"):
        [door] = read_door_sets(
            file([{"mark": f"BS 3621:{edition}", "shown": "photo"}]), "yaml", MODEL)
        made[edition] = assess(MODEL, door, DAY)
    assert made["2007"].verdict == made["2017"].verdict
    said = [each.say for each in made["2007"].advice if each.rule == "bs3621"]
    assert len(said) == 1
    assert "not the current edition" in said[0]
    assert not [each for each in made["2017"].advice if each.rule == "bs3621"]


@pytest.mark.parametrize(("marks", "what"), [
    ("TS 007", "marks is not a list"),
    (["TS 007"], "is not a table"),
    ([{"mark": "2-star cylinder", "shown": "photo"}], "there is no TS 007 2 star cylinder"),
    ([{"mark": "TS 007 2 star", "part": "cylinder", "shown": "photo"}], "there is no TS 007 2"),
    ([{"mark": "PAS 24", "part": "lock", "shown": "photo"}], "there is no PAS 24 lock"),
    ([{"mark": THREE, "part": "window", "shown": "photo"}], "'window' is not known here"),
    ([{"mark": THREE, "part": ["lock"], "shown": "photo"}], "is not known here"),
    ([{"mark": THREE}], "does not say how this was shown"),
    ([{"mark": THREE, "shown": True}], "'True' is not known here"),
    ([{"mark": THREE, "shown": "seen"}], "'seen' is not known here"),
    ([{"mark": THREE, "shown": "photo", "on": "yesterday"}], "is not a day"),
    ([{"mark": THREE, "shown": "photo", "withdrawn": True}], "'withdrawn' is not known here"),
    ([{"standard": "EN 1303", "code": "1 6 - B - C 5 D", "shown": "photo"}], "several editions"),
    ([{"standard": "EN 1303:2015", "code": "1 6 - B - C 5 2", "shown": "photo"}], "place 8"),
    ([{"standard": "EN 1303:2015", "code": "16-B-C5D", "part": "lock", "shown": "photo"}],
     "there is no EN 1303 lock"),
    ([{"code": "1 6 - B - C 5 D", "shown": "photo"}], "names no standard"),
    ([{"shown": "photo"}], "names no standard"),
])
def test_a_mark_that_cannot_be_is_an_error_with_its_line(marks: object, what: str) -> None:
    assert what in refused(marks).what


def test_the_error_stands_on_the_mark_s_own_line() -> None:
    text = "facts: {}\nmarks:\n- mark: TS 007 3 star\n  shown: photo\n- mark: PAS 24 lock\n"
    with pytest.raises(BadFile, match=r"^Line 5: there is no PAS 24 lock"):
        read_door_sets(text, "yaml", MODEL)
    with pytest.raises(BadFile, match=r"^Line 4: there is no PAS 24 lock"):
        read_door_sets('[facts]\n[[marks]]\nshown = "photo"\nmark = "PAS 24 lock"\n', "toml", MODEL)


@pytest.mark.parametrize("false", [False, {"withdrawn": True}])
def test_what_is_false_and_shown_by_a_mark_is_an_error(false: object) -> None:
    marks = [{"mark": ONE, "shown": "photo"}, TWO | {"shown": "photo"}]
    assert "a mark shows it" in refused(marks, facts={"ts007_total3": false}).what
    assert counted({"mark": ONE}, facts={"ts007_total3": False})["ts007_total3"] is False
