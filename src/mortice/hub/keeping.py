"""Entries into the database in bulk: rows as tuples, without an object for each.

SQLite takes one prepared statement many times over, PostgreSQL a binary COPY. Either is a multiple
of what inserting rows one by one costs, and the hub takes entries of many locks at once.
"""

from __future__ import annotations

import struct

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from mortice.hub.ingest import Row
from mortice.hub.tables import LogEntry

COLUMNS = Row._fields

INSERT = f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names from above
# PostgreSQL's COPY, binary format: a count of columns, then each value behind its length.
BEGIN, END, NULL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff", b"\xff\xff\xff\xff"
NUMBERS, LENGTH = struct.Struct(">h" + "iq" * 6), struct.Struct(">i")
COPY = f"COPY entries ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def put_entries(db: Session, rows: list[Row]) -> None:
    """Add `rows`. Raises IntegrityError if one is there already."""
    if not rows:
        return
    connection = db.connection()
    match connection.dialect.name:
        case "sqlite":
            connection.exec_driver_sql(INSERT, rows)
        case "postgresql":
            _copy(connection, rows)
        case _:
            connection.execute(
                insert(LogEntry), [dict(zip(COLUMNS, row, strict=True)) for row in rows])


def _copy(connection: Connection, rows: list[Row]) -> None:
    """COPY's own bytes, made here: a third of what a driver takes to adapt each value."""
    driver = connection.connection.driver_connection
    assert driver is not None, "a connection that is in a transaction is open"
    with driver.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(b"".join((BEGIN, *map(_packed, rows), END)))


def _packed(row: Row) -> bytes:
    log_id, number, place_id, at, kind, sort, leaf, body = row
    return NUMBERS.pack(
        len(COLUMNS), 8, log_id, 8, number, 8, place_id, 8, at, 8, kind, 8, sort) + (
        NULL if leaf is None else LENGTH.pack(len(leaf)) + leaf) + LENGTH.pack(len(body)) + body
