"""Backups: everything the hub has in one file, which either database takes back.

A zip of one file of JSON lines for each table, the hub's own secrets, and a list of SHA-256 sums
that is checked before anything is written. It reads one snapshot, while the hub runs. Whoever has
the file has what a thief of the hub has, so it is written for its owner's eyes alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Table, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from mortice.core.errors import Malformed
from mortice.hub.database import Database
from mortice.hub.own import write_whole
from mortice.hub.tables import Base

FORM = "mortice-hub-backup/1"
LIST, SECRETS = "backup.json", "hub.key"
LINE_BYTES = 1 << 24  # of one row; a longer one is cut, and then is none
ROWS = 1000  # written at a time
SMALL_BYTES = 1 << 20  # more than the list of files, and the hub's key, ever take
BYTES = "bytes:"  # what marks a value that JSON has no word for

NONSENSE = (  # what reading something else than a backup raises
    zipfile.BadZipFile, zlib.error, SQLAlchemyError, ArithmeticError, AttributeError, EOFError,
    KeyError, NotImplementedError, RecursionError, TypeError, ValueError)

Told = Callable[[str, int], None]  # a table's name, and its rows so far


def _quiet(_table: str, _rows: int) -> None:
    """Nobody watches."""


def back_up(database: Database, folder: Path, file: Path, told: Told = _quiet) -> int:
    """Write everything to `file`, whole or not at all; returns how many rows. Raises OSError."""
    fresh = file.with_name(file.name + ".new")
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w+b") as raw:
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            rows = _write(database, folder, archive, told)
        raw.flush()
        os.fsync(raw.fileno())
    fresh.replace(file)
    return rows


def _write(database: Database, folder: Path, archive: zipfile.ZipFile, told: Told) -> int:
    sums: dict[str, str] = {}
    counts: dict[str, int] = {}
    with database.reading() as session:
        connection = session.connection()
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN")  # one snapshot for all tables
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table in Base.metadata.sorted_tables:
            name = f"{table.name}.jsonl"
            with archive.open(name, "w", force_zip64=True) as out:
                counts[table.name], sums[name] = _dump(connection, table, out, told)
    secrets = (folder / SECRETS).read_bytes()
    archive.writestr(SECRETS, secrets)
    sums[SECRETS] = hashlib.sha256(secrets).hexdigest()
    archive.writestr(LIST, json.dumps({"form": FORM, "rows": counts, "sha256": sums}))
    return sum(counts.values())


def _dump(connection: Connection, table: Table, out: IO[bytes], told: Told) -> tuple[int, str]:
    sums, count = hashlib.sha256(), 0
    result = connection.execution_options(yield_per=ROWS).execute(select(table))
    for count, row in enumerate(result.mappings(), 1):
        line = json.dumps({name: _to_json(value) for name, value in row.items()}).encode() + b"\n"
        sums.update(line)
        out.write(line)
        if count % ROWS == 0:
            told(table.name, count)
    return count, sums.hexdigest()


def _to_json(value: Any) -> Any:  # noqa: ANN401 - a column's value
    if isinstance(value, bytes):
        return BYTES + base64.b64encode(value).decode()
    return "text:" + value if isinstance(value, str) else value


def _from_json(value: Any) -> Any:  # noqa: ANN401 - as above
    if not isinstance(value, str):
        return value
    kind, _, rest = value.partition(":")
    return base64.b64decode(rest, validate=True) if kind == "bytes" else rest


def restore(database: Database, folder: Path, file: Path, told: Told = _quiet) -> int:
    """Put `file` into an empty hub; returns how many rows. Raises Malformed, in words."""
    try:
        with zipfile.ZipFile(file) as archive:
            listed = _checked(archive)
            _must_be_empty(database)
            with database.writing() as session:
                rows = _read(session.connection(), archive, listed["rows"], told)
                write_whole(folder / SECRETS, archive.read(SECRETS))  # with the rows, or neither
    except NONSENSE as error:
        raise Malformed("Z1", f"{file} is no whole backup of a hub: {error}") from error
    return rows


def _checked(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The list, once every file has the sum that it names."""
    if max(archive.getinfo(name).file_size for name in (LIST, SECRETS)) > SMALL_BYTES:
        raise Malformed("Z1", "this backup has a list or a key of a size that none has")
    listed: dict[str, Any] = json.loads(archive.read(LIST))
    if listed.get("form") != FORM:
        raise Malformed("Z1", f"this backup has the form {listed.get('form')!r}, not {FORM}")
    for name, expected in listed["sha256"].items():
        sums = hashlib.sha256()
        with archive.open(name) as part:
            while piece := part.read(1 << 20):
                sums.update(piece)
        if sums.hexdigest() != expected:
            raise Malformed("Z1", f"{name} in this backup was changed or damaged")
    return listed


def _must_be_empty(database: Database) -> None:
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            if session.scalar(select(func.count()).select_from(table)):
                raise Malformed("Z1", "this hub holds something already; restore into an empty one")


def _read(
    connection: Connection, archive: zipfile.ZipFile, counts: dict[str, int], told: Told) -> int:
    done, on_sqlite = 0, connection.dialect.name == "sqlite"
    if on_sqlite:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")  # keys point at keys
    for table in Base.metadata.sorted_tables:
        with archive.open(f"{table.name}.jsonl") as lines:
            rows = _load(connection, table, lines, told)
        if rows != counts[table.name]:
            raise Malformed("Z1", f"{table.name} in this backup is not whole")
        done += rows
        if not on_sqlite:
            _go_on_counting(connection, table)
    return done


def _load(connection: Connection, table: Table, lines: IO[bytes], told: Told) -> int:
    count = 0
    for some in _in_pieces(lines):
        connection.execute(insert(table), [
            {name: _from_json(value) for name, value in json.loads(line).items()}
            for line in some])
        count += len(some)
        told(table.name, count)
    return count


def _in_pieces(lines: IO[bytes]) -> Iterator[list[bytes]]:
    rest = iter(lambda: lines.readline(LINE_BYTES), b"")
    while some := list(islice(rest, ROWS)):
        yield some


def _go_on_counting(connection: Connection, table: Table) -> None:
    """PostgreSQL's counters do not follow numbers that are written in."""
    column = table.autoincrement_column
    if column is None:
        return
    connection.execute(text(
        f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - our own names
        f"GREATEST((SELECT MAX({column.name}) FROM {table.name}), 1))"))
