"""What Mortice says of itself points to what shows it, and is worth no more than that."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from tests.cli.terminal import run
from tests.syntax import tree_of

from mortice.assess import conformity
from mortice.assess.conformity import (
    TITLES,
    Row,
    Support,
    conformity_as_json,
    counted,
    rows,
)
from mortice.assess.model import read_data

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "mortice"
EVERY = [(name, row) for name in TITLES for row in rows(name)]
# A key, a PEM block, one of our tokens. The curve P-256 is known to everybody.
SECRET = re.compile(
    r"[0-9a-fA-F]{48,}|PRIVATE KEY-----|mortice_[A-Za-z0-9]{16,}|[A-Za-z0-9+/]{60,}=")
P256 = ("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7")
SEED_BYTES = 16


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = tree_of(ROOT / file)
    return frozenset(node.name for node in ast.walk(tree)
                     if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_there(evidence: str) -> bool:
    file, _, test = evidence.partition("::")
    return (ROOT / file).is_file() and (not test or (
        test.startswith("test_") and test in functions_of(file)))


def names(rows_: list[tuple[str, Row]]) -> list[str]:
    return [f"{name} {row.id}" for name, row in rows_]


def test_all_the_evidence_that_is_named_is_there() -> None:
    named = [each for _, row in EVERY for each in row.evidence]
    named += [each for pages in read_data("conformity/en303645")["where"].values()
              for each in pages]
    assert len(named) > 150
    assert sorted({each for each in named if not is_there(each)}) == []


def test_evidence_that_is_not_there_is_noticed() -> None:
    assert not is_there("tests/assess/test_conformity.py::test_that_nobody_wrote")
    assert not is_there("tests/assess/test_conformity.py::is_there")
    assert not is_there("spec/nowhere.md")


def test_the_standard_has_all_of_its_provisions() -> None:
    raw, found = read_data("conformity/en303645"), rows("en303645")
    mandatory = [row for row in found if row.status in {"M", "M if"}]
    assert raw["counts"] == {"all": 78, "mandatory": 36, "recommended": 42}
    assert (len(found), len(mandatory)) == (78, 36)
    assert sum(row.status == "M" for row in found) == 11
    assert len([row for row in found if row.status in {"R", "R if"}]) == 42
    topics = [row.id.rpartition("-")[0] for row in found]
    assert list(dict.fromkeys(topics)) == [*(f"5.{n}" for n in range(14)), "6"]


def test_whatever_is_not_met_says_why() -> None:
    assert names([(name, row) for name, row in EVERY
                  if row.support is not Support.MET and not row.why]) == []


def test_whatever_is_met_names_a_test() -> None:
    assert names([(name, row) for name, row in EVERY if row.support is Support.MET
                  and not any("::" in each for each in row.evidence)]) == []


@pytest.mark.parametrize(("claimed", "evidence", "comes_to"), [
    (Support.MET, (), Support.NOT_MET),
    (Support.PARTLY, (), Support.NOT_MET),
    (Support.MET, ("spec/log.md",), Support.PARTLY),
    (Support.PARTLY, ("spec/log.md",), Support.PARTLY),
    (Support.MET, ("tests/test_house.py::test_a",), Support.MET),
    (Support.NOT_MET, ("tests/test_house.py::test_a",), Support.NOT_MET),
    (Support.NOT_APPLICABLE, (), Support.NOT_APPLICABLE),
])
def test_a_claim_is_worth_its_evidence(
    claimed: Support, evidence: tuple[str, ...], comes_to: Support,
) -> None:
    assert Row("5.1-1", "", claimed, evidence=evidence).support is comes_to


def test_taking_all_evidence_away_leaves_nothing_mandatory_met() -> None:
    bare = [replace(row, evidence=()) for row in rows("en303645")]
    assert counted(bare)["mandatory"]["met"] == counted(bare)["mandatory"]["partly"] == 0


def test_nothing_about_updates_is_met_while_there_is_no_updater() -> None:
    updates = {row.id: row.support for row in rows("en303645") if row.id.startswith("5.3-")}
    published = {"5.3-13"}  # the end of support is a date, and no update
    assert {support for name, support in updates.items() if name not in published} == {
        Support.NOT_MET, Support.NOT_APPLICABLE}


def test_data_without_a_reason_does_not_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"status": "M", "say": "something", "support": "not met"}
    monkeypatch.setattr(conformity, "read_data", lambda _: {"provisions": {"5.0-1": row}})
    with pytest.raises(ValueError, match=r"5\.0-1"):
        rows("en303645")


def test_a_claim_that_nothing_shows_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"status": "M", "say": "something", "support": "met"}
    monkeypatch.setattr(conformity, "read_data", lambda _: {"provisions": {"5.0-1": row}})
    assert "**not met**. Because no test shows it." in conformity.conformity_as_text("en303645")
    assert conformity_as_json("en303645")["counts"]["mandatory"] == {
        "met": 0, "partly": 0, "not met": 1, "not applicable": 0}


def test_the_support_is_the_one_that_doors_are_judged_by() -> None:
    assert read_data("conformity/psti")["support"]["until"] == read_data("ours")["support"]["until"]


def test_no_secret_stands_in_the_source() -> None:
    found = []
    for file in sorted(SOURCE.rglob("*")):
        if file.suffix in {".py", ".js", ".toml", ".html"} and "versions" not in file.parts:
            text = file.read_text("utf-8")
            found += [f"{file.name}: {hit[:16]}…" for hit in SECRET.findall(text)
                      if hit.lower() not in P256]
            found += seeds(file) if file.suffix == ".py" else []
    assert found == []


def seeds(file: Path) -> list[str]:
    """Bytes long enough for a key, written out; words in them are for hashing and no secret."""
    return [f"{file.name}:{node.lineno}" for node in ast.walk(tree_of(file))
            if isinstance(node, ast.Constant) and isinstance(node.value, bytes)
            and len(node.value) >= SEED_BYTES and not node.value.isascii()]


@pytest.mark.parametrize("name", TITLES)
def test_the_command_shows_it(name: str) -> None:
    shown = run("conformity", name)
    assert shown.code == 0
    assert shown.out.startswith(f"# {TITLES[name]}\n")
    assert run("--json", "conformity", name).json == conformity_as_json(name)
