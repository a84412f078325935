"""The page about performance says what was measured: no number on it is written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.__main__ import QUESTIONS
from bench.page import KEPT, table

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    answers: dict[str, Any] = json.loads(KEPT.read_text("utf-8"))
    return answers


def test_the_table_on_the_page_is_made_of_the_figures_that_are_kept(kept: dict[str, Any]) -> None:
    assert table(kept) in PAGE.read_text("utf-8")


def test_every_question_has_figures_from_a_whole_run(kept: dict[str, Any]) -> None:
    assert list(kept) == list(QUESTIONS)
    assert not any(answer["quick"] for answer in kept.values())


def test_what_is_not_met_is_named_beside_its_bar(kept: dict[str, Any]) -> None:
    notes = PAGE.read_text("utf-8").partition("## What is not met")[2]
    missed = [
        figure for answer in kept.values() for figure in answer["figures"]
        if figure["verdict"] == "NOT MET"]
    assert all(f"bar of {figure['bar']}" in notes for figure in missed)
