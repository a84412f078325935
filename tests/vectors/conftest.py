"""The doors that vectors are shown at say what they got when it is not what was expected."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")

@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a lock keeps its disk: in memory where there is such a place, as nothing is cut off."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as made:
        yield Path(made) / "lock"
