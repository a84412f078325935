"""How doors read beside a household insurer's usual clause (spec/assess.md, B16a)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from mortice.assess.assessment import assess
from mortice.assess.doorset import read_table
from mortice.assess.evaluate import Said
from mortice.assess.insurer import Reading, insurer
from mortice.assess.model import model
from mortice.assess.questions import Given, door_table

MODEL, DAY = model(), date(2026, 11, 25)
BOLT = {"deadlocking_device": "photo"}
TIMBER = BOLT | {"purpose_made_mpl_door": False, "bs3621_family": False}
MULTIPOINT = BOLT | {"purpose_made_mpl_door": "photo"}
KEY, NO_KEY = {"mechanical_override": "photo"}, {"mechanical_override": False}
MARKED, PAS = BOLT | {"bs3621_family": "photo"}, TIMBER | {"pas3621_family": "photo"}
HELD, FREE = frozenset({"electrically_held"}), frozenset[str]()


@pytest.mark.parametrize(("facts", "smart", "used", "reading", "words"), [
    (MARKED, False, FREE, "met", "marked to BS 3621"),
    (MARKED | KEY, True, FREE, "met", "Tell the insurer"),
    (MARKED | NO_KEY, True, FREE, "ask", "no key that opens it from outside"),
    (PAS, False, FREE, "met", "key-operated multipoint"),
    (PAS | KEY, True, FREE, "met", "Tell the insurer"),
    (PAS, True, FREE, "ask", "no key that opens it from outside"),
    (MULTIPOINT, False, FREE, "met", "whatever the cylinder is worth"),
    (MULTIPOINT | NO_KEY, True, FREE, "ask", "no key that opens it from outside"),
    (TIMBER, False, FREE, "ask", "five-lever"),
    (TIMBER | {"deadlocking_device": False}, False, FREE, "not met", "Nothing on this door"),
    (TIMBER | {"deadlocking_device": None}, False, FREE, "unknown", "photograph its mark"),
    (TIMBER | {"lps1175_c5": "register"}, False, FREE, "ask", "clauses about stock"),
    (MULTIPOINT | {"sts202_br3": "document"}, False, FREE, "ask", "clauses about stock"),
    (MARKED | {"lps1175_c5": "register"}, False, HELD, "ask", "held by electricity"),
    ({"ts621": "document"}, True, FREE, "ask", "does not name an electronic lock"),
    (BOLT | {"bs3621_family": "owner"}, False, FREE, "unknown", "photograph its mark"),
    ({}, True, FREE, "unknown", "photograph its mark"),
])
def test_a_door_reads_so_beside_the_clause(
    facts: Mapping[str, Said], smart: bool, used: frozenset[str],
    reading: str, words: str) -> None:
    made = insurer(MODEL, facts, smart=smart, used=used)
    assert made.reading is Reading(reading)
    assert words in made.say
    assert made.say.endswith("a written answer from the insurer.")


@pytest.mark.parametrize(("answer", "told"), [("yes", True), ("no", False), ("unknown", False)])
def test_who_does_not_know_how_a_door_is_held_is_not_told_of_electricity(
    answer: str, told: bool) -> None:
    table = door_table("a door", {"held": Given(answer, "2026-11-25")}, MODEL)
    made = assess(MODEL, read_table(table, MODEL), DAY)
    assert ("electricity" in made.insurer.say) == told
    assert ("releases_on_fire_alarm_power_loss_and_manual" in made.verdict.gates) == (
        answer != "no")
