"""Is this hub in order? Each check says what it saw, or what is wrong and what to do."""

from __future__ import annotations

import shutil
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from mortice.core.errors import Malformed
from mortice.hub.hub import Hub
from mortice.hub.tables import Delivery, Door, Log, Place, now

ROOM_BYTES = 256 * 1024 * 1024
SILENT_SECONDS = 15 * 60
BACKUP_DAYS = 14
EARLIEST = 1_795_478_400  # 24 November 2026: a clock before that is wrong


@dataclass(frozen=True, slots=True)
class Found:
    """One check."""

    name: str
    saw: str
    ok: bool = True


def examine(hub: Hub, backups: Path | None = None) -> list[Found]:
    """Every check, in the order in which things depend on each other."""
    checks: tuple[tuple[str, Callable[[], Found]], ...] = (
        ("folder", lambda: _folder(hub)), ("database", lambda: _database(hub)),
        ("disk", lambda: _disk(hub)), ("clock", _clock), ("address", lambda: _address(hub)),
        ("doors", lambda: _doors(hub)), ("logs", lambda: _logs(hub)),
        ("on their way", lambda: _deliveries(hub)), ("backup", lambda: _backup(backups)))
    return [_try(name, check) for name, check in checks]


def _try(name: str, check: Callable[[], Found]) -> Found:
    try:
        return check()
    except (OSError, SQLAlchemyError, Malformed) as error:
        return Found(name, f"{error}".split("\n", maxsplit=1)[0], ok=False)


def _folder(hub: Hub) -> Found:
    secrets = hub.settings.folder / "hub.key"
    mode = stat.S_IMODE(secrets.stat().st_mode)
    if mode & 0o077:
        return Found("folder", f"others on this machine may read {secrets}: chmod 600 it", ok=False)
    return Found("folder", f"{hub.settings.folder}, its key is yours alone")


def _database(hub: Hub) -> Found:
    with hub.database.reading() as db:
        places = db.scalar(select(func.count()).select_from(Place))
        if hub.database.is_sqlite:
            whole = db.scalar(text("PRAGMA quick_check"))
            if whole != "ok":
                return Found("database", f"SQLite says {whole}: restore a backup", ok=False)
    return Found("database", f"{hub.database.engine.dialect.name}, whole, {places} places")


def _disk(hub: Hub) -> Found:
    free = shutil.disk_usage(hub.settings.folder).free
    words = f"{free // (1024 * 1024):,} MB free"
    return Found("disk", words if free > ROOM_BYTES else f"{words}: make room", free > ROOM_BYTES)


def _clock() -> Found:
    if time.time() < EARLIEST:
        return Found("clock", "this machine's clock is behind: set it", ok=False)
    return Found("clock", time.strftime("%d %b %Y %H:%M:%S %Z"))


def _address(hub: Hub) -> Found:
    settings = hub.settings
    with socket.socket() as probe:
        probe.settimeout(1)
        running = probe.connect_ex((settings.host, settings.port)) == 0
    state = "answers" if running else "is not running"
    return Found("address", f"{settings.origin} {state} at {settings.host}:{settings.port}")


def _doors(hub: Hub) -> Found:
    with hub.database.reading() as db:
        doors = db.scalars(select(Door)).all()
    silent = [door.label for door in doors if (door.heard_at or 0) < now() - SILENT_SECONDS]
    if silent:
        return Found("doors", f"{len(silent)} of {len(doors)} not heard lately, first "
                     f"{silent[0]}: see that its controller has power and network", ok=False)
    return Found("doors", f"{len(doors)}, all heard in the last 15 minutes")


def _logs(hub: Hub) -> Found:
    with hub.database.reading() as db:
        broken = db.scalars(select(Log.fault).where(Log.fault.is_not(None))).all()
        entries = db.scalar(select(func.coalesce(func.sum(Log.size), 0)))
    if broken:
        return Found("logs", f"{len(broken)} do not hold: {broken[0]}. See Activity", ok=False)
    return Found("logs", f"{entries:,} entries, unbroken")


def _deliveries(hub: Hub) -> Found:
    with hub.database.reading() as db:
        waiting = db.scalar(
            select(func.count()).select_from(Delivery).where(Delivery.state == "waiting"))
    return Found("on their way", f"{waiting} documents wait for their doors")


def _backup(folder: Path | None) -> Found:
    if folder is None:
        return Found("backup", "not looked for; name its folder with --backups")
    files = [file.stat().st_mtime for file in folder.glob("*.mortice-hub")]
    if not files or time.time() - max(files) > BACKUP_DAYS * 86_400:
        return Found("backup", f"none of the last {BACKUP_DAYS} days in {folder}: "
                     "mortice hub backup makes one", ok=False)
    newest = time.strftime("%d %b", time.localtime(max(files)))
    return Found("backup", f"{len(files)}, the newest of {newest}")
