"""The facts about standards load, are whole, and judge nothing that is still to be checked."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from mortice.assess.codes import BadCode, read_code, read_mark
from mortice.assess.model import model
from mortice.assess.standards import PARTS, Standard, compact, read_standard, standards

ALL = standards()
SMALL = """
title = "A mark"
names = ["XY 1"]
parts = ["lock"]
covers = "a lock"
not_covers = "a door"
source = "its text"
date = 2026-11-22
confidence = "certain"
editions = [{ id = "2020", status = "current" }]

[[codes]]
editions = ["2020"]
facts = [{ fact = "en12209_sec_ge5", where = { 1 = "5" } }]
[[codes.places]]
name = "security"
values = { 5 = "high" }

[[marks]]
grades = ["1 star"]
facts = ["ts007_1star"]
stars = 1
total = "ts007_total3"
say = "one star"
"""


@pytest.mark.parametrize("each", ALL.values(), ids=lambda each: each.id)
def test_a_file_is_whole(each: Standard) -> None:
    assert len(each.title) > len(each.id)
    assert all(len(words) > 3 for words in (each.covers, each.not_covers, each.source))
    assert date(2026, 1, 1) < each.date < date(2100, 1, 1)
    assert each.name == each.names[0]
    assert all(len(name) > 2 for name in each.names)
    for parts in (each.parts, *(grade.parts for grade in each.marks)):
        assert set(parts) <= set(PARTS)
        assert parts or not (each.marks or each.codes)
    grades = [compact(grade) for row in each.marks for grade in row.grades]
    assert len(set(grades)) == len(grades)
    for edition in each.editions:
        assert edition.since is None or edition.until is None or edition.since < edition.until


def test_the_standards_of_british_homes_are_there() -> None:
    assert {"en12209", "en1303", "bs3621", "bs8621", "bs10621", "pas3621", "pas24", "ts007",
            "ss312", "ts621", "en14846", "en15684", "en16867", "en1906", "en179", "en1125",
            "en13637", "en1634", "bs476_22", "lps1175", "lps1242", "lps2081", "sts201", "sts202",
            "en1627", "en303645", "psti", "approved_document_q", "approved_document_b",
            "fire_safety_order", "hmo", "renters_rights"} <= ALL.keys()


def test_the_small_file_of_these_tests_is_right() -> None:
    assert read_standard("xy", SMALL).codes[0].places[0].values["5"].say == "high"


@pytest.mark.parametrize(("old", "new"), [
    ('confidence = "certain"', 'confidence = "sure"'),
    ('confidence = "certain"', ""),
    ("date = 2026-11-22", 'date = "22 November 2026"'),
    ("date = 2026-11-22", "date = 2026-11-22T10:00:00Z"),
    ("date = 2026-11-22", ""),
    ('status = "current"', 'status = "old"'),
    ('status = "current"', 'status = "current", since = "2020"'),
    ('parts = ["lock"]', 'parts = ["window"]'),
    ("stars = 1", "stars = 4"),
    ('covers = "a lock"', "covers = 1"),
    ('covers = "a lock"', 'covers = "a lock"\ncover = "a door"'),
    ('editions = ["2020"]', 'editions = ["2021"]'),
    ('values = { 5 = "high" }', 'values = { 6 = "high" }'),
    ('values = { 5 = "high" }', 'meaning = { 5 = "high" }'),
    ("{ 1 =", "{ 2 ="),
    ('"ts007_1star"', '"three_stars"'),
    ('"ts007_total3"', '"three_stars"'),
    ("[[codes]]", "[[codes"),
])
def test_a_wrong_file_is_refused(old: str, new: str) -> None:
    assert old in SMALL
    with pytest.raises(ValueError, match=r"^xy\.toml: "):
        read_standard("xy", SMALL.replace(old, new, 1))


@pytest.mark.parametrize(("old", "new"), [
    ('confidence = "certain"', 'confidence = "check"'),
    ('values = { 5 = "high" }', 'values = { 5 = { say = "high", confidence = "check" } }'),
    ('name = "security"', 'name = "security"\nconfidence = "check"'),
    ('say = "one star"', 'say = "one star"\nconfidence = "check"'),
    ('facts = ["ts007_1star"]', 'confidence = "check"'),  # its total is a fact as well
])
def test_no_fact_rests_on_what_is_to_be_checked(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="to be checked"):
        read_standard("xy", SMALL.replace(old, new, 1))


@pytest.mark.parametrize("each", [each for each in ALL.values() if each.marks],
                         ids=lambda each: each.id)
def test_every_mark_with_a_fact_is_known_well_enough(each: Standard) -> None:
    years = [f":{edition.id}" for edition in each.editions if edition.id.startswith(("19", "20"))]
    for row, year in product(each.marks, ["", *years]):
        for grade in row.grades:
            made = read_mark(f"{each.name}{year} {grade}")
            sure = "check" not in (row.confidence, made.edition and made.edition.confidence)
            assert made.facts == (row.facts if sure else ())
            assert sure or not (made.stars or made.total)
            assert set(made.facts) <= model().facts.keys()


def test_a_code_of_an_edition_that_is_to_be_checked_shows_nothing(
    monkeypatch: pytest.MonkeyPatch) -> None:
    for status, facts in (("", ("en12209_sec_ge5",)), (', confidence = "check"', ())):
        text = SMALL.replace('status = "current"', f'status = "current"{status}')
        found = read_standard("xy", text)
        monkeypatch.setattr("mortice.assess.codes.find", lambda _, found=found: (found, "2020", ""))
        assert read_code("XY 1:2020", "5").facts == facts


def test_lps_1175_has_its_48_classes_and_each_shows_what_it_is_not_below() -> None:
    minutes, found = (1, 3, 5, 10, 15, 20), 0
    for letter, least in product("ABCDEFGH", minutes):
        facts = read_mark(f"LPS 1175 {letter}{least}").facts
        assert ("lps1175_b3" in facts) == (letter >= "B" and least >= 3)
        assert ("lps1175_c5" in facts) == (letter >= "C" and least >= 5)
        found += 1
    assert found == 48
    for wrong in ("A2", "I5", "B4", "5B", "3"):
        with pytest.raises(BadCode):
            read_mark(f"LPS 1175 {wrong}")
