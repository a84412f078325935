"""What the law asks is read from the same facts, and is apart from the level and from cover."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.cli.terminal import run

from mortice.assess import law as law_module
from mortice.assess.assessment import as_json, assess
from mortice.assess.doorset import DoorSet, Shown, Support, read_door_sets
from mortice.assess.evaluate import Said
from mortice.assess.law import UNVERIFIED, Answer, Clause, law
from mortice.assess.model import ALWAYS, CONTEXTS, model, read_data

DAY = date(2026, 11, 25)
WORKED = read_door_sets((Path(__file__).parent / "worked.yaml").read_text("utf-8"), "yaml", model())
ROWS: dict[str, dict[str, Any]] = read_data("law")
EVERYTHING = frozenset(CONTEXTS)
STRONG, WEAK = ("lab", "register", "document"), ("claim", "owner")


def read(facts: dict[str, Said], *, smart: bool = True, used: frozenset[str] = EVERYTHING,
         ) -> dict[str, Clause]:
    return {each.rule: each for each in law(model(), facts, smart=smart, used=used)}


def readings(facts: dict[str, Said], **how: Any) -> dict[str, Answer]:  # noqa: ANN401 - as above
    return {rule: each.reading for rule, each in read(facts, **how).items()}


def test_every_line_has_its_clause_source_date_and_confidence() -> None:
    known = model().facts.keys() | {"support_published"}
    for rule, row in ROWS.items():
        assert row["clause"], rule
        assert row["where"], rule
        assert row["source"], rule
        assert isinstance(row["date"], date), rule
        assert row["confidence"] in {"certain", "likely", "check"}, rule
        assert set(row["when"]) <= {*CONTEXTS, "smart", ALWAYS}, rule
        assert set(row.get("any", ())) <= known, rule
        assert {row.get("unless"), row.get("denied_by")} - {None} <= known, rule
        assert ("any" in row) == ("accept" in row) == ("least" in row), rule
    assert {field.name for field in fields(Clause)} >= {"clause", "source", "dated", "confidence"}


def test_the_law_changes_neither_level_nor_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    with_law = [as_json(model(), assess(model(), door, DAY)) for door in WORKED]
    monkeypatch.setattr(law_module, "_rows", dict)
    without = [as_json(model(), assess(model(), door, DAY)) for door in WORKED]
    assert {bool(made.pop("legal")) for made in with_law} == {True, False}
    assert {bool(made.pop("legal")) for made in without} == {False}
    assert with_law == without


@pytest.mark.parametrize("said", [None, False, *STRONG, *WEAK])
def test_what_is_to_be_checked_reads_so_whatever_is_shown(said: Said) -> None:
    check = {rule for rule, row in ROWS.items() if row["confidence"] == "check"}
    assert check
    answers = readings(dict.fromkeys(model().facts, said))
    assert {answers[rule] for rule in check} == {Answer.CHECK}


@pytest.mark.parametrize("said", [None, False, *STRONG, *WEAK])
def test_nothing_at_a_door_shows_a_duty(said: Said) -> None:
    duties = {rule for rule, row in ROWS.items()
              if "any" not in row and row["confidence"] != "check"}
    answers = readings(dict.fromkeys(model().facts, said))
    assert {answers[rule] for rule in duties} == {Answer.DUTY}


def test_what_is_likely_is_said_to_be_unverified() -> None:
    for rule, each in read({}).items():
        assert each.note == (UNVERIFIED if ROWS[rule]["confidence"] == "likely" else "")


def test_a_home_of_one_household_is_asked_little() -> None:
    assert readings({}, smart=False, used=frozenset()) == {}
    assert set(readings({}, used=frozenset())) == {
        "psti_passwords", "psti_reports", "psti_support", "psti_statement", "batteries"}


def test_a_shared_exit_needs_a_photo_of_its_release_and_no_word() -> None:
    fact = "keyless_egress_single_action"
    for rule in ("fire_order_exit", "hmo_keyless", "scotland_common"):
        assert readings({fact: "photo"})[rule] is Answer.SHOWN
        assert readings({fact: "owner"})[rule] is Answer.NOT_SHOWN
        assert readings({fact: False})[rule] is Answer.NOT_SO
        assert readings({})[rule] is Answer.NOT_SHOWN
        assert rule not in readings({fact: "photo"}, used=frozenset())


def test_a_new_home_wants_a_certificate_and_an_old_one_none() -> None:
    used = frozenset({"new_dwelling"})
    assert readings({"pas24": "document"}, used=used)["new_dwelling"] is Answer.SHOWN
    assert readings({"sts201": "register"}, used=used)["new_dwelling"] is Answer.SHOWN
    for weak in ("claim", "owner", "photo"):
        assert readings({"pas24": weak}, used=used)["new_dwelling"] is Answer.NOT_SHOWN
    denied: dict[str, Said] = dict.fromkeys(ROWS["new_dwelling"]["any"], False)
    assert readings(denied, used=used)["new_dwelling"] is Answer.NOT_SO
    assert readings(denied | {"pas24": None}, used=used)["new_dwelling"] is Answer.NOT_SHOWN
    assert "new_dwelling" not in readings(denied, used=frozenset())


def test_a_password_that_all_devices_share_is_told_whatever_its_maker_states() -> None:
    facts: dict[str, Said] = {
        "no_universal_password": False, "psti_three_requirements": "document"}
    answers = readings(facts)
    assert answers["psti_passwords"] is Answer.NOT_SO
    assert answers["psti_reports"] is answers["psti_support"] is Answer.SHOWN


def test_only_an_owner_who_says_so_makes_it_no_product() -> None:
    made = "not_a_product_placed_on_market"
    lines = [rule for rule in ROWS if rule.startswith("psti_")]
    assert {readings({made: "owner"})[rule] for rule in lines} == {Answer.DOES_NOT_APPLY}
    assert {readings({made: "claim"})[rule] for rule in lines} == {Answer.NOT_SHOWN}
    assert {readings({made: False})[rule] for rule in lines} == {Answer.NOT_SHOWN}


@pytest.mark.parametrize(("shown", "answer"), [
    ("document", Answer.SHOWN), ("claim", Answer.NOT_SHOWN)])
def test_a_published_end_of_support_is_what_that_clause_asks(shown: str, answer: Answer) -> None:
    """However near it is: the law asks for no length."""
    door = DoorSet("Door", smart=True, default=None, used=frozenset(), facts={"pas24": Shown(None)},
                   support=Support(date(2026, 12, 24), shown))
    made = assess(model(), door, DAY)
    assert {each.rule: each.reading for each in made.legal}["psti_support"] is answer


def test_less_evidence_never_shows_more() -> None:
    facts: dict[str, Said] = dict.fromkeys(model().facts, "document")
    full = readings(facts)
    for name in facts:
        less = readings(facts | {name: None})
        grown = {rule for rule in less if less[rule] is Answer.SHOWN and
                 full[rule] not in {Answer.SHOWN, Answer.DOES_NOT_APPLY}}
        assert grown == set(), name


def test_the_command_names_each_clause(tmp_path: Path) -> None:
    file = tmp_path / "exit.toml"
    file.write_text('context = ["multi_household"]\n[facts]\n'
                    'keyless_egress_single_action = false\n', "utf-8")
    shown = run("assess", "door", file, "--on", "2026-11-25")
    assert "not so: an emergency door opens easily" in shown.out
    assert "Regulatory Reform (Fire Safety) Order 2005, article 14(2)(f)" in shown.out
    assert "unverified" in shown.out
    legal = json.loads(run("--json", "assess", "door", file, "--on", "2026-11-25").out)["legal"]
    assert {each["rule"]: each["reading"] for each in legal} == {
        "fire_order_exit": "not so", "hmo_escape": "not shown", "hmo_keyless": "not so",
        "scotland_common": "not so", "notice_of_entry": "duty"}
    assert all(each["clause"] and each["source"] and each["dated"] for each in legal)
