"""The guide to choosing a lock says what the data says, and speaks of everything that it should."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from mortice.assess.assessment import assess
from mortice.assess.choosing import choosing
from mortice.assess.doorset import read_door_sets
from mortice.assess.model import model, read_data
from mortice.assess.product import judge_product, read_product
from mortice.assess.standards import CONFIDENCE

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "choosing.md"
HOW = PAGE.with_name("assess.md").read_text("utf-8")
DAY = date(2026, 11, 25)
SECTIONS = read_data("guide")["sections"]
POINTS = [point for section in SECTIONS for point in section.get("points", ())]


def test_the_page_is_what_the_data_gives() -> None:
    assert PAGE.read_text("utf-8") == choosing(), (
        "print it again: mortice assess guide > docs/guides/choosing.md")


@pytest.mark.parametrize("topic", ["power", "hack", "does not replace", "mark for which lock",
                                   "should fit it", "Wrong things", "sellers say"])
def test_it_speaks_of_what_people_ask(topic: str) -> None:
    assert any(topic in section["title"] for section in SECTIONS)


@pytest.mark.parametrize("point", POINTS, ids=lambda each: each.get("from") or each["say"][:40])
def test_a_point_is_taken_from_the_data_or_has_a_source(point: dict[str, str]) -> None:
    if "from" in point:
        assert point.keys() == {"from"}
    else:
        assert point.keys() == {"say", "source", "confidence"}
        assert point["confidence"] in CONFIDENCE
        assert point["confidence"] != "check"


def test_most_of_it_is_the_judge_s_own_data() -> None:
    taken = [point for point in POINTS if "from" in point]
    assert len(taken) > len(POINTS) / 2
    assert len({point["from"] for point in taken}) == len(taken)


def test_what_is_unverified_says_so() -> None:
    text = choosing()
    for kind, name in (each["from"].split(".") for each in POINTS if "from" in each):
        if kind in ("caution", "flag"):
            row = read_data(f"{kind}s")[name]
            [line] = [line for line in text.splitlines() if row["source"] in line
                      and (row.get("say") or row["why"]) in line]
            assert ("; unverified" in line) == (row["confidence"] == "likely")


def test_the_table_of_attacks_has_every_cell() -> None:
    raw = read_data("attacks")
    rows = [line for line in choosing().splitlines() if line.startswith("| ")]
    assert len(rows) == len(raw["attacks"]) + 2
    signs = {"yes": "T", "partly": "P", "**no**": "-", "cannot apply": "n/a", "not known": "check"}
    for name, row in zip(raw["attacks"], rows[2:], strict=True):
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert [signs[cell] for cell in cells[1:]] == [
            mark["tests"][name] for mark in raw["marks"].values()]


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", choosing() + HOW):
        assert (PAGE.parent / target).is_file()


# --- docs/guides/assess.md ------------------------------------------------------------------------


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", HOW, re.DOTALL)


def test_the_example_door_comes_to_what_the_page_says() -> None:
    first, changed, smart, _ = examples()
    [door] = read_door_sets(first, "toml", model())
    made = assess(model(), door, DAY)
    assert f"level {made.verdict.level}, could be {made.verdict.could_be}" in HOW
    assert [each.rule for each in made.advice if each.kind == "show"] == ["I2b"]
    assert made.verdict.life.value == "PASS"
    for text in (changed, smart):
        assert read_door_sets(text, "toml", model())


def test_the_example_product_has_its_flags() -> None:
    made = judge_product(model(), read_product(examples()[-1], "toml", model()), DAY)
    assert {each["rule"] for each in made["flags"]} == {
        "RF01", "RF02", "RF05", "RF06", "RF09", "RF10", "RF18"}
    assert {each["mark"] for each in made["refused"]} == {"PAS 24 lock", "2 STAR CYLINDER"}
    assert made["psti"]["reading"] == "not met"


def test_every_kind_of_evidence_is_explained() -> None:
    for kind in ("false", "unknown", *(kind for kind in model().ranks if kind != "none")):
        assert f"| `{kind}` |" in HOW
