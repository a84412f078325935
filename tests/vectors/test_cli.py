"""Every vector that somebody can type, typed into the `mortice` command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.vectors import cli_door
from tests.vectors.vector import Vector, load_all, raw

import mortice
from mortice.client import sealed


def typed_into_the_command(vector: Vector) -> bool:
    right = vector.expected["class"] == "accepted"
    blank = vector.reader == "code" and not vector.input["text"]  # nobody reads on from there
    return vector.reader in cli_door.READERS and not blank and not (
        right and vector.reader in cli_door.ONLY_WRONG)


@pytest.fixture(autouse=True)
def _cheap_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the point is not the hash, it need not be slow."""
    monkeypatch.setattr(sealed, "KIB", 64)
    monkeypatch.setattr(sealed, "PASSES", 1)


@pytest.mark.parametrize(
    "vector", [*filter(typed_into_the_command, load_all())], ids=lambda vector: vector.name)
def test_the_command_says_what_the_vector_says(vector: Vector, folder: Path) -> None:
    cli_door.READERS[vector.reader](vector, folder)


@pytest.mark.parametrize(("name", "code"), [
    ("log/export", 0), ("log/export-with-an-entry-changed", 5),
    ("log/export-with-its-end-cut", 5), ("log/export-of-something-else", 5)])
def test_a_command_of_its_own_process_ends_with_the_same_code(
    name: str, code: int, tmp_path: Path) -> None:
    vector = next(one for one in load_all() if one.name == name)
    file = tmp_path / "street.log"
    file.write_bytes(raw(vector.input["export"]))
    ended = subprocess.run(
        [sys.executable, "-m", "mortice", "log", "verify", file, "--lock-key",
         vector.input["lock"]], check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(mortice.__file__).parents[1])})
    assert ended.returncode == code, ended.stderr
