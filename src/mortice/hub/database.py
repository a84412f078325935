"""The hub's database: SQLite without configuration, PostgreSQL by one setting.

A write is one transaction and durable when it returns (SQLite: WAL and FULL). Nothing here knows
what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

BUSY_MILLISECONDS = 10_000  # a writer waits this long for another before it gives up


class Database:
    """One engine and its sessions."""

    def __init__(self, url: str) -> None:
        """Open `url`, an SQLAlchemy URL; nothing is read yet."""
        self.engine = _engine(url)
        self._make = sessionmaker(self.engine, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Is it SQLite, with one writer at a time?"""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session whose changes, if any, are thrown away."""
        with self._make() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end, or leaves nothing if anything is raised."""
        with self._make() as session:
            if self.is_sqlite:
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            yield session
            session.commit()

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    """Its errors are logged, so they name no values: those may be hashes, or what people wrote."""
    if not url.startswith("sqlite"):
        return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1),
                             pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, hide_parameters=True,
                           connect_args={"timeout": BUSY_MILLISECONDS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None  # transactions begin where we say, not where sqlite3 guesses
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
                   f"busy_timeout={BUSY_MILLISECONDS}"):
        connection.execute(f"PRAGMA {pragma}")
