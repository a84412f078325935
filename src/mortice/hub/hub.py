"""A hub in one object: what its routes and its lines share. Built once, in `make_hub`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mortice.hub.database import Database
from mortice.hub.lines import Lines
from mortice.hub.live import Live
from mortice.hub.own import Own, own_secrets
from mortice.hub.schema import upgrade
from mortice.hub.seats import Seats
from mortice.hub.settings import Settings


@dataclass(slots=True)
class Hub:
    """Settings, database, secrets, who watches, and which locks are connected."""

    settings: Settings
    database: Database
    own: Own
    live: Live = field(default_factory=Live)
    seats: Seats = field(default_factory=Seats)
    lines: Lines | None = None  # while it is served
    lines_at: tuple[str, int] | None = None  # where locks dial in, once it listens

    @property
    def cookie(self) -> str:
        """The cookie's name; `__Host-` binds it to this host over TLS (RFC 6265bis)."""
        return "__Host-mortice" if self.settings.is_https else "mortice"

    def nudge(self, locks: Iterable[bytes]) -> None:
        """Something waits for these locks. May be called from any thread, after the commit."""
        if self.lines is not None:
            for lock in locks:
                self.lines.nudge(lock)


def make_hub(settings: Settings) -> Hub:
    """Open the hub in its folder; the first call makes database and secrets. Raises Malformed."""
    own = own_secrets(settings.folder)
    database = Database(settings.database_url)
    upgrade(database)
    return Hub(settings, database, own)
