"""How the kept logs of a place stand: what was verified of each, and what is wrong where it is.

What is said here comes from what was checked when it came in (ingest.py). A proof is checked when
it is shown. To read a whole log again from the disk, see evidence.check_again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mortice.core.errors import Theirs
from mortice.core.log import Head, accept_head, read_entry
from mortice.core.merkle import leaf_hash, verify_inclusion
from mortice.hub.places import key_of
from mortice.hub.tables import Log, LogEntry
from mortice.hub.tree import proof


@dataclass(frozen=True, slots=True)
class Standing:
    """How the logs that somebody sees stand together."""

    entries: int  # under signed heads
    unsigned: int  # above the newest of them
    since: int | None
    head_at: int | None  # of the head that was signed last
    faults: list[Log]


def standing(db: Session, logs: Iterable[Log], watched: Iterable[Log]) -> Standing:
    """Of these logs, as they were checked when they came; what does not fit, of all `watched`."""
    logs = list(logs)
    first = db.scalar(select(func.min(LogEntry.at)).where(
        LogEntry.log_id.in_([log.id for log in logs]), LogEntry.number == 0))
    return Standing(
        sum(log.head_size for log in logs), sum(log.size - log.head_size for log in logs), first,
        max((log.head_at for log in logs if log.head_at), default=None),
        [log for log in watched if log.fault and not log.ended_at])


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry is in a log which its lock signed."""

    head: Head
    encoded: bytes
    hashes: list[bytes]


def prove(db: Session, log: Log, row: LogEntry) -> Proof | Theirs | None:
    """The proof of one entry, checked; None if no head covers it yet; or what does not hold."""
    if log.head is None or row.number >= log.head_size:
        return None
    try:
        head = accept_head(log.head, key_of(log))
        hashes = proof(db.connection(), log.id, row.number, head.size)
        hashed = leaf_hash(row.body)
        verify_inclusion(hashed, row.number, head.size, head.root, hashes)
        read_entry(row.body)
    except Theirs as error:
        return error
    return Proof(head, log.head, hashes)
