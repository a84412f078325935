"""Watching pages miss nothing that changed before they listened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hubs import Cast
from starlette.testclient import TestClient

from mortice.hub.live import Live


async def test_what_changed_before_a_page_listened_is_told_at_once() -> None:
    live = Live()
    live.start()
    read = live.told
    live.tell(7)
    async with asyncio.timeout(1):
        assert await anext(live.changes(7, read))


async def test_where_nothing_changed_nothing_is_told() -> None:
    live = Live()
    live.start()
    live.tell(7)
    await asyncio.sleep(0)  # whoever listened has heard it
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(live.changes(7, live.told))


def test_a_page_says_how_much_had_been_told_before_it_was_read(
    cast: Cast, as_: Callable[[str], TestClient]) -> None:
    client = as_("owner")
    cast.hub.live.told = 41
    answer = client.get(cast.base)
    assert f'data-live-from="{cast.base}/live?after=41"' in answer.text
