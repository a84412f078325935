"""Codes and marks are read by their edition and on their part, and what cannot be is refused."""

from __future__ import annotations

import re
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.assess.codes import BadCode, Code, Mark, read_code, read_mark
from mortice.assess.standards import Field, Table, standards

TABLES = [(each, edition, table) for each in standards().values() for table in each.codes
          for edition in table.editions]
KEYS = string.ascii_letters + string.digits + " -:*★+()"
TYPED = st.text(KEYS, max_size=40) | st.text(max_size=60)


def characters(code: Code) -> str:
    return " ".join(place.character for place in code.places)


# --- codes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("standard", "typed", "places", "facts"), [
    ("EN 12209:2003", "3 M 9 0 0 G 7 B C 2 0", 11, ("en12209_sec_ge5",)),
    ("BS EN 12209:2003/AC:2005", "3X810G6BC20", 11, ()),
    ("EN 12209:2016", "3 M 9 0 0 G 5 0", 8, ("en12209_sec_ge5",)),
    ("EN 12209:2024", "3-M-9-B-0-G-4-0", 8, ()),
    ("EN 1303:2015", "1 6 - B - C 5 D", 8, ()),
    ("EN 1303:2015", "1 6 0 0 0 A 6 D", 8, ("en1303_6_D",)),
    ("EN 1303:2015", "1 6 0 0 0 A 6 C", 8, ()),
    ("EN 1303:2015", "1 6 0 0 0 A 5 D", 8, ()),
    ("DIN EN 1303 2005", "1 6 0 1 0 C 6 2", 8, ()),
    ("DIN EN 1303:2015-08", "1 6 0 B 0 C 6 D", 8, ("en1303_6_D",)),
    ("EN 1303:2015-08", "1 6 0 B 0 C 5 D", 8, ()),
    ("EN 14846:2008", "3 X 9 E 0 M 7 1 3", 9, ("en14846_manip_ge1",)),
    ("EN 14846:2008", "3 X 9 E 0 M 7 1 0", 9, ()),
    ("EN 1906:2012", "4 7 - B1 1 4 0 U", 8, ()),
    ("EN 15684:2020", "1 6 B 4 A F 3 2", 8, ()),
    ("EN 16867:2020+A1:2021", "4 7 - B 1 4 4 2 1", 9, ()),
    ("EN 179:2008", "3 7 6 B 1 4 5 2 A B", 10, ()),
    ("EN 1125:2008", "3 7 6 B 1 4 2 2 A B", 10, ()),
])
def test_a_code_is_read(standard: str, typed: str, places: int, facts: tuple[str, ...]) -> None:
    made = read_code(standard, typed)
    assert len(made.places) == places
    assert made.facts == facts
    assert [place.number for place in made.places] == list(range(1, places + 1))
    assert all(place.meaning and place.name for place in made.places)


@pytest.mark.parametrize("typed", [
    "1 6 - B - C 5 D", "16-B-C5D", "1-6---B---C-5-D", "1 - 6 - - - B - - - C - 5 - D",
    "1 6 \u2013 B \u2013 C 5 D", "1|6|-|B|-|C|5|D", "16 -B- C5D", "1 6 - b - c 5 d"])
def test_a_code_is_read_however_it_is_spaced(typed: str) -> None:
    assert characters(read_code("EN 1303:2015", typed)) == "1 6 - B - C 5 D"


def test_the_same_character_means_something_else_in_another_edition() -> None:
    old, new = read_code("EN 1303:2005", "1 6 0 0 0 0 5 0"), read_code("EN 1303:2015", "16000050")
    assert characters(old) == characters(new)
    for edition, last, other in (("2005", "D", "2015"), ("2015", "2", "2005")):
        with pytest.raises(BadCode, match=f"place 8 of EN 1303:{edition} .* edition of {other}"):
            read_code(f"EN 1303:{edition}", f"1 6 0 0 0 0 5 {last}")


@pytest.mark.parametrize(("standard", "typed", "says"), [
    ("EN 1303:2005", "1 6 0 1 0 C 5 D", "0, 1 or 2"),
    ("EN 1303:2015", "1 6 - B - C 7 D", "1, 2, 3, 4, 5 or 6"),
    ("EN 1303:2005", "1 6 - 0 - C 5 2", "place 3 of EN 1303:2005 .* edition of 2015"),
    ("EN 1303:2015", "1 6 - B - C 5", "8 places"),
    ("EN 1303:2015", "", "8 places"),
    ("EN 12209:2016", "3 M 9 0 0 G 7 B C 2 0", "11 belong to the edition of 2003"),
    ("EN 12209:2003", "3 M 9 0 0 G 7 0", "8 belong to the edition of 2016 or 2024"),
    ("EN 12209", "3 M 9 0 0 G 7 B C 2 0", "EN 12209:2003, which this code could be"),
    ("EN 12209", "3 M 9 0 0 G 7 0", "EN 12209:2016 or EN 12209:2024, which this code could be"),
    ("EN 1303", "1 6 0 0 0 A 5 0", "EN 1303:2005 or EN 1303:2015, which this code could be"),
    ("EN 1303", "1 6 - B - C 5 D", r"Expected: EN 1303:2015, which this code could be"),
    ("EN 1303", "9", "fits none of EN 1303:2005 or EN 1303:2015"),
    ("EN 14846", "3 X 9 E 0 M 7 1 3", "EN 14846:2008, which this code could be"),
    ("EN 1303:2015-13", "1 6 - B - C 5 D", "is not a standard with its edition"),
    ("EN 1303:1999", "1 6 - B - C 5 D", "no edition 1999"),
    ("EN 1303:2015 style", "1 6 - B - C 5 D", "is not a standard with its edition"),
    ("PAS 24:2022", "1 6", "no code of places"),
    ("EN 9999:2015", "1 6", "no standard that is known"),
])
def test_an_impossible_code_is_refused_in_words(standard: str, typed: str, says: str) -> None:
    with pytest.raises(BadCode, match=says):
        read_code(standard, typed)


def test_a_code_stands_on_its_part() -> None:
    assert read_code("EN 1303:2015", "16-B-C5D", "cylinder")
    with pytest.raises(BadCode, match="there is no EN 1303 lock"):
        read_code("EN 1303:2015", "16-B-C5D", "lock")


def test_a_superseded_edition_is_said_and_changes_nothing() -> None:
    made = read_code("EN 12209:2003", "3 M 9 0 0 G 7 B C 2 0")
    assert made.facts == read_code("EN 12209:2024", "3 M 9 0 0 G 7 0").facts
    assert any("not the current edition" in each for each in made.cautions)
    assert not read_code("EN 1303:2015", "1 6 - B - C 5 D").cautions


def further(place: Field) -> list[str]:
    """What stands in an open place and is not listed."""
    return [each for each in string.ascii_uppercase + string.digits
            if re.fullmatch(f"[{place.further}]", each)] if place.open else []


@pytest.mark.parametrize(("standard", "typed", "place", "expects"), [
    ("EN 12209:2016", "3 X 8 9 0 G 7 0", 4, "0, A, B or a grade that is not known here, of C-Z"),
    ("EN 12209:2024", "3 X 8 1 0 G 7 0", 4, "of C-Z"),
    ("EN 14846:2008", "3 5 9 E 0 M 7 1 3", 2, "of A-Z"),
    ("EN 14846:2008", "3 X 9 5 0 M 7 1 3", 4, "0 or a grade that is not known here, of A-Z"),
    ("EN 14846:2008", "3 X 9 E 0 7 7 1 3", 6, "of A-Z"),
    ("EN 14846:2008", "3 X 9 E 0 M A 1 3", 7, "of 1-7"),
    ("EN 14846:2008", "3 X 9 E 0 M 8 1 3", 7, "of 1-7"),
])
def test_an_open_place_takes_no_more_than_it_can_have(
    standard: str, typed: str, place: int, expects: str,
) -> None:
    with pytest.raises(BadCode, match=f"place {place} of") as caught:
        read_code(standard, typed)
    assert caught.value.expected.endswith(expects)


def test_a_grade_that_is_not_recorded_is_read_and_said_not_to_be_known() -> None:
    place = read_code("EN 12209:2016", "3 X 8 C 0 G 7 0").places[3]
    assert place.meaning == "not known here: there is a fourth grade, which is not recorded here"
    assert place.confidence == "check"


@given(st.data())
def test_a_code_made_from_a_table_is_read_back(data: st.DataObject) -> None:
    each, edition, table = data.draw(st.sampled_from(TABLES))
    made = data.draw(st.tuples(*(
        st.sampled_from(sorted(place.values) + further(place))
        for place in table.places)))
    for between in ("", " ", "-", " - "):
        read = read_code(f"{each.name}:{edition}", between.join(made))
        assert tuple(place.character for place in read.places) == made
        assert read.facts == expected(table, made)


def expected(table: Table, made: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fact for fact, where in table.facts.items()
                 if all(made[place - 1] in any_ for place, any_ in where.items()))


@given(st.sampled_from([f"{each.name}:{edition}" for each, edition, _ in TABLES]) | TYPED, TYPED)
def test_whatever_is_typed_is_a_code_or_refused_in_words(standard: str, typed: str) -> None:
    with suppress(BadCode):
        assert isinstance(read_code(standard, typed), Code)


# --- marks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "part", "facts"), [
    ("TS 007 3 star", "cylinder", ("ts007_total3",)),
    ("TS 007 *** cylinder", "cylinder", ("ts007_total3",)),
    ("three-star cylinder", "cylinder", ("ts007_total3",)),
    ("TS 007-1:2014+A1:2015 3*", "cylinder", ("ts007_total3",)),
    ("DHF TS 007 1 star", "cylinder", ("ts007_1star",)),
    ("TS 007-1 star", "cylinder", ("ts007_1star",)),
    ("TS 007 ★★ handle", "hardware", ()),
    ("TS 007-2:2019 3 stars", "cylinder", ("ts007_2_total3",)),
    ("TS 007-2 2 star", "hardware", ()),
    ("SS312 Diamond", "cylinder", ("ss312_diamond",)),
    ("Sold Secure Diamond", "cylinder", ("ss312_diamond",)),
    ("Sold Secure Gold", "cylinder", ()),
    ("BS 3621:2007", "lock", ("bs3621_family",)),
    ("BS8621:2017 Kitemark", "lock", ("bs3621_family",)),
    ("BS 10621:2017", "lock", ("bs3621_family",)),
    ("PAS 8621:2011", "lock", ("pas3621_family",)),
    ("PAS 24:2022+A1:2024", "set", ("pas24",)),
    ("PAS 24:2016 door set", "set", ("pas24",)),
    ("TS 621:2018", "lock", ("ts621",)),
    ("LPS 1175 issue 8 B3", "set", ("lps1175_b3",)),
    ("LPS 1175 Issue 8.1 C5", "set", ("lps1175_b3", "lps1175_c5")),
    ("LPS 1175: Issue 8, SR1 (A1)", "set", ()),
    ("LPS 1175 SR2 (B3)", "set", ("lps1175_b3",)),
    ("LPS 1175 B3 (SR2)", "set", ("lps1175_b3",)),
    ("LPS 1175 D10 (SR4)", "set", ("lps1175_b3", "lps1175_c5")),
    ("SS312 Diamond Approved", "cylinder", ("ss312_diamond",)),
    ("PAS 24-1:1999", "set", ("pas24",)),
    ("PAS24-1 door", "set", ("pas24",)),
    ("LPS 1175 SR1", "set", ()),
    ("LPS 1175 SR2", "set", ("lps1175_b3",)),
    ("LPS 1175 SR3", "set", ("lps1175_b3", "lps1175_c5")),
    ("LPS 1175 SR4", "set", ("lps1175_b3", "lps1175_c5")),
    ("LPS 1175 SR5", "set", ()),
    ("LPS 2081 B", "set", ("lps2081_b",)),
    ("STS 202 BR1", "set", ()),
    ("STS 202 BR2", "set", ("sts202_br2",)),
    ("STS 202 class BR4", "set", ("sts202_br2", "sts202_br3")),
    ("BS EN 1627:2021 RC 2", "set", ("en1627_rc2",)),
    ("EN 1627 RC2N", "set", ()),
    ("EN 1627 RC 3", "set", ("en1627_rc3",)),
    ("EN 1627 RC 1 N", "set", ()),
])
def test_a_mark_is_read(typed: str, part: str, facts: tuple[str, ...]) -> None:
    made = read_mark(typed)
    assert (made.part, made.facts) == (part, facts)
    assert read_mark(typed, part) == made


@pytest.mark.parametrize(("typed", "part", "says"), [
    ("2-star cylinder", "", "there is no TS 007 2 star cylinder"),
    ("TS 007 2 star", "cylinder", "there is no TS 007 2 star cylinder"),
    ("1-star handle", "", "there is no TS 007 1 star handle"),
    ("TS 007 3 star", "hardware", "there is no TS 007 3 star handle"),
    ("TS 007 4 star", "", "no grade '4 STAR'.*3 star, 1 star or 2 star"),
    ("TS 007", "", "does not say which grade"),
    ("Sold Secure", "", "does not say which grade.*Diamond"),
    ("SS 312", "", "does not say which grade"),
    ("PAS 24 lock", "", "there is no PAS 24 lock"),
    ("PAS 24:2022", "cylinder", "there is no PAS 24 cylinder"),
    ("BS 3621 style", "", "no grade 'STYLE'"),
    ("BS 3621 equivalent", "", "no grade"),
    ("BS 3621:2010", "", "no edition 2010.*2007 or BS 3621:2017"),
    ("BS 3621 cylinder", "", "there is no BS 3621 cylinder"),
    ("LPS 1175 SR2 (C5)", "", "no grade"),
    ("SS 312 Approved", "", "no grade"),
    ("PAS 24-2", "", "no grade"),
    ("LPS 1175", "", "does not say which grade"),
    ("EN 1303", "", "a code with its edition"),
    ("HMO", "", "not a mark of a part"),
    ("insurance approved", "", "names no standard"),
    ("anti-snap", "", "names no standard"),
    ("", "", "names no standard"),
])
def test_an_impossible_mark_is_refused_in_words(typed: str, part: str, says: str) -> None:
    with pytest.raises(BadCode, match=says):
        read_mark(typed, part)


@given(st.sampled_from([f"{each.name} " for each in standards().values()]) | st.just(""), TYPED)
def test_whatever_is_typed_is_a_mark_or_refused_in_words(name: str, typed: str) -> None:
    with suppress(BadCode):
        assert isinstance(read_mark(name + typed), Mark)
