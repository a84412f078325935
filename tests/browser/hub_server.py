"""A hub that is really served, for a browser: on a free loopback port, in a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubs import Cast, make_cast

from mortice.hub.accounts import invite
from mortice.hub.running import bound, server_of


@dataclass
class Served:
    """A hub, its cast, and where it is."""

    cast: Cast
    origin: str

    @property
    def base(self) -> str:
        """The address of the cast's place."""
        return f"{self.origin}{self.cast.base}"

    def way_in(self, account: str) -> str:
        """An address that signs a browser in, once."""
        with self.cast.hub.database.writing() as db:
            return f"{self.origin}/in/{invite(db, self.cast.accounts[account], 600)}"

    def tell(self) -> None:
        """Watching pages hear that something changed."""
        self.cast.hub.live.tell(self.cast.place.id)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """The cast's hub, until the block ends."""
    taken = bound("127.0.0.1", 0)
    origin = f"http://localhost:{taken.getsockname()[1]}"
    cast = make_cast(folder, origin=origin)
    server = server_of(cast.hub)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[taken]),))
    thread.start()
    try:
        while not server.started and thread.is_alive():  # what it does at its start comes first
            time.sleep(0.01)
        yield Served(cast, origin)
    finally:
        cast.hub.live.close()
        server.should_exit = True
        thread.join(20)
        taken.close()
        cast.hub.database.close()
