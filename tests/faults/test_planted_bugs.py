"""The simulation can fail: each planted mistake is found within a few lives."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import pytest
from tests.faults.bugs import BUGS
from tests.faults.world import live

LIVES, STEPS = 12, 250
AT_LEAST = 30  # mistakes that this is shown for


@pytest.mark.parametrize("name", BUGS)
async def test_a_planted_bug_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str,
) -> None:
    bug = BUGS[name]
    bug.plant(monkeypatch)
    for seed in itertools.count():
        assert seed < LIVES, f"{name}: lived {LIVES} lives, and nobody noticed"
        try:
            await live(tmp_path / f"life {seed}", seed, STEPS)
        except (AssertionError, sqlite3.Error) as found:
            assert str(found).startswith(bug.says), f"{name}: found something else: {found}"  # noqa: PT017
            break


def test_enough_bugs_are_planted() -> None:
    assert len(BUGS) >= AT_LEAST
