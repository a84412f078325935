"""The installer's list: what passes, what is refused, which facts follow, and until when.

B in the names of rules is that of spec/assess.md, section 11.
"""

# ruff: noqa: ANN401 - lists of any shape
from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from datetime import date
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.assess.filled import FOUND, ON, PHOTO, VALUES, as_toml, filled, passed

from mortice.assess.checklist import Report, as_report, checklist
from mortice.assess.doorset import DoorSet, Shown, facts_on
from mortice.assess.evaluate import judge
from mortice.assess.model import model
from mortice.assess.text import BadFile, Lines, read_text

ITEMS = checklist()["items"]
CONDITIONS = checklist()["conditions"]
EVERYWHERE = tuple(name for name in CONDITIONS if name not in ("no_cylinder", "nothing_outside"))


def read(raw: dict[str, Any]) -> Report:
    return as_report(*read_text(as_toml(raw), "toml"))


def refused(raw: dict[str, Any], *words: str) -> None:
    with pytest.raises(BadFile) as error:
        read(raw)
    assert all(word in str(error.value) for word in words), error.value


# --- the data -----------------------------------------------------------------------------------


def test_the_list_has_32_items_each_with_its_source_and_how_sure_that_is() -> None:
    assert list(ITEMS) == [f"C{number:02}" for number in range(1, 33)]
    for name, item in ITEMS.items():
        assert item["confidence"] in ("certain", "likely"), name
        assert all(item[word] for word in ("source", "pass", "check")), name
        assert {*item["must"], *item.get("unless", [])} <= {"always", "never", *CONDITIONS}, name
        assert item["must"], name
        assert {*item["evidence"]} <= {"photo", "document", "measured", "test"}, name
        assert ("measured" in item["evidence"]) == ("values" in item) or name == "C20", name
        for limits in item.get("values", {}).values():
            assert {"unit"} < limits.keys() <= {"unit", "least", "most", "as", "for"}, name
            assert "for" not in limits or limits["for"] in item["found"], name


def test_every_fact_of_the_list_is_the_models_and_shown_by_a_kind_that_it_knows() -> None:
    facts = checklist()["facts"]
    named = {**{fact: each["kind"] for fact, each in facts.items()}, **{
        fact: kind for item in ITEMS.values() for fact, kind in item.get("found", {}).items()}}
    assert named.keys() <= model().facts.keys()
    assert {*named.values()} == {"measured", "photo", "document"}
    assert {name for each in facts.values() for name in each.get("items", [])} <= ITEMS.keys()
    assert [fact for fact, each in facts.items() if "items" not in each] == [
        "commissioning_complete"]
    assert not {"independent_inspection"} & named.keys()


def test_numbers_that_are_ours_are_said_to_be() -> None:
    assert {name for name, item in ITEMS.items() if item["source"] == "ours" and (
        "values" in item and "ours" not in item)} == set()
    assert ITEMS["C06"]["confidence"] == "likely"


# --- a filled list ------------------------------------------------------------------------------


@pytest.mark.parametrize("conditions", [(), ("fire_door", "multipoint"), EVERYWHERE])
def test_a_list_on_which_all_passes_holds(conditions: tuple[str, ...]) -> None:
    report = read(filled(*conditions))
    assert (report.on, report.missing()) == (ON, [])
    assert set(report.results().values()) == {"pass"}


def test_what_is_left_blank_is_still_to_be_done() -> None:
    left: dict[str, Any] = {"result": "", "values": {}, "photos": [], "note": ""}
    blank = {"C12": left, "C17": left}
    report = read(filled(**blank))
    assert report.missing() == ["C12"]
    assert "C12" not in report.results()
    assert read(filled("multipoint", **blank)).missing() == ["C12", "C17"]
    assert read(filled("no_cylinder", C12=None, C13=None)).missing() == []


@pytest.mark.parametrize(("name", "value", "wrong"), [
    ("C02", "tries", 2), ("C02", "opened", 2), ("C05", "latched", 4), ("C06", "narrowest", 1.9),
    ("C06", "widest", 4.1), ("C07", "thickness", 43), ("C12", "outside", 3.1),
    ("C12", "inside", 3.01), ("C15", "backset", 3), ("C17", "tries", 9), ("C17", "engaged", 9),
    ("C18", "load", 71), ("C20", "wide", 261), ("C20", "high", 41), ("C20", "away", 399),
    ("C23", "alarm_after", 11), ("C24", "cycles", 19), ("C25", "warns_at", 19),
    ("C25", "tried_down_to", 6)])
def test_a_pass_with_a_value_outside_its_limits_is_refused(
    name: str, value: str, wrong: float) -> None:
    given = passed(name)
    refused(filled(**{name: given | {"values": given["values"] | {value: wrong}}}),
            name, value, str(wrong))


@pytest.mark.parametrize("value", ["three", True, [3], None])
def test_a_pass_whose_value_is_no_number_is_refused(value: Any) -> None:
    raw = filled(C12=passed("C12") | {"values": {"outside": value, "inside": 1}})
    with pytest.raises(BadFile, match="C12"):
        as_report(raw, Lines())
    for odd in (float("nan"), float("inf"), float("-inf")):
        raw["items"]["C12"]["values"]["outside"] = odd
        with pytest.raises(BadFile, match="C12"):
            as_report(raw, Lines())


@pytest.mark.parametrize("result", ["pass", "fail"])
@pytest.mark.parametrize(("name", "said", "words"), [
    ("C12", {"values": {"outside": 10**400, "inside": 1}}, ["C12: outside is 1000", "1,000,000"]),
    ("C12", {"values": {"outside": -(10**400), "inside": 1}}, ["C12: outside", "1,000,000"]),
    ("C12", {"values": {"outside": -500, "inside": -3}}, ["C12: outside is -500", "from 0"]),
    ("C12", {"values": {"outside": ON, "inside": 1}}, ["C12: outside", "number"]),
    ("C12", {"values": [ON]}, ["values is not a table"]),
    ("C12", {"values": {ON: 1}}, ["not known"]),
    ("C02", {"values": {"tries": 3.5, "opened": 3.5}}, ["C02: tries is 3.5", "whole"]),
    ("C02", {"values": {"tries": "3", "opened": 3}}, ["C02: tries is 3", "whole"]),
    ("C17", {"values": {"tries": 10, "engaged": 9.5}}, ["C17: engaged", "whole"]),
    ("C24", {"values": {"cycles": 20.5}}, ["C24: cycles", "whole"]),
    ("C26", {"found": ON}, ["not known"]),
    ("C02", {"found": "pas24"}, ["not known", "nothing"]),
    ("C08", {"photos": [ON]}, ["C08", "SHA-256"]),
    ("C08", {"photos": [int("1" * 64)]}, ["C08", "SHA-256"]),
    ("C08", {"photos": ON}, ["C08", "SHA-256"])])
def test_what_is_said_of_an_item_is_of_its_kind_however_it_ended(
    result: str, name: str, said: dict[str, Any], words: list[str]) -> None:
    given = passed(name) | {"result": result, "note": "x"} | said
    with pytest.raises(BadFile) as error:
        as_report(filled(**{name: given}), Lines())
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize("note", ["", "  ", "\t\n", {}, []])
def test_a_blank_says_nothing_of_what_is_wrong(note: object) -> None:
    with pytest.raises(BadFile, match="C02 does not say what is wrong"):
        as_report(filled(C02={"result": "fail", "note": note}), Lines())
    with pytest.raises(BadFile, match="C01 does not name its paper"):
        as_report(filled(C01=passed("C01") | {"note": note}), Lines())


@pytest.mark.parametrize("word", ["site", "door"])
@pytest.mark.parametrize("value", [ON, 5, "zz", "abc", ["ab"]])
def test_an_id_is_hexadecimal(word: str, value: object) -> None:
    with pytest.raises(BadFile, match=word):
        as_report(filled() | {word: value}, Lines())


@settings(deadline=None)  # whichever comes first reads the data
@given(st.dictionaries(
    st.sampled_from(["result", "found", "values", "photos", "note"]),
    st.sampled_from(["pass", "fail", "leaf_ge_44mm"]) | st.dates() | st.integers() | st.floats() |
    st.lists(st.text() | st.dates(), max_size=2) | st.dictionaries(
        st.sampled_from(["thickness", "x"]), st.integers() | st.floats() | st.dates(), max_size=2)))
def test_whatever_is_taken_can_be_written_down(item: dict[str, Any]) -> None:
    with suppress(BadFile):
        report = as_report(filled(C07=item), Lines())
        assert json.loads(report.canonical()) == report.raw
        assert report.facts() is not None


def test_values_that_belong_to_another_finding_are_not_asked_for() -> None:
    made = passed("C07") | {"found": "purpose_made_mpl_door"}
    assert read(filled(C07={k: v for k, v in made.items() if k != "values"})).missing() == []
    none = {"result": "pass", "found": "no_letterplate", "photos": [PHOTO]}
    assert "no_letterplate" in read(filled(C20=none)).facts()


@pytest.mark.parametrize(("changed", "words"), [
    ({"C33": {"result": "pass"}}, ["C33", "not known"]),
    ({"C01": {"result": "passed"}}, ["passed", "pass"]),
    ({"C01": {"result": "pass"}}, ["C01", "paper"]),
    ({"C08": {"result": "pass"}}, ["C08", "photo"]),
    ({"C08": {"result": "pass", "photos": ["door.jpg"]}}, ["C08", "SHA-256"]),
    ({"C08": {"result": "pass", "photos": PHOTO}}, ["C08", "SHA-256"]),
    ({"C08": {"result": "fail"}}, ["C08", "what is wrong"]),
    ({"C12": {"result": "not_applicable"}}, ["C12", "does apply"]),
    ({"C12": passed("C12") | {"value": 3}}, ["value", "values"]),
    ({"C12": passed("C12") | {"values": {"outside": 1, "inside": 1, "top": 1}}}, ["top"]),
    ({"C14": passed("C14") | {"found": "pas24"}}, ["pas24"]),
    ({"C14": {"result": "pass", "note": "x"}}, ["None"])])
def test_what_is_no_pass_or_no_word_is_refused(changed: dict[str, Any], words: list[str]) -> None:
    refused(filled(**changed), *words)


@pytest.mark.parametrize(("head", "words"), [
    ({"conditions": ["firedoor"]}, ["firedoor", "fire_door"]), ({"list": "other/1"}, ["other/1"]),
    ({"by": ""}, ["who checked it"]), ({"on": "yesterday"}, ["yesterday"]),
    ({"name": ""}, ["which door"]), ({"conditions": "fire_door"}, ["not a list"])])
def test_a_list_says_which_door_who_when_and_under_which_conditions(
    head: dict[str, Any], words: list[str]) -> None:
    refused(filled() | head, *words)


def test_the_error_names_the_line() -> None:
    text = as_toml(filled(C12=passed("C12") | {"values": {"outside": 7, "inside": 1}}))
    line = next(at for at, row in enumerate(text.split("\n"), start=1) if "outside" in row)
    with pytest.raises(BadFile) as error:
        as_report(*read_text(text, "toml"))
    assert error.value.line == line


@pytest.mark.parametrize(("name", "where"), [
    ("C04", "fire_door"), ("C14", "upvc_or_composite"), ("C17", "multipoint"), ("C24", "wired"),
    ("C31", "not_own_home")])
def test_not_applicable_is_for_where_the_condition_does_not_hold(name: str, where: str) -> None:
    skipped = {name: {"result": "not_applicable"}}
    assert read(filled(**skipped)).missing() == []
    refused(filled(where, **skipped), name, "does apply")


def test_advice_may_be_left_out() -> None:
    assert read(filled(C19=None, C30={"result": "not_applicable"})).missing() == []


# --- facts --------------------------------------------------------------------------------------


def test_what_passed_shows_its_facts_until_it_is_due_again() -> None:
    facts, list_ = read(filled("fire_door")).facts(), "a list that an installer signed"
    assert facts["projection_le_3mm"] == Shown("measured", ON, note=f"C12 of {list_}")
    assert facts["commissioning_complete"] == Shown("document", ON, note=f"every must of {list_}")
    assert facts["leaf_ge_44mm"] == Shown("measured", ON, note=f"C07 of {list_}")
    year = date(2028, 3, 1)
    assert facts["self_closes_and_latches"] == Shown("measured", ON, year, f"C05 of {list_}")
    assert facts["escape_without_key_or_power"] == Shown(
        "measured", ON, year, f"C02 and C03 of {list_}")
    sooner = read(filled("fire_door", "common_fire_door"))
    assert sooner.facts()["self_closes_and_latches"].until == date(2027, 6, 1)
    assert sooner.due()["C02"] == date(2028, 3, 1)


def test_a_failed_item_makes_its_facts_false_and_the_list_incomplete() -> None:
    facts = read(filled(C12={"result": "fail", "note": "7 mm"})).facts()
    assert facts["projection_le_3mm"] == Shown(
        said=False, on=ON, note="C12 of a list that an installer signed")
    assert facts["commissioning_complete"].said is False
    both = read(filled(C03={"result": "fail", "note": "held in"})).facts()
    assert both["escape_without_key_or_power"].said is False
    assert both["inside_release_without_power"].said == "measured"


def test_what_was_not_looked_at_shows_nothing() -> None:
    facts = read(filled(C12=None, C28=None)).facts()
    assert facts.keys().isdisjoint(
        {"projection_le_3mm", "commissioning_complete", "lockout_and_revocation"})
    assert "full_local_operation_tested" in facts
    assert "bolt_throws_fully" not in read(filled("multipoint", C17=None)).facts()
    assert read(filled(C17={"result": "not_applicable"})).facts()["bolt_throws_fully"].said


def test_all_facts_of_a_good_list_raise_how_a_door_is_fitted_to_three() -> None:
    report = read(filled())
    door = DoorSet("Front", smart=False, default=None, used=frozenset(), facts=report.facts())
    found = judge(model(), facts_on(door, model(), ON), smart=False, used=frozenset())
    assert found.layers["P-INST"].level == 3


def test_a_month_that_is_shorter_ends_at_its_last_day() -> None:
    report = read(filled("fire_door", "common_fire_door") | {"on": "2027-11-30"})
    assert report.due()["C05"] == date(2028, 2, 29)


# --- what is signed -----------------------------------------------------------------------------


def placed(**changed: Any) -> Report:
    return as_report(filled(**changed) | {"site": "00" * 16, "door": "66" * 8}, Lines())


def test_the_report_is_the_same_bytes_however_it_was_written() -> None:
    raw = placed().raw
    other = dict(reversed(deepcopy(raw).items()))
    assert as_report(other, Lines()).canonical() == placed().canonical()
    assert json.loads(placed().canonical()) == raw
    assert b'", "' not in placed().canonical()


def test_the_record_counts_and_names_the_report() -> None:
    report = placed(C12={"result": "fail", "note": "7 mm"}, C17={"result": "not_applicable"})
    record = report.record(1_800_000_000)
    assert (record.passed, record.failed, record.door) == (30, 1, bytes.fromhex("66" * 8))
    assert record.report == sha256(report.canonical()).digest()
    assert placed(C18=passed("C18") | {"values": {"load": 56}}).record(0).report != (
        placed().record(0).report)


SIGNED_AT = 1_803_902_400  # 2027-03-01, noon in UTC; there is a zone in which it is the 2nd


@pytest.mark.parametrize(("on", "holds"), [
    ("2027-03-01", True), ("2027-03-02", True), ("2027-03-03", False), ("2027-01-30", True),
    ("2027-01-29", False)])
def test_a_report_is_of_the_day_of_its_signature_or_of_the_month_before(
    on: str, holds: bool) -> None:
    """B56."""
    raw = filled() | {"on": on}
    assert as_report(raw, Lines()).raw["on"] == on  # nobody has signed it yet
    if holds:
        assert as_report(raw, Lines(), SIGNED_AT).raw["on"] == on
    else:
        with pytest.raises(BadFile, match="the day of the signature"):
            as_report(raw, Lines(), SIGNED_AT)


@pytest.mark.parametrize("on", ["1999-12-31", "2200-01-01", "9999-12-31", date(9999, 12, 31)])
def test_a_day_that_no_calendar_here_counts_to_is_refused_with_its_line(on: object) -> None:
    """B13."""
    with pytest.raises(BadFile, match="from 2000 to 2199"):
        as_report(filled() | {"on": on}, Lines())


@pytest.mark.parametrize("word", ["name", "by", "note"])
def test_words_are_bounded(word: str) -> None:
    """B50: they stand in reports."""
    def made(letters: int) -> dict[str, Any]:
        more = {word: "é" * letters}
        return filled(C19=passed("C19") | more) if word == "note" else filled() | more

    as_report(made(200), Lines())
    with pytest.raises(BadFile, match="longer than 200"):
        as_report(made(201), Lines())


# --- whatever is in it --------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["pass", "fail", "not_applicable", PHOTO, *FOUND.values()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["result", "found", "values", "photos", "note", *ITEMS, "outside"]), inner,
        max_size=4), max_leaves=8)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_file_is_a_report_or_refused_with_what_was_expected(data: st.DataObject) -> None:
    raw: Any = filled(*data.draw(st.lists(st.sampled_from([*CONDITIONS]), max_size=3)))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from([
            "list", "name", "on", "conditions", "items", "item", "key"]))
        name, odd = data.draw(st.sampled_from([*ITEMS])), data.draw(anything)
        items = raw["items"] if isinstance(raw["items"], dict) else {}
        if where == "item":
            raw["items"] = {**items, name: odd}
        elif where == "key" and isinstance(items.get(name), dict):
            key = data.draw(st.sampled_from(["result", "found", "values", "photos", "note"]))
            raw["items"] = {**items, name: {**items[name], key: odd}}
        elif where in raw:
            raw[where] = odd
    try:
        report = as_report(raw, Lines())
    except BadFile:
        return
    assert as_report(json.loads(report.canonical()), Lines()) == report
    for name, result in report.results().items():
        assert not (result == "pass" and name == "C12" and max(
            report.raw["items"][name]["values"].values()) > VALUES["C12"]["inside"])
    assert not (report.facts().get("commissioning_complete", Shown(None)).said and report.missing())
