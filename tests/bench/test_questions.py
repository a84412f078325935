"""The benchmarks run, answer what they are asked, and count what can be counted.

Nothing here is timed: a busy machine may make every ratio wrong and no test fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHEAP = ("opening", "wire", "scale", "pins", "handshake", "log")  # no peers, no other process

Figures = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    done = bench("--quick", "--json", str(file), *CHEAP)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = json.loads(file.read_text("utf-8"))
    return {name: answer["figures"] for name, answer in answers.items()}


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=100)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHEAP)
def test_each_question_is_answered_with_figures(figures: Figures, name: str) -> None:
    values = [figure["value"] for figure in figures[name] if figure["verdict"] != "SKIPPED"]
    assert values
    assert all(value >= 0 for value in values)


@pytest.mark.slow
def test_what_is_counted_and_not_timed_meets_its_bar(figures: Figures) -> None:
    counted = [
        figure for found in figures.values() for figure in found
        if figure["unit"] != "x" and figure["bar"] is not None]
    assert len(counted) >= 6
    assert [figure["question"] for figure in counted if figure["verdict"] != "MET"] == []


@pytest.mark.slow
def test_somebody_who_does_not_watch_is_shown_no_progress() -> None:
    assert not bench("--quick", "wire").stderr


def test_an_unknown_question_is_refused_with_those_there_are() -> None:
    done = bench("speed")
    assert done.returncode == 2
    assert all(name in done.stderr for name in CHEAP)
