"""A lock on sale is judged from its claims: nothing that a seller says is more than a claim."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mortice.assess.model import model
from mortice.assess.product import judge_product, read_product
from mortice.assess.text import BadFile

MODEL = model()
DAY = date(2026, 11, 25)
ROOT = Path(__file__).parents[2]
KINDS = [*MODEL.ranks]
SHOWING = {"document", "register", "lab"}
FACTS = [*MODEL.facts]


def judged(day: date = DAY, **file: object) -> dict[str, Any]:
    text = yaml.safe_dump({"says": [], "smart": True} | file)
    return judge_product(MODEL, read_product(text, "yaml", MODEL), day)


def criteria(made: dict[str, Any]) -> dict[str, str]:
    return {name: how for layer in made["layers"].values()
            for name, how in layer["criteria"].items()}


def rules(made: dict[str, Any], part: str) -> set[str]:
    return {each["rule"] for each in made[part]}


def refused(text: str, form: str = "yaml") -> BadFile:
    with pytest.raises(BadFile) as caught:
        read_product(text, form, MODEL)
    return caught.value


# --- evidence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_certificate_a_register_or_a_laboratory_shows_a_mark(kind: str) -> None:
    made = judged(marks=[{"mark": "TS 621:2018", "part": "lock", "shown": kind}])
    how = "shown" if kind in SHOWING else "not said" if kind == "none" else "claimed"
    assert {criteria(made)[name] for name in ("L2", "L3", "E1", "E2", "E3")} == {how}
    assert made["marks"][0]["counts"] == (kind in SHOWING)
    assert ("ts621" in rules(made, "questions")) == (kind not in SHOWING)


@settings(deadline=None)  # whichever comes first reads all the data
@given(st.dictionaries(st.sampled_from(FACTS), st.sampled_from(
    [kind for kind in KINDS if kind not in SHOWING])))
def test_what_the_seller_says_shows_nothing(facts: dict[str, str]) -> None:
    assert "shown" not in criteria(judged(facts=facts)).values()


@settings(deadline=None)  # whichever comes first reads all the data
@given(st.dictionaries(st.sampled_from(FACTS), st.sampled_from([*KINDS, False])),
       st.sampled_from(FACTS))
def test_better_evidence_takes_nothing_away(facts: dict[str, Any], fact: str) -> None:
    def shown(file: dict[str, Any]) -> set[str]:
        return {name for name, how in criteria(judged(facts=file)).items() if how == "shown"}
    assert shown(facts) <= shown(facts | {fact: "lab"})


def test_every_criterion_stands_in_one_of_four_ways() -> None:
    made = judged(facts={"per_user_credentials": "claim", "signed_updates": False,
                         "standard_crypto_documented": "document"})
    found = criteria(made)
    assert found.keys() == {each.id for layer in MODEL.layers for each in layer.criteria}
    assert (found["A1"], found["S2c"], found["S2b"], found["X1"]) == (
        "claimed", "absent", "shown", "not said")
    assert {"A1", "S2c", "S2b"}.isdisjoint(rules(made, "questions"))
    assert "X1" in rules(made, "questions")


def test_a_lock_without_electronics_is_asked_nothing_about_them() -> None:
    made = judged(smart=False)
    assert made["layers"].keys() == {"P-DOOR", "P-LOCK", "P-INST"}
    assert rules(made, "questions") <= {"L1", "L2", "RF05", "RF06", "RF26", "RF36"}


def test_an_ended_certificate_is_a_claim() -> None:
    mark = {"mark": "TS 621", "part": "lock", "shown": "register", "until": date(2026, 6, 30)}
    assert criteria(judged(marks=[mark], day=date(2026, 6, 30)))["E3"] == "shown"
    assert criteria(judged(marks=[mark]))["E3"] == "claimed"


def test_stars_are_summed_also_over_lines_and_shown_by_both() -> None:
    three = judged(says=["TS 007 1 star cylinder", "with TS 007 2 star handle", "anti-snap"])
    assert criteria(three)["L3"] == "claimed"
    assert "RF09" not in rules(three, "flags")
    one = judged(says=["TS 007 1 star cylinder", "anti-snap"])
    assert criteria(one)["L3"] == "not said"
    assert "RF09" in rules(one, "flags")


# --- marks that cannot be -------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["2-star cylinder", "PAS 24 lock", "BS 3621 style", "Sold Secure",
                                  "1-star handle"])
def test_a_mark_that_cannot_be_is_refused_with_its_reason_wherever_it_stands(mark: str) -> None:
    for made in (judged(marks=[mark]), judged(says=[f"With {mark} for your safety"])):
        [found] = made["refused"]
        assert found["mark"].upper().startswith(mark[:1].upper())
        assert found["why"]
        assert found["expected"]
        assert not made["marks"]
        assert "claimed" not in criteria(made).values()


@pytest.mark.parametrize("line", [
    "This lock is PAS 24 certified", "PAS 24 smart door lock", "PAS 24 approved cylinder",
    "Our deadlock, PAS 24 tested.", "This lock is PAS 24 certified for your front door",
    "A lock with LPS 1175 SR2 rating"])
def test_what_only_a_door_set_can_have_is_no_claim_of_a_lock(line: str) -> None:
    made = judged(says=[line, "PAS 24 or not, it fits doors"][:1])
    assert not made["marks"]
    assert [each["mark"][:6] for each in made["refused"]] == [line[line.index("PAS" if (
        "PAS" in line) else "LPS"):][:6]]
    assert ("RF11" in rules(made, "flags")) == ("PAS" in line and "," not in line)
    assert "claimed" not in criteria(made).values()


@pytest.mark.parametrize("line", [
    "PAS 24 door set with our lock", "Fits PAS 24 doors", "LPS 1175 SR2 door set, with a lock",
    "Part of a PAS 24:2022 door set. Smart lock included", "PAS 24 door with three locks"])
def test_a_door_set_that_has_a_lock_keeps_its_mark(line: str) -> None:
    made = judged(says=[line])
    assert len(made["marks"]) == 1
    assert not made["refused"]
    assert "RF11" not in rules(made, "flags")


@pytest.mark.parametrize("line", [
    "BS3621 or equivalent", "to BS3621 standard or equivalent", "Equivalent to BS 3621",
    "as good as any BS 3621 lock", "TS 621 or similar"])
def test_what_is_equivalent_to_a_mark_has_none(line: str) -> None:
    made = judged(says=[line])
    assert "RF13" in rules(made, "flags")
    assert not made["marks"]
    assert len(made["refused"]) == 1
    assert "claimed" not in criteria(made).values()


@pytest.mark.parametrize("line", [
    "This is not a BS 3621 lock", "It isn't a TS 621 lock", "It has no TS 007 3 star cylinder",
    "Sold without BS 3621", "Non-BS 3621 lock"])
def test_a_mark_that_is_denied_is_neither_a_claim_nor_a_lie(line: str) -> None:
    made = judged(says=[line])
    assert (made["marks"], made["refused"], made["flags"]) == ([], [], [])
    assert made["unknown"] == [line]
    assert "claimed" not in criteria(made).values()


def test_a_line_that_names_what_is_known_to_be_missing_is_a_flag_and_no_error() -> None:
    made = judged(says=["Our BS 3621 lock"], facts={"bs3621_family": False})
    [found] = made["flags"]
    assert (found["rule"], found["line"], found["doubt"]) == ("RF37", "Our BS 3621 lock", False)
    assert made["marks"] == []
    assert "RF37" in rules(made, "questions")
    assert "claimed" not in criteria(made).values()
    refused("facts: {bs3621_family: false}\nmarks: [BS 3621]")


def test_stars_of_two_lines_do_not_come_to_what_is_known_to_be_missing() -> None:
    made = judged(says=["TS 007 1 star cylinder", "TS 007 2 star handle"],
                  facts={"ts007_total3": False})
    assert len(made["marks"]) == 2
    assert criteria(made)["L3"] != "claimed"


def test_a_mark_that_is_repeated_is_read_once_and_at_once() -> None:
    started = time.monotonic()
    made = judged(says=["TS 007 3 star cylinder " * 2_000] * 3)
    assert time.monotonic() - started < 15
    assert len(made["marks"]) == 1


def test_a_code_is_read_by_its_edition_or_refused() -> None:
    rows = [{"standard": "EN 1303:2015", "code": "16-B-C5D"},
            {"standard": "EN 1303", "code": "16-B-C5D"}]
    made = judged(marks=rows)
    assert [each["mark"] for each in made["marks"]] == ["EN 1303:2015 16-B-C5D"]
    assert "editions" in made["refused"][0]["why"]
    assert "picking, bumping and snapping" in made["standards"]["en1303"]["not_covers"]


def test_what_the_marks_do_not_cover_is_said_also_of_claims() -> None:
    made = judged(says=["TS 007 3 star cylinder, tested to EN 303 645"])
    [gap] = made["uncovered"]
    assert "guessing codes" in gap["say"]
    assert {"ts007", "en303645"} <= made["standards"].keys()
    assert {"ts007", "en303645", "RF33"} <= rules(made, "questions")


# --- words ----------------------------------------------------------------------------------------


def test_lines_that_match_nothing_are_said_to() -> None:
    made = judged(says=["Comes in five colours", "Military-grade", "PAS 24 door set", "Solid"])
    assert made["unknown"] == ["Comes in five colours", "Solid"]


@settings(deadline=None)  # whichever comes first reads all the data
@given(st.lists(st.text(max_size=60), max_size=5))
def test_every_line_raises_a_flag_names_a_standard_or_is_listed(lines: list[str]) -> None:
    made = judged(says=lines)
    said = {each["line"] for each in made["flags"]} | {*made["unknown"]}
    named = bool(made["marks"] or made["refused"] or made["standards"])
    assert named or all(line.strip() in said for line in lines if line.strip())


def test_each_flag_asks_once_and_keeps_its_rule() -> None:
    made = judged(says=["AES", "AES 256", "AES"])
    assert [each["rule"] for each in made["flags"]] == ["RF02"] * 3
    assert [each["rule"] for each in made["questions"]].count("RF02") == 1
    assert not any("ask" in each for each in made["flags"])


def test_judging_twice_says_the_same() -> None:
    assert judged(says=["AES"]) == judged(says=["AES"])


# --- the law --------------------------------------------------------------------------------------


WHOLE = {"support": {"until": date(2031, 5, 1)}, "contact": "https://example.org/security",
         "facts": {"no_universal_password": "claim", "statement_of_compliance": "document"}}


@pytest.mark.parametrize(("more", "reading"), [
    ({}, "shown"),
    ({"support": False}, "not met"),
    ({"support": None}, "not known"),
    ({"contact": False}, "not met"),
    ({"contact": None}, "not known"),
    ({"facts": {"no_universal_password": False, "statement_of_compliance": "document"}}, "not met"),
    ({"facts": {"statement_of_compliance": "document"}}, "not known"),
    ({"facts": {"no_universal_password": "claim", "statement_of_compliance": "claim"}},
     "not known"),
    ({"facts": {"no_universal_password": "lab", "statement_of_compliance": False}}, "not met"),
    ({"facts": {"no_universal_password": "lab"}}, "not known"),
    ({"placed_on_market": False}, "not placed on the market"),
    ({"placed_on_market": False, "support": False}, "not placed on the market"),
    ({"placed_on_market": True}, "shown"),
    ({"smart": False}, "does not apply"),
])
def test_the_regulations_read(more: dict[str, object], reading: str) -> None:
    assert judged(**WHOLE | more)["psti"]["reading"] == reading


def test_what_the_regulations_want_is_asked_for_where_it_is_not_there() -> None:
    asked = {"RF05", "RF06", "RF26", "RF36"}
    assert rules(judged(), "questions") >= asked
    assert not rules(judged(**WHOLE), "questions") & {"RF05", "RF06", "RF36"}


@pytest.mark.parametrize(("day", "passed"), [(date(2031, 5, 1), False), (date(2031, 5, 2), True)])
def test_an_end_of_support_that_has_passed_is_said(day: date, passed: bool) -> None:
    said = judged(day, **WHOLE)["psti"]["lines"]["support"]
    assert said == "published: until 2031-05-01" + ", which has passed" * passed


def test_the_date_of_a_seller_is_a_claim_for_a_door() -> None:
    assert criteria(judged(**WHOLE))["V2"] == "claimed"
    shown = WHOLE | {"support": {"until": date(2031, 5, 1), "shown": "document"}}
    assert criteria(judged(**shown))["V2"] == "shown"


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "line", "what"), [
    ("name: a lock", 1, "nothing is said"),
    ("says: []\nsaid: []", 2, "'said' is not known here"),
    ("name: x\nsays: 5", 2, "says is not text"),
    ("says:\n- AES\n- 5", 1, "says is not text"),
    ("says: []\ncontact: true", 2, "contact is not text"),
    ("says: []\ncontact: ''", 2, "contact is not text"),
    ("says: []\ncontact: []", 2, "contact is not text"),
    ("says: []\nsupport: true", 2, "support is not a table"),
    ("says: []\nsupport: 2031-05-01", 2, "support is not a table"),
    ("says: []\nsupport: {until: soon}", 2, "'soon' is not a day"),
    ("says: []\nplaced_on_market: perhaps", 2, "placed_on_market is 'perhaps'"),
    ("says: []\nsmart: 1", 2, "smart is '1'"),
    ("says: []\nmarks: TS 007", 2, "marks is not a list"),
    ("says: []\nmarks:\n- 5", 3, "is not a table"),
    ("says: []\nmarks:\n- mark: TS 621\n  shown: seen", 4, "'seen' is not known here"),
    ("says: []\nmarks:\n- mark: TS 621\n  colour: red", 4, "'colour' is not known here"),
    ("facts:\n  no_such: photo", 2, "'no_such' is not known here"),
    ("facts:\n  signed_updates: true", 2, "`true` does not say how"),
    ("facts: {ts621: false}\nmarks: [TS 621]", 1, "ts621 is false, and a mark shows it"),
    ("says: []\nfacts: false", 2, "facts is not a table"),
    ("says: []\nname: false", 2, "name is not text"),
    ("says: []\nname: [a lock]", 2, "name is not text"),
    ("says: []\nmarks:\n" + "- TS 007 1 star\n- 2 star handle\n" * 4000, 2, "8000 marks"),
    ("says: []\nmarks: false", 2, "marks is not a list"),
    ("", 1, "the file is empty"),
    ("- says", 1, "not a table"),
])
def test_a_bad_file_gets_its_line_and_what_was_expected(text: str, line: int, what: str) -> None:
    error = refused(text)
    assert what in error.what
    assert error.line == line
    assert error.expected


def test_toml_says_the_same_as_yaml() -> None:
    toml = ('name = "x"\nsmart = true\nsupport = false\nsays = """\nAES\nPAS 24 lock\n"""\n'
            'marks = ["TS 621 lock"]\n[facts]\nsigned_updates = false\n')
    made = judge_product(MODEL, read_product(toml, "toml", MODEL), DAY)
    assert made == judged(name="x", support=False, says="AES\nPAS 24 lock", marks=["TS 621 lock"],
                          facts={"signed_updates": False})
    error = refused('says = []\nmarks = [\n  {mark = "TS 621", shown = "seen"},\n]\n', "toml")
    assert error.line == 3


# --- our own --------------------------------------------------------------------------------------


def test_our_own_readme_is_read_as_any_other() -> None:
    lines = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.strip()]
    made = judged(says=lines)
    assert not made["refused"]
    assert [(each["rule"], each["line"]) for each in made["flags"] if not each["doubt"]] == []
    assert "shown" not in criteria(made).values()
