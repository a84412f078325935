"""A database on a board whose power may go at any commit, before or after it."""

# ruff: noqa: ANN401 — stands in for a connection of any shape
from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mortice.lockd import store


class PowerCut(BaseException):
    """The board is dead. No `except Exception` of the daemon may go on from here."""


class Mains:
    """A connection; once the power is gone it answers nobody."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.dead = False
        self._left: int | None = None  # commits until the cut
        self._after = False

    def arm(self, commits: int, *, after: bool) -> None:
        """Cut the power at one of the next commits: just before it, or just after."""
        self._left, self._after = commits, after

    def cut(self) -> None:
        self.dead = True
        raise PowerCut

    def execute(self, statement: str, *parameters: Any) -> Any:
        self._alive()
        return self._commit() if statement == "COMMIT" else self.db.execute(statement, *parameters)

    def _commit(self) -> Any:
        now = False
        if self._left is not None:
            self._left -= 1
            now = self._left <= 0
        if now and not self._after:
            self.cut()
        done = self.db.execute("COMMIT")
        if now:
            self.cut()
        return done

    def _alive(self) -> None:
        if self.dead:
            raise PowerCut

    def __getattr__(self, name: str) -> Any:
        self._alive()
        return getattr(self.db, name)


@contextmanager
def wired() -> Iterator[None]:
    """Every database that is opened inside hangs on the mains."""
    real = sqlite3.connect

    def connect(*arguments: Any, **options: Any) -> Any:
        return Mains(real(*arguments, **options))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.sqlite3, "connect", connect)
        yield
