"""What the tests of the lock daemon share: bent time, cheap PIN hashes, and a lock to visit."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.lockd.bent import BentLoop
from tests.lockd.builders import Stand

from mortice.core import limits

MEMORY = Path("/dev/shm")  # on every Linux


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"bent": BentLoop}


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a lock syncs at every commit, and waits for it."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="mortice-test-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _cheap_pins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the point is not the hash, it need not be slow."""
    monkeypatch.setattr(limits, "ARGON2_KIB", 8)
    monkeypatch.setattr(limits, "ARGON2_PASSES", 1)


@pytest.fixture
async def stands(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Stand]]:
    """Makes stands, and puts them away again."""
    made: list[Stand] = []

    def make(name: str = "lock") -> Stand:
        made.append(Stand.new(tmp_path / name, request.node.name + name))
        return made[-1]

    yield make
    for stand in made:
        stand.die()


@pytest.fixture
async def new(stands: Callable[..., Stand]) -> Stand:
    """A lock without an owner."""
    return stands()


@pytest.fixture
async def stand(new: Stand) -> Stand:
    """A lock taken over by the site, as the front door."""
    return new.commission()
