"""What runs beside the pages of a hub that is served: locks' lines, and keeping keys refreshed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mortice.hub.hub import Hub
from mortice.hub.ledger import HubLedger
from mortice.hub.lines import Lines

LOG = logging.getLogger(__name__)


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[None]:
    """For as long as the block lasts. Pages work where the port for locks is taken."""
    ledger = HubLedger(hub)
    await ledger.start()
    hub.lines = Lines(hub.own.link, ledger)
    hub.lines.start()
    await _listen(hub, hub.lines)
    try:
        yield
    finally:
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
