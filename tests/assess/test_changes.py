"""What a changed part takes with it, and what is not known of the end of support (B10, B11)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from mortice.assess.assessment import Assessment, assess
from mortice.assess.doorset import CLAIM, DoorSet, Shown, Support, facts_on, read_table
from mortice.assess.evaluate import Life, Said
from mortice.assess.model import model
from mortice.assess.ours import better, published, support
from mortice.assess.questions import Given, door_table

MODEL = model()
DAY, SHOWN, CHANGED = date(2026, 11, 25), date(2026, 1, 1), date(2026, 6, 1)
WORKED = {each["name"][:3]: each for each in yaml.safe_load(
    (Path(__file__).parent / "worked.yaml").read_text("utf-8"))["cases"]}


def changed(case: str, part: str, day: date | None = CHANGED) -> Assessment:
    """A worked door of which everything was shown on one day, and a part changed on another."""
    raw = {key: said for key, said in WORKED[case].items() if key != "expect"}
    facts = {fact: {"shown": said, "on": SHOWN} if isinstance(said, str) and said != CLAIM else said
             for fact, said in raw["facts"].items()}
    return assess(MODEL, read_table(raw | {"facts": facts, "changes": {part: day}}, MODEL), DAY)


@pytest.mark.parametrize(("case", "part", "layers"), [
    ("X01", "door", {"P-DOOR": 0, "P-LOCK": 2, "P-INST": 0}),
    ("X01", "lock", {"P-DOOR": 2, "P-LOCK": 0, "P-INST": 0}),
    ("X01", "cylinder", {"P-DOOR": 2, "P-LOCK": 1, "P-INST": 2}),
    ("X03", "cylinder", {"P-DOOR": 2, "P-LOCK": 1, "P-INST": 1, "E-DEV": 2, "S-DIG": 3}),
    ("X10", "actuator", {"P-DOOR": 2, "P-LOCK": 1, "P-INST": 1} | dict.fromkeys(
        ("E-DEV", "S-DIG", "A-ACC", "R-REL", "V-LEG", "X-AUD"), 0)),
])
def test_a_changed_part_takes_what_its_own_layers_rest_on(
    case: str, part: str, layers: dict[str, int]) -> None:
    made = changed(case, part).verdict
    assert {layer: made.layers[layer].level for layer in layers} == layers
    assert made.life is Life.UNKNOWN


@pytest.mark.parametrize("part", ["cylinder", "handle", "actuator", "lock", "door"])
def test_a_change_that_is_still_to_come_changes_nothing_yet(part: str) -> None:
    before = changed("X03", part, DAY + timedelta(days=1)).verdict
    assert (before.level, before.life) == (3, Life.PASS)
    assert changed("X03", part, DAY).verdict.level < before.level
    assert changed("X03", part, None).verdict.level < before.level


@pytest.mark.parametrize(("answer", "parts"), [
    ("cylinder", {"cylinder"}), ("door", {"door"}), ("set", {"door", "lock"}), ("unknown", set())])
def test_the_form_asks_whether_the_lock_came_with_the_door(answer: str, parts: set[str]) -> None:
    made = door_table("a door", {"changed": Given(answer, "2026-06-01")}, MODEL)
    assert made["changes"] == dict.fromkeys(parts, "2026-06-01")


def door(support_: Support, **changes: date) -> dict[str, Said]:
    return facts_on(DoorSet("a door", smart=True, default=False, used=frozenset(), facts={
        "support_ge_10y": Shown("document")}, support=support_, changed=changes), MODEL, DAY)


@pytest.mark.parametrize(("until", "sold", "shown", "said"), [  # two years left; five; ten
    (date(2030, 1, 1), None, "document", ("document", None, None)),
    (date(2032, 1, 1), None, "document", ("document", "document", None)),
    (date(2037, 1, 1), None, "register", ("register", "register", "register")),
    (date(2030, 1, 1), date(2024, 1, 1), "document", ("document", "document", False)),
    (date(2030, 1, 1), date(2026, 1, 1), "document", ("document", False, False)),
    (date(2027, 1, 1), None, "document", (False, None, None)),
    (date(2027, 1, 1), date(2026, 1, 1), CLAIM, (None, None, None)),
    (date(2030, 1, 1), date(2024, 1, 1), CLAIM, (CLAIM, CLAIM, None)),
])
def test_where_the_sale_is_not_known_the_length_of_support_may_not_be(
    until: date, sold: date | None, shown: str, said: tuple[Said, ...]) -> None:
    facts = door(Support(until, shown, sold))
    assert (facts["support_ge_2y_left"], facts["support_ge_5y_at_sale"],
            facts["support_ge_10y"]) == said


def test_the_support_of_old_electronics_says_nothing_of_new_ones() -> None:
    old, new = date(2025, 1, 1), date(2026, 6, 2)
    assert door(Support(date(2040, 1, 1), "document", old), actuator=CHANGED)[
        "support_ge_2y_left"] == CLAIM
    assert door(Support(date(2040, 1, 1), "document", new), actuator=CHANGED)[
        "support_ge_2y_left"] == "document"
    assert door(Support(date(2040, 1, 1), "document", old), cylinder=CHANGED)[
        "support_ge_2y_left"] == "document"


def test_what_we_publish_of_our_software_holds_of_electronics_that_are_fitted_later() -> None:
    day = date(2027, 6, 1)
    fitted = DoorSet("a door", smart=True, default=None, used=frozenset(), facts={},
                     support=support(day), changed={"actuator": day})
    after = DoorSet("a door", smart=True, default=None, used=frozenset(),
                    facts=better({}, published(), fitted, day), support=support(day),
                    changed=fitted.changed)
    facts = facts_on(after, MODEL, day)
    assert {fact: facts[fact] for fact in published()} == {
        fact: each.said for fact, each in published().items()}
    assert facts["support_ge_2y_left"] == "document"
    heard = {"event_log": Shown("measured", day - timedelta(days=1))}
    lost = better({}, heard, fitted, day)
    assert lost == heard, "what was read off the old electronics was not dated anew"
