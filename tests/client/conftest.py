"""What the tests of the client share: cheap hashes, a home, and a door that is a real lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.place import Place

from mortice.client import sealed
from mortice.core import limits


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the point is not the hash, it need not be slow."""
    monkeypatch.setattr(sealed, "KIB", 64)
    monkeypatch.setattr(sealed, "PASSES", 1)
    monkeypatch.setattr(limits, "ARGON2_KIB", 8)
    monkeypatch.setattr(limits, "ARGON2_PASSES", 1)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """The front door of a site, taken over."""
    made = Place(tmp_path)
    await made.open()
    yield made
    await made.close()
