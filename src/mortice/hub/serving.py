"""What runs beside the pages of a hub that is served: lines, keys refreshed, old records gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from mortice.core import cbor
from mortice.hub.drift import keep_today
from mortice.hub.hub import Hub
from mortice.hub.ledger import CATCHING_UP, HubLedger
from mortice.hub.lines import Lines, Seen
from mortice.hub.privacy import tidy
from mortice.hub.refreshing import renew_all, time_for
from mortice.hub.tables import now

LOG = logging.getLogger(__name__)
TIDY_SECONDS = 86_400.0
POSTURE_SECONDS = 3_600.0
RENEW_SECONDS = 30.0  # a new key that must be refreshed has its first staple after this at most


class TellingLedger(HubLedger):
    """The ledger; at the beginning of a line it also tells a lock the time, where it may."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._hub = hub
        self._told: dict[bytes, bytes] = {}  # the conversation in which each lock was told

    async def waiting(self, lock_id: bytes, seen: Seen) -> list[tuple[int, list[bytes]]]:
        """As the ledger says, and the time before it: its nonce counts for some seconds only."""
        bundles = await super().waiting(lock_id, seen)
        if self._told.get(lock_id) == seen.handshake:
            return bundles
        self._told[lock_id] = seen.handshake
        told = await self._read(lambda db: time_for(db, self._hub, lock_id, seen))
        return bundles if told is None else [(CATCHING_UP, [cbor.encode(told)]), *bundles]


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[None]:
    """For as long as the block lasts. Pages work where the port for locks is taken."""
    ledger = TellingLedger(hub)
    await ledger.start()
    hub.lines = Lines(hub.own.link, ledger)
    hub.lines.start()
    await _listen(hub, hub.lines)
    beside = asyncio.gather(_renew(hub), _tidy(hub), _look(hub))
    try:
        yield
    finally:
        beside.cancel()
        with suppress(asyncio.CancelledError):
            await beside
        lines, hub.lines = hub.lines, None
        await lines.close()
        await ledger.close()


async def _listen(hub: Hub, lines: Lines) -> None:
    settings = hub.settings
    try:
        hub.lines_at = await lines.listen(settings.lines_host, settings.lines_port)
    except OSError as error:
        LOG.error(  # noqa: TRY400 - what is wrong is the port, which the line says
            "locks cannot dial in at %s:%s: %s", settings.lines_host, settings.lines_port,
            error.strerror)


async def _renew(hub: Hub) -> None:
    await _again(lambda: renew_all(hub), RENEW_SECONDS, "keys were not refreshed")


async def _tidy(hub: Hub) -> None:
    await _again(lambda: tidy(hub.database, now()), TIDY_SECONDS, "old records were not deleted")


async def _look(hub: Hub) -> None:
    await _again(lambda: keep_today(hub.database), POSTURE_SECONDS, "no posture was kept")


async def _again(work: Callable[[], object], seconds: float, failed: str) -> None:
    while True:
        try:
            await asyncio.to_thread(work)
        except Exception:  # the next round may do better, and the lines must go on
            LOG.exception(failed)
        await asyncio.sleep(seconds)
