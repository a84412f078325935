from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hubs import Cast, browser, make_cast
from postgresql import database_url, postgresql
from starlette.testclient import TestClient


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    made = make_cast(tmp_path / "hub")
    yield made
    made.hub.database.close()


__all__ = ["database_url", "postgresql"]  # fixtures


@pytest.fixture
def as_(cast: Cast) -> Iterator[Callable[[str], TestClient]]:
    """`as_("owner")` is a browser signed in as the cast's owner; `as_("nobody")` is not."""
    with ExitStack() as stack:
        def signed_in(role: str) -> TestClient:
            account = cast.accounts.get(role)
            return stack.enter_context(browser(cast.hub, account))

        yield signed_in
