"""One thread that writes for everybody: what waits together becomes durable together.

A commit costs one wait for the disk, however much is in it. So jobs queue while one commit is under
way, and the next takes them all; nobody hears *done* before the disk has it.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.orm import Session

from mortice.hub.database import Database

LOG = logging.getLogger(__name__)
GATHER_SECONDS = 0.001  # for others to join a transaction: about what its sync takes
JOBS = 256  # in one transaction: enough to share a sync, few enough that none waits long


class Around(Protocol):
    """What happens around a transaction."""

    def before_commit(self, db: Session) -> None:
        """The last thing in it."""

    def after_commit(self) -> None:
        """It is durable."""

    def before_rollback(self) -> None:
        """Something in it failed."""

    def after_failure(self) -> None:
        """Nothing of it happened."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to write, and whoever waits for it."""

    run: Callable[[Session], Any]
    future: Future[Any] = field(default_factory=Future)


class Writer:
    """Takes jobs from any thread and does them in its own."""

    def __init__(self, database: Database, around: Around) -> None:
        self._database, self._around = database, around
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def do(self, run: Callable[[Session], Any]) -> Future[Any]:
        """Done and durable when the future has its result; what `run` raises undoes `run` alone.

        `run` may be called twice: if something in a transaction fails, its jobs are done again one
        by one.
        """
        job = Job(run)
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
                self._thread.start()
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Finish what was asked for, and stop."""
        with self._starting:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._jobs.put(None)
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while jobs := self._next():
            if not self._commit(jobs):
                for job in jobs:
                    self._commit([job])

    def _next(self) -> list[Job]:
        """What waits now, at least one; nothing at the end of all work."""
        jobs: list[Job] = []
        while len(jobs) < JOBS:
            try:
                job = self._jobs.get(timeout=GATHER_SECONDS if jobs else None)
            except queue.Empty:
                break
            if job is None:
                if jobs:
                    self._jobs.put(None)
                break
            jobs.append(job)
        return jobs

    def _commit(self, jobs: list[Job]) -> bool:
        """All of them or none. False if that failed and they are worth a try one by one."""
        try:
            with self._database.writing() as db:
                answers = self._done(db, jobs)
        except Exception as error:  # nothing of it happened
            self._around.after_failure()
            if len(jobs) > 1:
                return False
            LOG.exception("something was not written")
            if jobs[0].future.set_running_or_notify_cancel():
                jobs[0].future.set_exception(error)
            return True
        self._around.after_commit()
        for job, answer in zip(jobs, answers, strict=True):
            if job.future.set_running_or_notify_cancel():  # nobody may be waiting any more
                job.future.set_result(answer)
        return True

    def _done(self, db: Session, jobs: list[Job]) -> list[Any]:
        try:
            answers = [job.run(db) for job in jobs]
            self._around.before_commit(db)
        except Exception:
            self._around.before_rollback()
            raise
        return answers
