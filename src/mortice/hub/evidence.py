"""Evidence that outlives the hub: signed entries in a file that anybody checks with a lock's key.

A pack holds the entries as the lock wrote them, the hashes in place of what is left out, the head
that the lock signed, a statement in words, and how to check it. Nothing in it asks to be believed
because of the hub: what counts is the lock's signature (spec/log.md, sections 6 and 7).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.client.audit import (
    ENTRY,
    HEAD_FRAME,
    MAGIC,
    NODE_FRAME,
    Audit,
    Auditor,
    frame,
)
from mortice.core.merkle import Node, leaf_hash
from mortice.hub.access import Here
from mortice.hub.activity import Search
from mortice.hub.copies import iso, table, visible
from mortice.hub.places import key_of
from mortice.hub.statement import statement
from mortice.hub.tables import Log, LogEntry, LogHead, Place, now
from mortice.hub.tree import nodes

READ = 500  # entries at a time
MOST = 5000  # entries in a pack that is a selection, and in a statement

README = """\
Evidence from {place}, made {made}.

What is in this folder

  statement.pdf      what happened, in words
  entries.csv        the same as a table
  *.mortice-log      what each lock itself wrote and signed
  keys.json          the public key of each lock

How to check it, without us and without the internet

  Install Mortice, and for each lock run

{commands}

  Take the key from the door itself, or from the owner's own papers, if it must not depend on this
  folder: mortice door key DOOR prints it.

What that shows

  Every entry in the file is what that lock wrote, at that place of its log, and nothing in the log
  was changed, added or removed up to the head that it signed. Where a file holds a part of the log,
  the rest is there as hashes, which tell nothing of what they stand for.

What it does not show

  A lock knows keys, not people. The names in the words come from the owner's own records. Where the
  clock was unsure, the entry says so. Times in the statement are on the door's clock.
"""


# --- one log as a file ----------------------------------------------------------------------------


def frames_of(
    db: Session, log: Log, chosen: Collection[int] | None = None,
) -> Iterator[tuple[int, bytes]]:
    """The lines of an export up to the newest head: entries, nodes for what is not shown, heads."""
    if log.head is None:
        return
    node, at = nodes(db.connection(), log.id), 0
    heads = {log.head_size: log.head} if chosen is not None else _heads(db, log)
    for number, body in _bodies(db, log, chosen):
        yield from _gap(node, at, number)
        yield ENTRY, leaf_hash(body) + body
        at = number + 1
        if at in heads:
            yield HEAD_FRAME, heads[at]
    if at < log.head_size:
        yield from _gap(node, at, log.head_size)
        yield HEAD_FRAME, log.head


def _heads(db: Session, log: Log) -> dict[int, bytes]:
    rows = db.execute(select(LogHead.size, LogHead.head).where(LogHead.log_id == log.id))
    return {row.size: row.head for row in rows}


def _bodies(
    db: Session, log: Log, chosen: Collection[int] | None,
) -> Iterator[tuple[int, bytes]]:
    """The entries below the newest head that are here, in order."""
    found = select(LogEntry.number, LogEntry.body).where(
        LogEntry.log_id == log.id, LogEntry.number < log.head_size).order_by(LogEntry.number)
    if chosen is not None:
        numbers = iter(sorted(chosen))
        while some := list(islice(numbers, READ)):
            yield from map(tuple, db.execute(found.where(LogEntry.number.in_(some))))
        return
    at = -1
    while rows := db.execute(found.where(LogEntry.number > at).limit(READ)).all():
        yield from map(tuple, rows)
        at = rows[-1].number


def _gap(node: Node, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The fewest nodes that stand for entries `start` to `end`."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield NODE_FRAME, bytes([level]) + node(level, start >> level)
        start += 1 << level


def check_again(db: Session, log: Log) -> Audit:
    """Read every entry from the disk, and audit it as anybody else would."""
    return Auditor(key_of(log)).run(frames_of(db, log))


# --- a pack ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """One log in a pack."""

    name: str
    door: str
    key: str  # the lock's public key, as `mortice log verify` takes it
    sha256: str
    audit: Audit


def write_pack(out: BinaryIO, here: Here, search: Search) -> list[Member]:
    """A pack with what `search` finds; whole logs where nothing is left out."""
    place, members, made = here.place, list[Member](), now()
    comings = list(islice(search.all(), MOST))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for log in search.chosen_logs():
            numbers = {one.entry.index for one in comings if one.log.id == log.id}
            chosen = None if search.whole(log) else numbers
            if log.head is not None and (chosen is None or chosen):
                members.append(_member(pack, here.db, log, chosen, len(members)))
        pack.writestr("entries.csv", b"".join(table(comings)))
        pack.writestr("statement.pdf", statement(here, comings, members, made))
        pack.writestr("keys.json", _keys(place, members, made))
        pack.writestr("README.txt", _readme(place, members, made))
    return members


def _member(
    pack: zipfile.ZipFile, db: Session, log: Log, chosen: Collection[int] | None, position: int,
) -> Member:
    name = f"{position + 1}-{_slug(log.label)}.mortice-log"
    hashed = hashlib.sha256(MAGIC)
    with pack.open(name, "w") as file:
        file.write(MAGIC)

        def copied() -> Iterator[tuple[int, bytes]]:
            for part in frames_of(db, log, chosen):
                line = frame(*part)
                file.write(line)
                hashed.update(line)
                yield part

        audit = Auditor(key_of(log)).run(copied())
    return Member(name, visible(log.label), key_of(log).encoded.hex(), hashed.hexdigest(), audit)


def _slug(label: str) -> str:
    """A file's name on any system."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in label)
    return "-".join(filter(None, plain.lower().split("-")))[:40] or "door"


def _keys(place: Place, members: list[Member], made: int) -> str:
    return json.dumps({
        "format": "mortice-keys/1", "place": place.name, "made": iso(made),
        "locks": [{"door": one.door, "file": one.name, "key": one.key, "sha256": one.sha256}
                  for one in members]}, indent=1) + "\n"


def _readme(place: Place, members: list[Member], made: int) -> str:
    commands = "\n".join(
        f"    mortice log verify {one.name} \\\n      --lock-key {one.key}" for one in members)
    return README.format(place=visible(place.name), made=iso(made), commands=commands)


