"""Power cuts between any two durable writes: the disk is copied around each of them.

Each copy is what a lock would find that lost its power there. One run of an act gives all of its
cuts, and the act itself never knows.
"""

# ruff: noqa: ANN401 — stands in for a connection of any shape
from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.lockd.builders import Door, Stand

from mortice.lockd import secrets
from mortice.lockd.daemon import Lock


class Disk:
    """A database connection that calls `around` before and after each commit."""

    def __init__(self, db: Any, around: Any) -> None:
        self._db, self._around = db, around

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, statement: str, *parameters: Any) -> Any:
        durable = statement == "COMMIT"
        if durable:
            self._around()
        done = self._db.execute(statement, *parameters)
        if durable:
            self._around()
        return done


class Cuts:
    """The folders that power cuts left behind, in order."""

    def __init__(self, stand: Stand, into: Path) -> None:
        self._stand, self._into = stand, into
        self.folders: list[Path] = []

    def _cut(self) -> None:
        self.folders.append(self._into / f"cut-{len(self.folders)}")
        shutil.copytree(self._stand.folder, self.folders[-1])

    @contextmanager
    def during(self) -> Iterator[None]:
        """Copy the disk around every durable write of what happens inside."""
        store = self._stand.lock.store
        real, fsync = store._db, secrets.os.fsync

        def synced(descriptor: int) -> None:
            self._cut()
            fsync(descriptor)
            self._cut()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(secrets.os, "fsync", synced)
            store._db = Disk(real, self._cut)  # type: ignore[assignment]
            try:
                yield
            finally:
                store._db = real

    def lives(self) -> Iterator[Lock]:
        """A lock started from each of the disks that were left."""
        for folder in self.folders:
            self._stand.board.boot()
            lock = Lock(folder, Door(), self._stand.board)
            yield lock
            lock.store.close()
